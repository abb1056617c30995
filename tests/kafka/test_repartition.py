"""`keepline repartition`: history in topics with another number of partitions, decided on as before."""

from __future__ import annotations

import json
import re
import subprocess
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewPartitions

from schemas.errors import Failure, UsageError
from schemas.events import TOPIC_OF_KIND
from schemas.instants import DAY_US
from schemas.partitioner import partition_of
from streams.kafka import repartition as module
from streams.kafka import topics
from streams.kafka.repartition import Counts, Report, repartition
from streams.units.sources import INPUTS
from tests.kafka.city import ROOT, City
from tests.kafka.group import EVENT_TIME, OPTIONS, Group, decisions, new_group

SKEW_US = 300 * 1_000_000
STRANGE = [b"", b"null", b"[]", b"{}", b"\xff\x00", b'"x"', b"1e999", b'{"kind": "service_visit"}', b'{"kind": "end"}']
SENT_MS = 1_700_000_000_000


@pytest.fixture
def lines(log: Path) -> list[bytes]:
    return log.read_bytes().splitlines()


def under(group: Group, prefix: str) -> Group:
    """The group of workers on the new topics."""
    old = group.city.settings
    return Group(City(replace(old, topic_prefix=prefix, group=prefix), group.city.folder))


def a_prefix() -> str:
    return f"{uuid4().hex[:8]}-"


def called(group: Group, *words: str) -> subprocess.CompletedProcess[str]:
    command = group._command([*words, *OPTIONS])
    return subprocess.run(command, cwd=ROOT, env=group.city.environment, capture_output=True, text=True, check=False)


async def run(group: Group, prefix: str, count: int, progress: Any = lambda counts, until_us: None) -> Report:
    return await repartition(group.city.settings, prefix, count, DAY_US, SKEW_US, progress)


async def records(group: Group, *shorts: str) -> list[Any]:
    """The committed records of topics."""
    known = group.city.settings
    names = [known.topic(short) for short in shorts or INPUTS]
    found = []
    async with AIOKafkaConsumer(
        *names, **known.client, isolation_level="read_committed", auto_offset_reset="earliest"
    ) as consumer:
        places = sorted(consumer.assignment())
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for got in (await consumer.getmany(timeout_ms=100)).values():
                found += got
    return found


def is_mark(value: bytes | None, *producers: str) -> bool:
    body = json.loads(value) if value and b'"producer"' in value else {}
    is_one = body.get("kind") in ("heartbeat", "end")
    return is_one and (not producers or body["producer"] in producers)


def values(found: list[Any]) -> Counter[tuple[str, bytes | None]]:
    """Values by topic, without marks and prefixes."""
    return Counter((one.topic.split("-", 1)[1], one.value) for one in found if not is_mark(one.value))


async def add_partitions(group: Group, shorts: list[str], count: int) -> None:
    async with topics.admin(group.city.settings) as client:
        full = [group.city.settings.topic(short) for short in shorts]
        await client.create_partitions({name: NewPartitions(count) for name in full})


async def test_partitions_that_a_tool_added_are_refused_and_the_command_that_is_named_works(
    brokers: str, log: Path, wanted: dict[str, list[bytes]], tmp_path: Path
) -> None:
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()
    group.publish(log)
    group.finish()
    assert await decisions(group) == wanted
    await add_partitions(group, [topic.name for topic in topics.TOPICS if not topic.single], 6)
    refused = called(group, "worker", *EVENT_TIME)
    assert refused.returncode == 1
    assert (
        "has worked with 4 partitions, now the topics have 6: most customers now map to another one" in refused.stderr
    )
    command = re.findall(r"`keepline (.*) PREFIX`", refused.stderr)[0].split()
    done = called(group, *command, prefix)
    assert done.returncode == 0, done.stderr
    assert f"into the topics {prefix}* with 6 partitions" in done.stdout
    assert f"KEEPLINE_TOPIC_PREFIX={prefix}" in done.stdout
    new = under(group, prefix)
    assert values(await records(new)) == values(await records(group))
    new.finish()
    assert await decisions(new) == wanted


async def test_what_a_client_put_into_wrong_partitions_is_healed_and_decided_on_as_in_a_replay(
    brokers: str, lines: list[bytes], wanted: dict[str, list[bytes]], tmp_path: Path
) -> None:
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()
    async with AIOKafkaProducer(**group.city.settings.client) as producer:
        for line in lines:
            body = json.loads(line) if line != b"{" else {"kind": "survey", "customer_id": "?"}
            key = body["customer_id"].encode()
            topic = group.city.settings.topic(TOPIC_OF_KIND[body["kind"]])
            await producer.send(topic, line, key, zlib.crc32(key) % 4)
    report = await run(group, prefix, 6)
    assert report.counts.healed > report.counts.events / 2
    new = under(group, prefix)
    assert values(await records(new)) == values(await records(group))
    new.finish()
    assert await decisions(new) == wanted


async def sent(group: Group, *sends: tuple[str, int, bytes | None, bytes | None]) -> None:
    """topic, partition, key, value."""
    async with AIOKafkaProducer(**group.city.settings.client) as producer:
        for short, partition, key, value in sends:
            topic = group.city.settings.topic(short)
            await producer.send(topic, value, key, partition, timestamp_ms=SENT_MS, headers=[("h", b"1")])
        await producer.flush()


def visit(number: int, customer: str) -> bytes:
    day, hour = 1 + number // 24, number % 24
    body = {"kind": "service_visit", "event_id": f"v{number}", "customer_id": customer, "producer": "shop"}
    return json.dumps(body | {"event_time": f"2024-01-{day:02d}T{hour:02d}:30:00Z"}).encode()


def beat(day: int, producer: str = "shop", **more: object) -> bytes:
    return json.dumps(
        {"kind": "heartbeat", "event_time": f"2024-01-{day:02d}T00:00:00Z", "producer": producer} | more
    ).encode()


def visits(count: int, first: int = 0) -> list[tuple[str, int, bytes | None, bytes | None]]:
    names = [f"c{number % 17}" for number in range(first, first + count)]
    return [
        ("service-visits", partition_of(name, 4), name.encode(), visit(number, name))
        for number, name in enumerate(names, first)
    ]


async def test_records_go_unchanged_to_their_customer_s_partition_in_event_time_order(
    brokers: str, tmp_path: Path
) -> None:
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()
    await sent(group, *visits(200))
    await run(group, prefix, 3)
    found = [one for one in await records(under(group, prefix), "service-visits") if not is_mark(one.value)]
    assert len(found) == 200
    for one in found:
        assert one.partition == partition_of(one.key.decode(), 3)
        assert (one.timestamp, one.headers) == (SENT_MS, (("h", b"1"),))
    for partition in range(3):
        times = [json.loads(one.value)["event_time"] for one in found if one.partition == partition]
        assert times == sorted(times)


async def test_heartbeats_of_producers_come_once_to_every_partition_with_scope_and_final(
    brokers: str, tmp_path: Path
) -> None:
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()
    beats = [beat(3), beat(5, "other", scope="north"), beat(6, final=True)]
    await sent(group, *visits(140), *[("service-visits", p, b"\0heartbeat", one) for p in range(4) for one in beats])
    report = await run(group, prefix, 6)
    assert report.counts.heartbeats == len(beats)
    found = [
        one for one in await records(under(group, prefix), "service-visits") if is_mark(one.value, "shop", "other")
    ]
    assert Counter((one.partition, one.value) for one in found) == Counter((p, one) for p in range(6) for one in beats)


async def test_deletions_and_broken_records_are_carried_over_in_their_order(brokers: str, tmp_path: Path) -> None:
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()

    def profile(day: int, scope: str) -> tuple[str, int, bytes | None, bytes | None]:
        body = {"kind": "customer_profile", "event_id": f"p{day}", "customer_id": "anna", "producer": "crm"}
        body |= {"event_time": f"2024-01-{day:02d}T00:00:00Z", "scope": scope}
        return ("customer-profiles", 2, b"anna", json.dumps(body).encode())

    gone = ("customer-profiles", 2, b"anna", None)
    await sent(
        group, gone, profile(2, "north"), gone, profile(3, "south"), gone,
        ("surveys", 1, None, b"{"), ("surveys", 1, None, b""), ("surveys", 0, b"x" * 1000, bytes(600_000)),
        *[("app-activity", 3, b"anna", value) for value in STRANGE], *visits(72),
    )  # fmt: skip
    report = await run(group, prefix, 5)
    found = await records(under(group, prefix), "customer-profiles")
    mine = [one.value for one in found if one.key == b"anna"]
    assert [json.loads(value)["scope"] if value else None for value in mine] == [None, "north", None, "south", None]
    assert {one.partition for one in found if one.key == b"anna"} == {partition_of("anna", 5)}
    assert report.counts.refused == 3 + len(STRANGE)
    assert values(await records(under(group, prefix))) == values(await records(group))


async def test_market_signals_come_once_into_every_new_partition(brokers: str, tmp_path: Path) -> None:
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()
    body = {"kind": "market_signal", "producer": "planning", "scope": "north", "name": "strike", "level": 1}
    body |= {"event_time": "2024-01-02T00:00:00Z", "from": "2024-01-02T00:00:00Z"}
    value, key, topic = json.dumps(body).encode(), b"north/strike", "market-signals"
    copies = [(topic, partition, key, one) for partition in range(4) for one in (value, None)]
    alone = (topic, 2, b"tariff", json.dumps(body | {"scope": None, "name": "tariff"}).encode())  # forgot the others
    await sent(group, *copies, alone, *visits(72))
    report = await run(group, prefix, 5)
    found = [one for one in await records(under(group, prefix), topic) if not is_mark(one.value)]
    assert Counter((one.partition, one.key, one.value) for one in found) == Counter(
        (partition, *one) for partition in range(5) for one in ((key, value), (key, None), alone[2:])
    )
    assert (report.counts.refused, report.counts.events) == (0, 3 + 72)


class Killed(Exception):
    """Replaces the end of the process."""


async def test_a_run_that_was_broken_off_goes_on_and_nothing_is_there_twice(
    brokers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_UNCOMMITTED", 20)
    monkeypatch.setattr("streams.kafka.history.MOST_RECORDS", 10)
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()
    # of one partition: with several it is open which one the brokers hand over last, and all waits for that one
    history = [one for one in visits(700) if one[1] == partition_of("c0", 4)]
    await sent(group, *history)

    def kill(counts: Counts, until_us: int | None) -> None:
        if counts.events > 60:
            raise Killed

    with pytest.raises(Killed):
        await run(group, prefix, 6, kill)
    half = values(await records(under(group, prefix)))
    assert 0 < half.total() < len(history)
    report = await run(group, prefix, 6)
    assert report.resumed
    assert report.counts.events == len(history) - half.total()
    assert values(await records(under(group, prefix))) == values(await records(group))


async def test_a_later_run_carries_over_what_has_come_since(brokers: str, tmp_path: Path) -> None:
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()
    await sent(group, *visits(100))
    await run(group, prefix, 6)
    await sent(group, *visits(50, first=100))
    done = called(group, "repartition", "--to", "6", prefix)
    assert "replayed 50 events that no earlier run had" in done.stdout, done.stderr
    assert values(await records(under(group, prefix))) == values(await records(group))


async def test_no_history_at_all_is_carried_over_too(brokers: str, tmp_path: Path) -> None:
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()
    report = await run(group, prefix, 2)
    assert report.counts == Counts()
    assert await records(under(group, prefix)) == []


async def test_a_prefix_with_records_of_others_and_the_present_one_and_another_number_are_refused(
    brokers: str, tmp_path: Path
) -> None:
    group, prefix = new_group(brokers, 4, tmp_path), a_prefix()
    other = under(group, prefix)
    await topics.create(other.city.settings, 6)
    await sent(other, ("surveys", 0, b"a", b"{}"))
    with pytest.raises(Failure, match=f"{prefix}surveys: hold records that no repartition has written"):
        await run(group, prefix, 6)
    with pytest.raises(UsageError, match="have 6 partitions, 5 were asked for"):
        await run(group, prefix, 5)
    with pytest.raises(UsageError, match="expected another one"):
        await run(group, group.city.settings.topic_prefix, 6)
    with pytest.raises(Failure, match="topics are missing"):
        await run(under(group, a_prefix()), prefix, 6)


async def test_partitions_added_to_some_topics_alone_are_refused_with_the_command(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, 4, tmp_path)
    await add_partitions(group, ["service-visits"], 6)
    refused = called(group, "worker")
    assert refused.returncode == 1
    assert "`keepline repartition --to 6 PREFIX`" in refused.stderr


async def test_what_retention_deleted_and_what_a_transaction_hides_is_said(brokers: str, tmp_path: Path) -> None:
    group, prefix = new_group(brokers, 2, tmp_path), a_prefix()
    await sent(group, ("surveys", 0, b"a", b"{}"), ("surveys", 1, b"a", b"{}"))
    await group.city.forget("surveys")
    known = group.city.settings
    async with AIOKafkaProducer(**known.client, transactional_id=a_prefix()) as foreign:
        await foreign.begin_transaction()
        await foreign.send_and_wait(known.topic("app-activity"), b"{}", b"a", 1)
        report = await run(group, prefix, 3)
        await foreign.abort_transaction()
    assert report.begins == [known.topic("surveys")]
    assert report.hidden == [f"{known.topic('app-activity')}/1"]
