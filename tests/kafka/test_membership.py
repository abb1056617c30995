"""Members of the group, on Apache Kafka: idle ones stay and take over; what ends the membership ends the process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from streams.kafka import membership
from streams.kafka.fatal import EXIT_FAILED, EXIT_RESTART
from streams.kafka.settings import Settings
from streams.kafka.status import read
from streams.kafka.transport import ConsumerThread
from tests.kafka.city import City, new_city, wait_for

LIMIT_S = 60.0
TAKE_OVER_S = 10.0
SETTINGS = Settings(("nowhere:1",), "x-", "x-keepline", "PLAIN", "alice", "secret")


@pytest.fixture
async def city(brokers: str, tmp_path: Path) -> City:
    return await new_city(brokers, tmp_path)


def coordinator(error: Exception | None = None, task: Any = None, closing: bool = False) -> Any:
    """The used part of aiokafka's coordinator."""
    task = task or SimpleNamespace(done=lambda: False)
    return SimpleNamespace(
        _pending_exception=error, _coordination_task=task, _closing=SimpleNamespace(done=lambda: closing)
    )


def ended(error: Exception | None) -> Any:
    return SimpleNamespace(done=lambda: True, cancelled=lambda: False, exception=lambda: error)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (InconsistentGroupProtocolError(), EXIT_FAILED, "another application is in the consumer group x-keepline"),
        (
            GroupAuthorizationFailedError("x-keepline"),
            EXIT_FAILED,
            "User:alice may not Read group x-keepline: kafka-acls.sh",
        ),
        (TopicAuthorizationFailedError("x-surveys"), EXIT_FAILED, "User:alice may not Read topic x-surveys"),
        (InvalidSessionTimeoutError(), EXIT_FAILED, "group.min.session.timeout.ms is above 6 s"),
        (KafkaError("FencedInstanceId"), EXIT_RESTART, "of another kind"),
    ],
)
def test_each_end_of_the_membership_has_its_cause_and_what_to_do(error: Exception, code: int, says: str) -> None:
    text, found = membership.explained(error, SETTINGS, "of another kind")
    assert says in text
    assert found == code


@pytest.mark.parametrize(
    ("seen", "ends"),
    [
        (coordinator(), False),
        (coordinator(error=KafkaError("it waits for a caller")), True),
        (coordinator(task=ended(KafkaError("it broke"))), True),
        (coordinator(task=ended(None), closing=True), False),
    ],
)
def test_a_coordinator_that_does_nothing_any_more_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, seen: Any, ends: bool
) -> None:
    halted: list[str] = []
    monkeypatch.setattr(membership, "halt", lambda reason, code: halted.append(reason))
    membership.refuse_ended(seen, SETTINGS)
    assert bool(halted) is ends


@pytest.mark.parametrize(
    ("away_s", "says"),
    [(270.4, "no heartbeat was answered for 270 s (its session is 6 s)"), (1.0, "taken over the instance name w1")],
)
def test_a_worker_whose_brokers_were_away_is_not_told_that_another_has_its_name(away_s: float, says: str) -> None:
    assert says in membership.forgotten(SETTINGS, "w1", away_s, 6.0)


@pytest.mark.parametrize("answered", [True, False])
async def test_an_answered_heartbeat_proves_the_membership(answered: bool) -> None:
    thread: Any = ConsumerThread.__new__(ConsumerThread)
    thread.consumer = SimpleNamespace(leases=SimpleNamespace(member_at=0.0))

    async def heartbeat() -> bool:
        return answered

    assert await thread._noted(heartbeat)() is answered
    assert (thread.consumer.leases.member_at > 0.0) is answered


async def test_spare_workers_that_are_idle_for_hours_stay_and_take_over_within_ten_seconds(city: City) -> None:
    def is_complete() -> Awaitable[bool]:
        return city.is_complete_of(0)

    await city.send(100)
    arguments = {"partitions": 1, "forever": True, "idle": True}
    with city.worker(**arguments) as owner:
        await wait_for(is_complete, LIMIT_S)
        with city.worker(**arguments), city.worker(**arguments):
            await wait_for(lambda: city.log.count("keeps [], takes over []") >= 2, LIMIT_S)
            await city.send(100)
            await wait_for(is_complete, LIMIT_S)
            owner.kill()
            killed = time.monotonic()
            await city.send(100)
            await wait_for(is_complete, LIMIT_S)
            assert time.monotonic() - killed < TAKE_OVER_S, city.log


async def test_a_foreign_member_ends_the_worker_with_one_line_that_says_what_to_do(city: City) -> None:
    foreign = AIOKafkaConsumer(
        city.settings.topic("surveys"),
        **city.settings.client,
        group_id=city.settings.group,
        partition_assignment_strategy=[RangePartitionAssignor],
    )
    async with foreign:
        told = (await read(city.settings)).problems
        with city.worker(forever=True) as worker:
            assert await asyncio.to_thread(worker.wait, LIMIT_S) == EXIT_FAILED
    assert city.log.count("the worker ends itself") == 1
    assert f"another application is in the consumer group {city.settings.group}" in city.log
    named = f"another application is in the consumer group {city.settings.group}, so no worker can join: aiokafka-"
    assert [one for one in told if one.startswith(named)] == told[:1]
