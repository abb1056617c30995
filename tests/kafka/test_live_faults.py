"""Live workers on Apache Kafka, and what other clients do to them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from schemas.instants import format_instant
from streams.kafka.status import read
from tests.kafka.apache import free_ports
from tests.kafka.city import wait_for
from tests.kafka.group import Group, metrics, new_group
from tests.kafka.test_clients import send_by_java

HIDDEN = 500
LIMIT_S = 60.0


@contextmanager
def live(brokers: str, folder: Path, partitions: int) -> Iterator[tuple[Group, int]]:
    """A live worker that owns its partitions, and the port of its pages."""
    group = new_group(brokers, partitions, folder)
    (port,) = free_ports(1)
    with group.worker("--http", str(port)):
        yield group, port


def visit(customer: str, producer: str = "shop", number: int = 0) -> bytes:
    body = {
        "event_id": f"{producer}-{customer}-{number}",
        "kind": "service_visit",
        "schema_version": 1,
        "customer_id": customer,
        "event_time": format_instant(time.time_ns() // 1000),
        "producer": producer,
    }
    return json.dumps(body).encode()


async def problems(group: Group) -> str:
    return "\n".join((await read(group.city.settings)).problems)


async def test_a_transaction_that_hangs_holds_the_frontier_counts_as_lag_and_is_named(
    brokers: str, tmp_path: Path
) -> None:
    with live(brokers, tmp_path, 1) as (group, port):
        settings = group.city.settings
        await wait_for(lambda: bool(metrics(port, "frontier_timestamp_seconds")), LIMIT_S)
        topic = settings.topic("service-visits")
        async with (
            AIOKafkaProducer(**settings.client, transactional_id=f"{settings.group}-foreign") as foreign,
            AIOKafkaProducer(**settings.client) as other,
        ):
            await foreign.begin_transaction()
            await foreign.send_and_wait(topic, visit("a"), b"a")
            for number in range(HIDDEN):
                await other.send(topic, visit("b", number=number), b"b")
            await other.flush()

            async def is_named() -> bool:
                return "kafka-transactions.sh" in await problems(group)

            await wait_for(is_named, LIMIT_S)
            found = await problems(group)
            assert f"{topic}/0: a transaction of producer" in found
            assert f"abort --topic {topic} --partition 0 --start-offset 0" in found
            (lag,) = [one.lag_records for one in (await read(settings)).places if one.topic == "service-visits"]
            assert lag == HIDDEN + 1
            assert metrics(port, "frontier_age_seconds")['{unit="engine-0"}'] > 10.0
            await foreign.abort_transaction()

            async def is_over() -> bool:
                return "kafka-transactions.sh" not in await problems(group)

            await wait_for(is_over, LIMIT_S)

        def is_applied() -> bool:
            applied = {labels: count for labels, count in metrics(port, "events_total").items() if "applied" in labels}
            return sum(applied.values()) == HIDDEN

        await wait_for(is_applied, LIMIT_S)


async def test_of_two_clients_with_their_defaults_the_one_with_another_partitioner_is_refused_and_named(
    brokers: str, tmp_path: Path
) -> None:
    confluent = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    names = [f"c{number}" for number in range(100)]
    with live(brokers, tmp_path, 4) as (group, port):
        settings = group.city.settings
        topic = settings.topic("service-visits")
        await wait_for(lambda: len(metrics(port, "unit_ready")) >= 5, LIMIT_S)
        by_java = [(name, visit(name, "java").decode()) for name in names]
        await asyncio.to_thread(send_by_java, brokers, topic, by_java)
        crc32 = confluent.Producer({"bootstrap.servers": brokers})
        for name in names:
            crc32.produce(topic, visit(name, "librdkafka"), name.encode())
        await asyncio.to_thread(crc32.flush, 30)

        def counted(name: str) -> float:
            return sum(count for labels, count in metrics(port, "events_total").items() if f'"{name}"' in labels)

        def refused() -> float:
            return sum(metrics(port, "rejected_total").values())

        await wait_for(lambda: counted("applied") + refused() == 2 * len(names), LIMIT_S)
        assert counted("applied") >= len(names)
        assert refused() > len(names) / 2
        assert all("librdkafka" in labels and "partition" in labels for labels in metrics(port, "rejected_total"))

        async def is_named() -> bool:
            return "producer librdkafka sends records to other partitions" in await problems(group)

        await wait_for(is_named, LIMIT_S)
        letters = [json.loads(value) for value in await group.values("dead-letters")]
        assert len(letters) == refused()
        assert {letter["rule"] for letter in letters} == {"partition"}
