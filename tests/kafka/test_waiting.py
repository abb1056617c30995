"""Since when the oldest record that is not applied waits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from streams.kafka.waiting import EVERY, Waiting

NOW_US = 1_000_000_000_000


def records(first: int, count: int, at_ms: int = 5_000) -> list[Any]:
    """One a second from `at_ms` on."""
    return [SimpleNamespace(offset=first + i, timestamp=at_ms + 1000 * i) for i in range(count)]


def test_nothing_waits_before_the_first_fetch() -> None:
    assert Waiting().since_us(0, 0) is None


def test_before_anything_is_applied_it_is_the_first_record() -> None:
    waiting = Waiting()
    waiting.fetched(records(7, 100), 107, 5000, 7, NOW_US)
    assert waiting.since_us(7, 107) == 5_000_000


def test_as_records_are_applied_it_follows_and_is_never_later_than_the_truth() -> None:
    waiting = Waiting()
    waiting.fetched(records(0, 100), 100, 100, 0, NOW_US)
    for applied in range(100):
        found, truth = waiting.since_us(applied, 100), 5_000_000 + applied * 1_000_000
        assert found is not None
        assert truth - EVERY * 1_000_000 < found <= truth


def test_nothing_waits_when_all_is_applied_in_spite_of_a_marker_behind() -> None:
    waiting = Waiting()
    waiting.fetched(records(0, 10), 11, 11, 0, NOW_US)
    assert waiting.since_us(11, 11) is None


def test_a_record_after_a_long_pause_has_waited_since_it_came() -> None:
    waiting = Waiting()
    waiting.fetched(records(0, 10), 10, 10, 0, NOW_US)
    waiting.fetched([], 10, 10, 10, NOW_US)
    waiting.fetched(records(10, 1, 900_000), 11, 11, 10, NOW_US)
    assert waiting.since_us(10, 11) == 900_000_000


def test_between_two_fetches_of_a_backlog_it_is_the_last_record_that_was_read() -> None:
    waiting = Waiting()
    waiting.fetched(records(0, 10), 10, 500, 0, NOW_US)
    assert waiting.since_us(10, 10) == 14_000_000


def test_what_an_open_transaction_hides_has_waited_since_it_was_noticed() -> None:
    waiting = Waiting()
    waiting.fetched([], 10, 13, 10, NOW_US)
    waiting.fetched([], 10, 15, 10, NOW_US + 9)
    assert waiting.since_us(10, 10) == NOW_US


def test_what_is_kept_does_not_grow_with_what_was_applied() -> None:
    waiting = Waiting()
    for i in range(1000):
        waiting.fetched(records(i * 100, 100), i * 100 + 100, i * 100 + 100, i * 100, NOW_US)
    assert len(waiting._read) <= 2 * 100 // EVERY + 2
