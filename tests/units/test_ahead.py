"""Live, neither a record nor a heartbeat that is ahead of the clock delays anybody else."""

from __future__ import annotations

import pytest

from schemas.instants import SECOND_US
from tests.units.shops import START_US, Message, Partition, Visit, event, heartbeat


def visit(number: int, customer: str, at_us: int, shop: str = "east") -> Message:
    return Message(at_us, event(number, Visit(at_us, shop, customer, at_us)), customer)


@pytest.mark.parametrize("ahead_s", [1, 120, 280])
def test_one_record_that_is_ahead_delays_no_other(ahead_s: int) -> None:
    partition, now_us = Partition("time.tick=200ms"), START_US
    partition.take([visit(0, "a", now_us)], now_us, caught_up=True)
    early = visit(1, "skewed", now_us + ahead_s * SECOND_US)
    partition.take([early, visit(2, "b", now_us + SECOND_US)], now_us + SECOND_US, caught_up=True)
    partition.take([visit(3, "c", now_us + 2 * SECOND_US)], now_us + 2 * SECOND_US, caught_up=True)
    assert partition.unit.engine.now_us == now_us + 2 * SECOND_US
    assert partition.unit.engine.lifespans.known() == 4
    assert partition.unit.counts["late"] == 0


def test_a_heartbeat_that_is_ahead_proves_nothing_beyond_the_clock() -> None:
    partition = Partition("time.tick=200ms")
    partition.take([visit(0, "a", START_US)], START_US, caught_up=True)
    partition.take([Message(START_US, heartbeat("east", START_US + 280 * SECOND_US), None)], START_US, caught_up=False)
    partition.take([visit(1, "b", START_US + SECOND_US)], START_US + SECOND_US, caught_up=True)
    assert partition.unit.engine.now_us == START_US + SECOND_US
    assert partition.unit.engine.lifespans.known() == 2


def test_a_record_further_ahead_is_refused_for_good() -> None:
    partition = Partition()
    partition.take([visit(0, "a", START_US + 301 * SECOND_US)], START_US, caught_up=True)
    partition.take([], START_US + 900 * SECOND_US, caught_up=True)
    assert len(partition.letters) == 1
    assert partition.unit.engine.lifespans.known() == 0


def test_a_healthy_stream_has_no_late_events_however_long_they_travel() -> None:
    partition = Partition("time.tick=200ms")
    for second in range(100):
        now_us = START_US + second * SECOND_US
        at_us = now_us - 3 * SECOND_US  # the clock has proved these ticks long ago, the producer has not
        partition.take([visit(second, f"c{second}", at_us)], now_us, caught_up=True)
    assert (partition.unit.counts["applied"], partition.unit.counts.get("late", 0)) == (100, 0)


def test_an_event_behind_what_its_own_producer_had_sent_is_late() -> None:
    partition = Partition("time.tick=200ms")
    partition.take([visit(0, "a", START_US)], START_US + SECOND_US, caught_up=True)
    partition.take([visit(1, "b", START_US - 5 * SECOND_US)], START_US + 2 * SECOND_US, caught_up=True)
    partition.take([visit(2, "c", START_US - 5 * SECOND_US, "west")], START_US + 3 * SECOND_US, caught_up=True)
    assert (partition.unit.counts["applied"], partition.unit.counts["late"]) == (2, 1)
