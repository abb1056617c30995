"""Live, neither a record nor a heartbeat that is ahead of the clock delays anybody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import SECOND_US
from tests.units.shops import START_US, VISITS, Message, Partition, Visit, event, heartbeat
from tests.units.topics import Record


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


def outcomes(partition: Partition) -> tuple[int, int]:
    """How many dead letters there are, and how many customers."""
    return len(partition.letters), partition.unit.engine.lifespans.known()


def test_a_record_that_was_refused_as_future_is_not_applied_by_the_next_owner() -> None:
    partition = Partition("time.tick=200ms")
    partition.take([visit(0, "a", START_US)], START_US, caught_up=True)
    messages = [visit(1, "b", START_US + SECOND_US), visit(2, "skewed", START_US + 400 * SECOND_US)]
    partition.take(messages, START_US + SECOND_US, caught_up=False)
    assert partition.unit.position[VISITS] == 1  # b waits for its tick to end
    for now_us in (START_US + 200 * SECOND_US, START_US + 900 * SECOND_US):
        partition.restart(now_us)
        partition.take([], now_us, caught_up=True)
        assert sum(outcomes(partition)) == 3


def test_a_record_that_was_refused_as_future_and_passed_stays_refused() -> None:
    partition = Partition("time.tick=200ms")
    partition.take([visit(0, "a", START_US)], START_US, caught_up=True)
    messages = [visit(1, "skewed", START_US + 400 * SECOND_US), visit(2, "b", START_US + SECOND_US)]
    partition.take(messages, START_US + SECOND_US, caught_up=False)
    assert outcomes(partition) == (1, 1)
    partition.restart(START_US + 900 * SECOND_US)
    partition.take([], START_US + 900 * SECOND_US, caught_up=True)
    assert outcomes(partition) == (1, 2)


def test_what_the_higher_clock_does_not_call_future_is_accepted_as_now() -> None:
    partition = Partition("time.tick=200ms")
    record = Record(0, b"a", visit(0, "a", START_US + 900 * SECOND_US).value)
    partition.feed.offer(VISITS, 0, [record], START_US, START_US + 700 * SECOND_US)
    partition.take([], START_US, caught_up=True)
    partition.take([], START_US + SECOND_US, caught_up=True)
    assert (len(partition.letters), partition.unit.engine.lifespans.known()) == (0, 1)
    assert partition.unit.engine.now_us == START_US + SECOND_US


@given(st.data())
def test_each_record_is_applied_once_or_refused_once_whatever_the_clocks_of_its_owners(data: st.DataObject) -> None:
    ahead_s = data.draw(st.lists(st.integers(0, 700), min_size=1, max_size=12))
    messages = [visit(i, f"c{i}", START_US + s * SECOND_US) for i, s in enumerate(ahead_s)]
    partition, now_us = Partition("time.tick=200ms"), START_US
    while messages:
        now_us += data.draw(st.integers(0, 300)) * SECOND_US
        count = data.draw(st.integers(1, len(messages)))
        partition.take(messages[:count], now_us, caught_up=data.draw(st.booleans()))
        messages = messages[count:]
        partition.restart(now_us + data.draw(st.integers(-300, 300)) * SECOND_US)
    partition.take([], now_us + 600 * SECOND_US, caught_up=True)
    partition.take([], now_us + 601 * SECOND_US, caught_up=True)
    assert sum(outcomes(partition)) == len(ahead_s)
    assert len({letter["offset"] for letter in partition.letters}) == len(partition.letters)
