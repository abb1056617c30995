"""`keepline publish` goes on where it broke off, and sends nothing behind the frontier unless told to."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, LeaderNotAvailableError

from schemas.instants import DAY_US, SECOND_US, format_instant, parse_instant
from streams.files.fingerprint import fingerprint
from streams.files.tick_reader import Row
from streams.kafka import commits, publications, publish, status
from streams.kafka.settings import from_environment
from streams.kafka.topics import admin
from streams.units.engine_unit import OUTCOMES
from streams.units.sources import INPUTS
from tests.kafka.city import wait_for
from tests.kafka.group import OPTIONS, Group, new_group
from tests.kafka.test_live_faults import live
from tests.replay.runs import Event, city, visit, write_jsonl

READ = (*OPTIONS, "--allow-refused", "1")  # the logs have rows that are refused
PARTITIONS = 2
KILLS = 4
DECISIONS = ("interventions", "interventions-withheld")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return city(tmp_path_factory.mktemp("city"), 80, 120)


def published(group: Group, log: Path, *words: str) -> tuple[int, str]:
    return group.tried("publish", str(log), *words, *READ)


async def sent(group: Group) -> Counter[str]:
    """The records of the inputs by kind."""
    values = [value for topic in INPUTS for _, value in await group.city.read(topic) if value]
    return Counter(json.loads(value).get("kind", "") if value != b"{" else "bad" for value in values)


async def limit(group: Group, topic: str, most: int) -> None:
    """Sets how large a batch the topic takes."""
    name = group.city.settings.topic(topic)
    async with admin(group.city.settings) as client:
        change = ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": str(most)})
        await client.alter_configs([change])


async def test_events_that_the_brokers_refuse_are_no_success_and_are_sent_when_they_take_them(
    brokers: str, tmp_path: Path, events: list[Event]
) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    log = write_jsonl(tmp_path / "log.jsonl", events)
    await limit(group, "service-visits", 200)  # a heartbeat fits, a visit does not
    code, told = published(group, log)
    assert code == 1, told
    assert "service-visits" in told
    assert "Traceback" not in told
    await limit(group, "service-visits", 1_000_000)
    code, told = published(group, log, "--end")
    assert code == 0, told
    assert (await counts(group))["applied"] == len(events)


async def test_a_batch_that_is_refused_before_the_next_flush_is_told_by_it() -> None:
    refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    refused.set_exception(LeaderNotAvailableError())
    batch = Mock(append=Mock(return_value=object()))
    producer = Mock(create_batch=Mock(return_value=batch), send_batch=AsyncMock(return_value=refused))
    sender = publish.Sender(producer, from_environment({"KEEPLINE_BROKERS": "127.0.0.1:9"}), PARTITIONS)
    await sender.send_row(Row("service_visit", "c1", b"{}"))
    with pytest.raises(KafkaError, match=r"service-visits/. took no batch: LeaderNotAvailableError"):
        await sender.flush()
    assert sender._sending == set()
    with pytest.raises(KafkaError, match=r"service-visits/. took no batch"):
        await sender.flush()  # which waits for nothing any more


async def counts(group: Group) -> dict[str, int]:
    """Runs a worker to the end of the input; returns the events by outcome."""
    group.finish()
    found = (await status.read(group.city.settings)).counts
    assert found["read"] == sum(found.get(outcome, 0) for outcome in OUTCOMES)
    return {outcome: found[outcome] for outcome in OUTCOMES if found.get(outcome)}


async def rules(group: Group) -> Counter[str]:
    return Counter(json.loads(value)["rule"] for _, value in await group.city.read("dead-letters"))


async def decisions(group: Group) -> list[list[bytes]]:
    return [await group.values(topic) for topic in DECISIONS]


def before(events: Sequence[Event], at: str) -> list[Event]:
    return [event for event in events if event["event_time"] <= at]


def after(events: Sequence[Event], at: str) -> list[Event]:
    return [event for event in events if event["event_time"] > at]


def days(event: Event, at: str) -> float:
    return (parse_instant(at) - parse_instant(event["event_time"])) / DAY_US


async def test_a_second_time_nothing_is_sent_but_the_end_marker_that_was_not(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    visits = [visit(f"c{i}", f"2024-01-{1 + i:02}T10:00:00Z") for i in range(20)]
    log, other = write_jsonl(tmp_path / "a.jsonl", [*visits[:10], "{"]), write_jsonl(tmp_path / "b.jsonl", visits[10:])
    packed = tmp_path / "renamed.jsonl.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert "published 21 events" in group.tried("publish", str(log), str(other), *READ)[1]
    code, text = group.tried("publish", str(other), str(packed), *READ)
    assert (code, "all of it was published at 20" in text, "nothing to send" in text) == (0, True, True)
    assert await sent(group) == await sent(group) | Counter(service_visit=20, bad=1)
    for wanted in ("sends end markers", "nothing to send"):
        code, text = group.tried("publish", str(log), str(other), "--end", *READ)
        assert (code, wanted in text) == (0, True)
    assert (await sent(group))["end"] == len(INPUTS) * PARTITIONS
    assert "published 21 events" in group.tried("publish", str(log), str(other), "--again", *READ)[1]
    assert (await sent(group))["service_visit"] == 40
    assert await counts(group) == {"applied": 20, "duplicate": 8, "rejected": 2 + 12}


async def test_what_is_no_publication_does_not_keep_files_from_being_published(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    log = write_jsonl(tmp_path / "a.jsonl", VISITS[:5])
    strange = [None, b"", b"null", b"{}", b"\xff", b'{"reached": 1}', b'{"kind": "service_visit"}']
    async with AIOKafkaProducer(**group.city.settings.client) as producer:
        for value in strange:
            for key in (b"\xff", fingerprint([str(log)]).digest.encode()):
                await producer.send(group.city.settings.topic("publications"), value, key, partition=0)
    assert published(group, log)[0] == 0
    assert (await sent(group))["service_visit"] == 5


async def records(group: Group) -> int:
    """How many records the inputs have."""
    async with AIOKafkaConsumer(**group.city.settings.client) as consumer:
        places = [TopicPartition(group.city.settings.topic(t), p) for t in INPUTS for p in range(PARTITIONS)]
        return sum((await consumer.end_offsets(places)).values())


async def test_killed_at_any_place_and_started_again_it_sends_everything_and_each_event_is_applied_once(
    brokers: str, events: list[Event], tmp_path: Path
) -> None:
    chance = random.Random(7)
    log, calm, troubled = write_jsonl(tmp_path / "log.jsonl", events), tmp_path / "calm", tmp_path / "troubled"
    calm.mkdir()
    troubled.mkdir()
    wanted, group = new_group(brokers, PARTITIONS, calm), new_group(brokers, PARTITIONS, troubled)
    wanted.publish(log)
    everything = await records(wanted)
    for _ in range(KILLS):
        have = await records(group)
        enough = have + chance.randrange((everything - have) // 3)  # it must not be done before it is looked at
        with group.started("publish", str(log), "--end", "--rate", "150", *READ) as process:
            while await records(group) <= enough:
                assert process.poll() is None, group.city.log[-3000:]
            process.kill()
    code, text = published(group, log, "--end")
    assert (code, "resumes at" in text) == (0, True)
    (known,) = (await publications.read(group.city.settings, print)).values()
    assert (known.complete, known.ended, known.events) == (True, True, len(events))
    found = await counts(group)
    assert found == {"applied": len(events), "duplicate": found.get("duplicate", 0)}
    assert found["duplicate"] > 0
    assert await counts(wanted) == {"applied": len(events)}
    assert await decisions(group) == await decisions(wanted)


async def test_a_log_behind_the_frontier_is_refused_before_anything_is_sent(
    brokers: str, events: list[Event], tmp_path: Path
) -> None:
    half = "2024-03-10T12:00:00Z"
    first, rest = before(events, half), after(events, half)
    logs = {
        name: write_jsonl(tmp_path / f"{name}.jsonl", part)
        for name, part in (("first", first), ("rest", rest), ("whole", events))
    }
    folders = [tmp_path / name for name in ("forced", "wanted")]
    for folder in folders:
        folder.mkdir()
    forced, wanted = (new_group(brokers, PARTITIONS, folder) for folder in folders)
    for group in (forced, wanted):
        assert published(group, logs["first"], "--end")[0] == 0
        assert await counts(group) == {"applied": len(first)}
    have, reached = await records(forced), first[-1]["event_time"]
    code, text = published(forced, logs["whole"], "--end")
    assert (code, text.count("\n"), await records(forced)) == (1, 1, have)
    assert f"the first event to send is of {format_instant(parse_instant(events[0]['event_time']))}, behind" in text
    assert f"group {forced.city.settings.group} has applied everything" in text or "first.jsonl has been" in text
    assert "7d or more behind it refused as too_late" in text
    assert "--late sends them anyway" in text
    assert published(forced, logs["whole"], "--end", "--late")[0] == 0
    assert published(wanted, logs["rest"], "--end")[0] == 0
    found, alone = await counts(forced), await counts(wanted)
    assert alone == {"applied": len(events)}
    assert (found["applied"], found["rejected"], found.get("late")) == (
        len(events), (await rules(forced))["too_late"], None,
    )  # fmt: skip
    known = sum(days(event, reached) < 6 for event in first)
    assert known <= found["duplicate"] <= sum(days(event, reached) < 8 for event in first)
    assert found["duplicate"] + found["rejected"] == len(first)
    assert await decisions(forced) == await decisions(wanted)


def csv_of(path: Path, visits: Sequence[Event]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["customer_id", "event_time", "amount"])
        writer.writeheader()
        writer.writerows({name: one[name] for name in writer.fieldnames} for one in visits)
    return path


def without_ids(path: Path, visits: Sequence[Event]) -> Path:
    return write_jsonl(path, [{name: one[name] for name in ("customer_id", "event_time", "amount")} for one in visits])


VISITS = [
    visit(f"c{day % 7}", f"2024-0{1 + day // 30}-{1 + day % 28:02}T{10 + day % 9}:00:00Z", amount=day + 0.5)
    for day in range(0, 59)
]


@pytest.mark.parametrize("case", ["another region", "the middle under another name", "csv and jsonl"])
async def test_what_lies_behind_other_files_is_refused_though_no_worker_has_run(
    brokers: str, tmp_path: Path, case: str
) -> None:
    visits = sorted(VISITS, key=lambda one: one["event_time"])
    others = [one | {"customer_id": f"b{i}", "event_id": f"b{i}"} for i, one in enumerate(visits)]
    one, other, applied = {
        "another region": lambda: (
            write_jsonl(tmp_path / "a.jsonl", visits), write_jsonl(tmp_path / "b.jsonl", others),
            len(visits) + 1,  # the other region's last visit is of the tick that the frontier has not passed
        ),
        "the middle under another name": lambda: (
            write_jsonl(tmp_path / "middle.jsonl", visits[20:40]), write_jsonl(tmp_path / "all.jsonl", visits),
            len(visits) - 20,
        ),
        "csv and jsonl": lambda: (
            csv_of(tmp_path / "service_visits.csv", visits), without_ids(tmp_path / "service_visits.jsonl", visits),
            len(visits),
        ),
    }[case]()  # fmt: skip
    group = new_group(brokers, PARTITIONS, tmp_path)
    assert published(group, one)[0] == 0
    have = await records(group)
    code, text = published(group, other, "--end")
    assert (code, await records(group)) == (1, have)
    assert f"{other.name}: the first event to send is of" in text
    assert f"up to which {one.name} has been published" in text
    assert published(group, other, "--end", "--late")[0] == 0
    found = await counts(group)
    assert found["rejected"] == (await rules(group))["too_late"] > 10
    assert found["applied"] == applied


async def test_live_a_file_of_the_last_hour_needs_the_flag_and_is_applied_with_it(brokers: str, tmp_path: Path) -> None:
    with live(brokers, tmp_path, 1) as (group, _):

        async def has_frontier() -> bool:
            return await commits.frontier_us(group.city.settings) is not None

        await wait_for(has_frontier, 60)
        now_us = time.time_ns() // 1000
        visits = [visit(f"c{minute}", format_instant(now_us - minute * 60 * SECOND_US)) for minute in range(59, -1, -1)]
        log = write_jsonl(tmp_path / "hour.jsonl", visits)
        code, text = published(group, log)
        assert (code, "has applied everything" in text) == (1, True)
        assert published(group, log, "--late")[0] == 0

        async def is_applied() -> bool:
            found = (await status.read(group.city.settings)).counts
            return found.get("applied", 0) + found.get("late", 0) == 60

        await wait_for(is_applied, 60)


async def kept(group: Group, log: Path, **known: Any) -> None:
    """Keeps how far a file has been sent."""
    async with AIOKafkaProducer(**group.city.settings.client) as producer:
        one = publications.Publication((log.name,), **known)
        await publications.write(producer, group.city.settings, fingerprint([str(log)]).digest, one)


async def test_it_goes_on_behind_what_was_acknowledged_unless_that_would_be_too_late(
    brokers: str, tmp_path: Path
) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    visits = [visit(f"c{day}", f"2024-01-{day:02}T10:00:00Z") for day in range(1, 21)]
    log = write_jsonl(tmp_path / "log.jsonl", ["{", "{", *visits[:15], "{", *visits[15:]])
    other = write_jsonl(tmp_path / "other.jsonl", ["{"])
    await kept(group, log, events=7, refused=2, reached_us=parse_instant("2024-01-06T00:00:00Z"))
    await kept(group, other, events=9, reached_us=parse_instant("2024-01-13T10:00:00Z"))
    code, text = published(group, log)
    assert (code, "resumes at 2024-01-06T00:00:00Z: 7 events were sent before" in text) == (1, True)
    assert "log.jsonl: the first event to send is of 2024-01-06T10:00:00Z" in text
    assert "2024-01-13T10:00:00Z, up to which other.jsonl has been published" in text
    await kept(group, other, events=9, reached_us=parse_instant("2024-01-13T09:00:00Z"))
    code, text = published(group, log)
    assert (code, "published 16 events" in text) == (0, True)
    found = await sent(group)
    assert (found["service_visit"], found["bad"]) == (15, 1)


async def test_customer_profiles_may_be_published_at_any_time(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    visits = write_jsonl(tmp_path / "visits.jsonl", VISITS[:5])
    profile = {"kind": "customer_profile", "event_id": "p", "customer_id": "c1", "scope": "north", "producer": "crm"}
    profiles = write_jsonl(tmp_path / "profiles.jsonl", [profile | {"event_time": "2019-01-01T00:00:00Z"}])
    assert published(group, visits)[0] == 0
    assert published(group, profiles, "--end")[0] == 0
    found = await counts(group)
    assert sum(found.values()) == 6
    assert "rejected" not in found


async def test_a_market_signal_goes_to_every_partition_and_a_refused_one_to_one(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    signal = {"kind": "market_signal", "producer": "planning", "event_time": "2024-01-01T00:00:00Z"}
    rows = [signal | {"name": "strike", "scope": scope, "level": 1, "from": "2024-01-02T00:00:00Z"} for scope in "ns"]
    log = write_jsonl(tmp_path / "market_signals.jsonl", [*rows, signal | {"name": "bad"}])
    code, told = published(group, log)
    assert (code, "3 events" in told) == (0, True), told
    found = [(place.partition, json.loads(value)) for place, value in await group.city.read("market-signals")]
    signals = Counter((partition, body["scope"]) for partition, body in found if "level" in body)
    assert signals == Counter((partition, scope) for partition in range(PARTITIONS) for scope in "ns")
    assert sum(body.get("name") == "bad" for _, body in found) == 1
