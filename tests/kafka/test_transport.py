"""The inbox of the consumer's thread; tests of the worker cover the rest of the transport."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import OffsetOutOfRangeError, TopicAuthorizationFailedError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from streams.kafka.settings import Settings
from streams.kafka.transport import ConsumerThread, Refused, _pause_others

ONE, OTHER = TP("a", 0), TP("b", 0)
ASKED_US = 5_000_000


class Consumer:
    """The used part of aiokafka's consumer."""

    def __init__(self, position: int = 0, end: int = 0, sought: bool = True) -> None:
        self.state = SimpleNamespace(highwater=end, timestamp=1_700_000_000_000, has_valid_position=sought)
        if sought:
            self.state.position = position
        assignment = SimpleNamespace(tps={ONE, OTHER}, state_value=lambda tp: self.state)
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
        self.held: set[TP] = set()

    def assignment(self) -> frozenset[TP]:
        return frozenset({ONE, OTHER})

    def paused(self) -> set[TP]:
        return set(self.held)

    def pause(self, *places: TP) -> None:
        self.held.update(places)

    def resume(self, *places: TP) -> None:
        self.held.difference_update(places)


def records(*offsets: int) -> list[Any]:
    return [SimpleNamespace(offset=offset) for offset in offsets]


def thread(live: bool = False) -> ConsumerThread:
    """A thread whose consumer was sought to offset 0 of one partition."""
    thread: Any = ConsumerThread.__new__(ConsumerThread)
    thread.consumer = SimpleNamespace(leases=SimpleNamespace(live=live))
    thread.inbox, thread._next, thread._asked = deque(), {ONE: 0}, {ONE: ASKED_US}
    return thread  # type: ignore[no-any-return]


def test_records_carry_the_offset_they_were_read_from() -> None:
    reader = thread()
    reader._collect(Consumer(), {ONE: records(3, 4)}, [ONE])
    reader._collect(Consumer(), {ONE: records(9)}, [ONE])
    assert [fetched.base for fetched in reader.inbox] == [0, 5]


def test_records_of_a_partition_that_was_not_sought_are_dropped() -> None:
    reader = thread()
    reader._collect(Consumer(), {OTHER: records(1)}, [OTHER])
    assert not reader.inbox


def test_records_of_an_older_assignment_are_dropped() -> None:
    reader = thread()
    reader._collect(Consumer(sought=False), {ONE: records(1)}, [ONE])
    assert not reader.inbox


def test_live_a_partition_read_to_its_end_is_caught_up_without_records() -> None:
    reader = thread(live=True)
    reader._collect(Consumer(position=7, end=7), {}, [ONE])
    assert [fetched.caught_up for fetched in reader.inbox] == [ASKED_US]


def test_live_a_partition_with_lag_is_not_caught_up() -> None:
    reader = thread(live=True)
    reader._collect(Consumer(position=6, end=7), {}, [ONE])
    assert [fetched.caught_up for fetched in reader.inbox] == [0]


def test_live_a_partition_whose_end_an_open_transaction_hides_is_not_caught_up() -> None:
    reader, consumer = thread(live=True), Consumer(position=7, end=9)
    consumer.state.lso = 7
    reader._collect(consumer, {}, [ONE])
    assert [(fetched.caught_up, fetched.end) for fetched in reader.inbox] == [(0, 9)]


@pytest.mark.parametrize("got", [{}, {ONE: records(6)}])
def test_in_event_time_no_partition_is_caught_up(got: dict[TP, list[Any]]) -> None:
    reader = thread()
    reader._collect(Consumer(position=7, end=7), got, [ONE])
    assert all(fetched.caught_up == 0 for fetched in reader.inbox)


@pytest.mark.parametrize(("answers", "expected"), [(True, {ONE: 7, OTHER: 7}), (False, {ONE: 7})])
async def test_a_partition_is_caught_up_from_when_it_was_asked_for_not_from_when_the_answer_was_read(
    monkeypatch: pytest.MonkeyPatch, answers: bool, expected: dict[TP, int]
) -> None:
    reader, states, now = thread(live=True), {tp: SimpleNamespace(timestamp=1) for tp in (ONE, OTHER)}, iter([7, 99])
    monkeypatch.setattr("streams.kafka.transport.monotonic_us", lambda: next(now))

    async def fetch(assignment: Any, node: int, request: Any) -> bool:
        states[ONE].timestamp = 2
        states[OTHER].timestamp += answers  # an error of a partition leaves it as it was
        return answers

    request = SimpleNamespace(topics=[(tp.topic, [(tp.partition, 0, 1)]) for tp in (ONE, OTHER)])
    reader._asked.clear()
    assert await reader._timed(fetch)(SimpleNamespace(state_value=states.get), 1, request) is answers
    assert reader._asked == expected


@pytest.mark.parametrize(
    ("error", "places", "says"),
    [
        (OffsetOutOfRangeError({ONE: 7}), {ONE}, "the next record to read is gone (a/0, offset 7)"),
        (TopicAuthorizationFailedError("b"), {OTHER}, "User:ANONYMOUS may not Read topic b: kafka-acls.sh"),
    ],
)
async def test_an_error_of_a_fetch_is_about_its_partitions_alone(
    monkeypatch: pytest.MonkeyPatch, error: Exception, places: set[TP], says: str
) -> None:
    reader = thread()
    reader.consumer.leases.settings = Settings(("nowhere:1",))

    async def fetch(*_: object) -> None:
        raise error

    monkeypatch.setattr(AIOKafkaConsumerThread, "_fetch_records", fetch)
    assert await reader._fetch_records(Consumer(), {ONE, OTHER}) == {}
    (refused,) = reader.inbox
    assert isinstance(refused, Refused)
    assert refused.places == places
    assert says in str(refused.error)


def test_unwanted_partitions_are_not_fetched() -> None:
    consumer = Consumer()
    _pause_others(consumer, {ONE})
    assert consumer.held == {OTHER}


def test_partitions_wanted_again_are_fetched_again() -> None:
    consumer = Consumer()
    _pause_others(consumer, {ONE})
    _pause_others(consumer, {ONE, OTHER})
    assert consumer.held == set()
