"""Somebody else writes to the topics of a group that runs, and of one that stands: the replay's decisions come out."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer

from streams.kafka import topics
from streams.kafka.settings import Settings
from streams.units.engine_rows import CASE
from streams.units.learner_unit import LEARNER
from streams.units.seal import seal
from streams.units.sources import CANDIDATES, DISPATCHES, LABELLED, MODELS, OBSERVATIONS
from streams.units.unit import LEASE_KEY, POSITION
from tests.kafka.group import DECISIONS, EVENT_TIME, WORKER_LIMIT_S, Group, decisions, new_group

PARTITIONS, LIMIT_S = 2, 3 * WORKER_LIMIT_S  # a restart waits for the session of the killed worker
SINGLE = {topic.name for topic in topics.TOPICS if topic.single}
KEYS: dict[str, tuple[bytes | None, ...]] = {
    **dict.fromkeys((MODELS, OBSERVATIONS, LABELLED, CANDIDATES, DISPATCHES), (b"x",)),
    "state": (POSITION, LEASE_KEY, CASE + b"c1", b"\0persona:1", b"c1", b"c2"),
    "learner-state": (POSITION, LEASE_KEY, LEARNER, b"x"),
    "dispatcher-state": (POSITION, b"x"),
}
EVENT = {"event_id": "e", "kind": "service_visit", "schema_version": 1, "customer_id": "c1", "producer": "p"}
VALUES = (
    b"\x00\xffgarbage", b"", None, b"{}", b"[]", b"7", b'"text"',
    json.dumps(EVENT | {"event_time": "2024-02-05T00:00:00Z"}).encode(),
    b'{"format":5,"version":3,"instant_us":1706745600000000}',
    seal("elsewhere", b'{"kind":"mark","instant":"2024-02-05T00:00:00Z","partition":0}'),
)  # fmt: skip


async def litter(known: Settings) -> None:
    """Writes every kind of stray record to every partition of the topics that only units write and read."""
    async with AIOKafkaProducer(**known.client) as producer:
        for (topic, keys), value in itertools.product(KEYS.items(), VALUES):
            for key, partition in itertools.product(keys, range(1 if topic in SINGLE else PARTITIONS)):
                await producer.send(known.topic(topic), value, key, partition)


async def until_some_decisions(group: Group, more_than: int) -> None:
    until = time.monotonic() + LIMIT_S
    while len(await group.values(DECISIONS[1])) <= more_than:
        assert time.monotonic() < until, group.city.log[-3000:]


async def test_strays_in_every_internal_topic_of_a_running_and_of_a_stopped_group_change_nothing(
    brokers: str, log: Path, wanted: dict[str, list[bytes]], tmp_path: Path
) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    known = group.city.settings
    await litter(known)
    group.publish(log)
    with group.worker(*EVENT_TIME) as process:
        await until_some_decisions(group, 0)
        await litter(known)
        await until_some_decisions(group, 0)
        process.kill()
    assert len(await group.values(DECISIONS[1])) < len(wanted[DECISIONS[1]])
    await litter(known)
    with group.worker(*EVENT_TIME) as process:
        assert process.wait(LIMIT_S) == 0, group.city.log[-3000:]
    assert await decisions(group) == wanted
    told = group.city.log
    for topic in (MODELS, OBSERVATIONS, LABELLED, "state", "learner-state"):
        assert f"{topic}/0 holds records that Keepline has not written, they are skipped; " in told, topic
    assert "Traceback" not in told


async def test_a_newer_record_stops_its_unit_with_the_release_to_run(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    async with AIOKafkaProducer(**group.city.settings.client) as producer:
        value = seal("state", b'{"comes":"later"}', POSITION, version=3)
        await producer.send_and_wait(group.city.settings.topic("state"), value, POSITION, 1)
    with group.worker(*EVENT_TIME) as process:
        assert process.wait(LIMIT_S) == 1
    assert "state/1, offset 0: a record of format 3, this release knows formats up to 2" in group.city.log
