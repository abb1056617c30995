"""What on-call sees of a live worker on Apache Kafka: its pages, and the status of its group."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from aiokafka import AIOKafkaProducer

from online_model.snapshot import Reason, Snapshot
from streams.kafka.status import read
from streams.units.sources import MODELS
from tests.kafka.apache import free_ports
from tests.kafka.city import wait_for
from tests.kafka.group import Group, metrics, new_group
from tests.replay.runs import city, write_jsonl

PARTITIONS = 2

DRAIN_LIMIT_S = 90.0  # years of days and weeks are caught up with, each with its sweep and its model


@dataclass
class Live:
    """A running worker that has applied all records of its topics."""

    group: Group
    port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except URLError as error:
            return getattr(error, "code", 0), str(error)

    def metrics(self, name: str) -> dict[str, float]:
        return metrics(self.port, name)

    def is_drained(self) -> bool:
        lag, events = self.metrics("lag_records"), self.metrics("events_total")
        return bool(lag) and not any(lag.values()) and sum(events.values()) > 0


@pytest.fixture(scope="module")
def live(brokers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    events = city(folder / "city", 60, 100)
    bad = dict(events[5], customer_id="", producer="till 7")
    log = write_jsonl(folder / "events.jsonl", events)
    group = new_group(brokers, PARTITIONS, folder)
    group.run("publish", str(log))
    send(group, bad)
    (port,) = free_ports(1)
    with group.worker("--http", str(port)) as process:
        yield Live(group, port, process)


def send(group: Group, event: dict[str, object]) -> None:
    """Sends an event without validation."""

    async def sending() -> None:
        async with AIOKafkaProducer(**group.city.settings.client) as producer:
            await producer.send(group.city.settings.topic("surveys"), json.dumps(event).encode(), b"x", 0)

    asyncio.run(sending())


async def test_it_is_ready_once_everything_is_restored_and_names_its_units(live: Live) -> None:
    await wait_for(lambda: live.get("/readyz")[0] == 200)
    assert "engine-0" in live.get("/readyz")[1]
    assert live.get("/healthz") == (200, "gets on\n")


async def test_the_lag_is_zero_after_a_drain_in_spite_of_markers(live: Live) -> None:
    await wait_for(live.is_drained, DRAIN_LIMIT_S)
    await wait_for(lambda: not any(live.metrics("lag_seconds").values()))
    assert {re.findall('topic="([^"]+)"', labels)[0] for labels in live.metrics("lag_records")} >= {
        live.group.city.settings.topic(topic) for topic in ("service-visits", "app-activity", "surveys")
    }


async def test_refused_records_are_counted_by_rule_and_producer(live: Live) -> None:
    await wait_for(live.is_drained, DRAIN_LIMIT_S)
    (labels,) = live.metrics("rejected_total")
    assert 'producer="till 7"' in labels


async def test_read_applied_and_committed_offsets_are_separate(live: Live) -> None:
    await wait_for(live.is_drained, DRAIN_LIMIT_S)
    stages = {re.findall(r'stage="(\w+)"', labels)[0] for labels in live.metrics("offset")}
    assert stages == {"read", "applied", "sent", "committed", "end"}


async def test_no_customer_is_named(live: Live) -> None:
    await wait_for(live.is_drained, DRAIN_LIMIT_S)
    assert "c0000001" not in live.get("/metrics")[1] + live.group.city.log


async def test_the_status_of_the_group_has_no_lag_and_no_problem_with_producers_of_years_ago(live: Live) -> None:
    async def is_drained() -> bool:
        return not any(unit.lag_records for unit in (await read(live.group.city.settings)).units)

    await wait_for(is_drained)
    problems = (await read(live.group.city.settings)).problems
    assert [one for one in problems if ": model " not in one] == []  # of so few customers a model may well be held


async def test_a_version_is_served_right_after_a_rollback(live: Live) -> None:
    await wait_for(live.is_drained, DRAIN_LIMIT_S)
    (before,) = live.metrics("model_version").values()
    live.group.run("models", "rollback", "1", "--why", "it went wrong")
    await wait_for(lambda: live.metrics("model_version") == {"": before + 1})
    served = [Snapshot.loads(value) for value in await live.group.values(MODELS)]
    (reason,) = {one.lineage.reason for one in served if one.version == before + 1}
    assert reason is Reason.ROLLBACK


async def test_the_status_says_when_no_worker_runs(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, 1, tmp_path)
    assert f"no worker runs in group {group.city.settings.group}" in (await read(group.city.settings)).problems
