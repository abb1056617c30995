from __future__ import annotations

from functools import partial
from typing import Any, NoReturn

import pytest
from aiokafka import TopicPartition

from streams.kafka import watchdog as module
from streams.kafka.lease import Lease
from streams.kafka.leases import Leases
from streams.kafka.settings import Settings
from streams.kafka.watchdog import APPLY_LIMIT_S, ENDS_EVERY_S, FETCH_LIMIT_S, SAVE_LIMIT_S, Watchdog
from streams.units.unit import Blueprint
from tests.kafka.counting import SOURCES, CountingUnit


class Halted(Exception):
    """Replaces the end of the process."""


@pytest.fixture
def lease(monkeypatch: pytest.MonkeyPatch) -> Lease:
    """A lease at work: everything merged is applied and saved."""

    def halted(reason: str) -> NoReturn:
        raise Halted(reason)

    monkeypatch.setattr(module, "halt", halted)
    monkeypatch.setattr("streams.kafka.watchdog.threading.Thread", NoThread)
    lease = Lease(Settings(("nowhere:1",)), Blueprint.of(partial(CountingUnit, 0)))
    lease.unit.position = dict.fromkeys(SOURCES, 5)
    lease.feed = lease.unit.open_feed()
    lease.saved, lease.ready = lease.unit.steps, True
    return lease


class NoThread:
    def __init__(self, **options: object) -> None:
        pass

    def start(self) -> None:
        pass


def watchdog(lease: Lease, end: int = 5) -> Watchdog:
    leases = Leases(lease.settings, [lease.blueprint], live=False)
    leases.all, leases.rebalancing = {lease.name: lease}, False

    async def ends(*places: TopicPartition) -> dict[Any, int]:
        return dict.fromkeys(places, end)

    dog = Watchdog(leases, ends)
    dog._ends_checked_at = 0.0
    return dog


async def look_for(dog: Watchdog, seconds: float) -> None:
    """Checks once each ENDS_EVERY_S of a simulated clock."""
    for at in range(0, int(seconds) + 1, int(ENDS_EVERY_S) + 1):
        await dog.check(float(at))
    await dog.check(seconds)


async def test_a_worker_that_works_lives(lease: Lease) -> None:
    await look_for(watchdog(lease), 10 * FETCH_LIMIT_S)
    assert lease.ready


async def test_a_batch_that_faust_lost_gives_up_its_unit(lease: Lease) -> None:
    lease.on_the_way.append("a batch that moves no position")
    dog = watchdog(lease)
    await look_for(dog, 2 * APPLY_LIMIT_S + 1)
    assert "Faust lost a batch" in dog._leases.given_up[0].reason


async def test_batches_that_are_applied_slowly_do_not_end_the_worker(lease: Lease) -> None:
    dog = watchdog(lease)
    for at in range(100):
        lease.on_the_way.append(at)
        lease.saved = lease.unit.steps = at
        await dog.check(at * (APPLY_LIMIT_S - 1))
    assert lease.ready


async def test_work_that_is_not_saved_gives_up_its_unit(lease: Lease) -> None:
    lease.unit.steps += 1
    dog = watchdog(lease)
    await look_for(dog, 2 * SAVE_LIMIT_S + 1)
    assert "not been saved" in dog._leases.given_up[0].reason


async def test_a_unit_whose_topic_was_made_again_is_acquired_anew(
    lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ids() -> dict[str, str]:
        return {SOURCES[0]: "another"}

    lease.unit.topics[SOURCES[0]] = "the one before"
    monkeypatch.setattr(lease, "topic_ids", ids)
    dog = watchdog(lease)
    await dog.check_topics()
    assert "deleted and made again while engine-0 read it" in dog._leases.given_up[0].reason


async def test_a_unit_that_is_never_read_is_given_up(lease: Lease) -> None:
    lease.feed = None
    dog = watchdog(lease)
    await look_for(dog, 2 * FETCH_LIMIT_S + 1)
    assert "its sources were not read" in dog._leases.given_up[0].reason


async def test_records_that_are_not_fetched_end_the_worker(lease: Lease) -> None:
    with pytest.raises(Halted, match="nothing after 5 was read"):
        await look_for(watchdog(lease, end=6), 2 * FETCH_LIMIT_S + 1)


async def test_records_that_are_not_wanted_yet_may_wait(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease.feed, "wants", lambda source: False)
    await look_for(watchdog(lease, end=6), 2 * FETCH_LIMIT_S + 1)
    assert lease.ready


async def test_brokers_that_do_not_answer_are_no_reason_to_end(lease: Lease) -> None:
    dog = watchdog(lease)

    async def ends(*places: TopicPartition) -> dict[Any, int]:
        raise ConnectionError

    dog._ends = ends
    await look_for(dog, 2 * FETCH_LIMIT_S)
    assert lease.ready
