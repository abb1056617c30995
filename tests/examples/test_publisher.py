"""The example of a publisher, as a process against Apache Kafka."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.decode import Decoder
from schemas.events import KINDS, TOPIC_OF_KIND
from schemas.partitioner import partition_of
from tests.kafka.city import PARTITIONS, ROOT, City, new_city, wait_for

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

PROGRAM = ROOT / "examples" / "publisher" / "publisher.py"
CUSTOMER_TOPICS = ("service-visits", "app-activity", "surveys")
EVENTS = [
    {"kind": "service_visit", "customer_id": f"c{number}", "amount": 10 + number, "event_id": f"v{number}"}
    for number in range(30)
] + [
    {"kind": "app_activity", "customer_id": "Zoë", "activity_type": "browse"},
    {"kind": "survey", "customer_id": "c1", "survey_type": "nps", "score": 3, "event_time": "2024-03-01T10:00:00Z"},
]


@pytest.fixture
async def city(brokers: str, tmp_path: Path) -> City:
    return await new_city(brokers, tmp_path)


def run(city: City, events: list[dict[str, Any]], *options: str) -> None:
    command = [sys.executable, str(PROGRAM), "--name", "shop-17", *options]
    lines = "".join(f"{json.dumps(event)}\n" for event in events)
    done = subprocess.run(command, input=lines, env=city.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def started(city: City, command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, env=city.environment, stdin=subprocess.PIPE, text=True)


async def bodies(city: City, topic: str) -> list[tuple[int, dict[str, Any]]]:
    return [(place.partition, json.loads(value)) for place, value in await city.read(topic)]


async def test_events_are_accepted_in_their_customer_s_partition(city: City) -> None:
    run(city, EVENTS)
    for kind, topic in TOPIC_OF_KIND.items():
        found = await bodies(city, topic)
        assert all(
            partition == partition_of(body["customer_id"], PARTITIONS)
            for partition, body in found
            if "customer_id" in body
        )
        values = [json.dumps(body).encode() for _, body in found]
        keys = [body.get("customer_id", "\0heartbeat").encode() for _, body in found]
        decoded = Decoder(kind).decode(values, keys, 1 << 62)
        assert decoded.refused == []
        assert len(decoded.events) == sum(event["kind"] == kind for event in EVENTS)
        assert {*decoded.events.producers} <= {"shop-17"}
    assert set(KINDS) == set(TOPIC_OF_KIND)


async def test_every_partition_gets_heartbeats_and_a_last_one_when_it_leaves(city: City) -> None:
    run(city, [], "--leave")
    for topic in CUSTOMER_TOPICS:
        found = await bodies(city, topic)
        assert {body["kind"] for _, body in found} == {"heartbeat"}
        for partition in range(PARTITIONS):
            assert [body.get("final", False) for place, body in found if place == partition] == [False, True]


async def test_an_event_sent_twice_has_one_id_and_another_one_another(city: City) -> None:
    visit = {"kind": "service_visit", "customer_id": "c1", "event_time": "2024-03-01T10:00:00Z"}
    run(city, [visit, visit, visit | {"amount": 1}])
    ids = [body["event_id"] for _, body in await bodies(city, "service-visits") if "event_id" in body]
    assert len(ids) == 3
    assert len(set(ids)) == 2


async def test_it_goes_on_until_its_input_ends_and_beats_meanwhile(city: City) -> None:
    command = [sys.executable, str(PROGRAM), "--name", "shop-17", "--every", "0.2", "--delay", "5"]
    process = started(city, command)
    try:
        assert process.stdin is not None

        async def has(count: int) -> bool:
            return len(await bodies(city, "surveys")) >= count * PARTITIONS

        await wait_for(lambda: has(3), 90)
        process.stdin.write(json.dumps(EVENTS[0]) + "\n")
        process.stdin.flush()

        async def is_sent() -> bool:
            return any(body.get("event_id") == "v0" for _, body in await bodies(city, "service-visits"))

        await wait_for(is_sent, 90)
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_a_broker_that_does_not_take_records_is_an_error(tmp_path: Path) -> None:
    program = PROGRAM.read_text("utf-8").replace("FLUSH_LIMIT_S = 30.0", "FLUSH_LIMIT_S = 0.2")
    (tmp_path / "publisher.py").write_text(program)
    command = [sys.executable, str(tmp_path / "publisher.py"), "--name", "shop-17"]
    done = subprocess.run(
        command, input="", env={"KEEPLINE_BROKERS": "127.0.0.1:1"}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
