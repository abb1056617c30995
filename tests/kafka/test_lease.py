"""A lease without a broker: what it sends and when, and which errors end the process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from schemas.errors import Failure
from streams.kafka import giving_up
from streams.kafka import leases as leases_module
from streams.kafka.giving_up import MOST_PAUSE_S, STEADY_S, Unfit
from streams.kafka.lease import BATCH_BYTES, IDLE_CHECKPOINT_S, Lease, chunks
from streams.kafka.leases import Leases
from streams.kafka.settings import Settings
from streams.kafka.worker import Options, Worker
from streams.units.unit import Blueprint, Pair
from tests.kafka.counting import SOURCES, Batch, CountingFeed, CountingUnit

SETTINGS = Settings(("nowhere:1",), "x-")
ENGINES = [Blueprint.of(partial(CountingUnit, partition)) for partition in range(2)]
PLACES = {partition: [(f"x-{source}", partition) for source in SOURCES] for partition in range(2)}


class Halted(Exception):
    """Replaces the end of the process."""


class NoClient:
    """Sends nothing."""

    async def send(self, node_id: int, request: Any, **options: object) -> None:
        raise AssertionError("nothing is sent")


class BatchInMemory:
    def __init__(self) -> None:
        self.pairs: list[Pair] = []

    def append(self, *, key: bytes | None, value: bytes | None, timestamp: int) -> object:
        self.pairs.append((key, value))
        return self

    def close(self) -> None:
        pass


class Producer:
    """Records what is committed."""

    def __init__(self) -> None:
        self.client = NoClient()
        self.broker_ms = time.time_ns() // 1_000_000
        self.open: list[tuple[str, int, Pair]] = []
        self.committed: list[list[tuple[str, int, Pair]]] = []
        self.offsets: dict[TopicPartition, Any] = {}

    async def begin_transaction(self) -> None:
        self.open = []

    def create_batch(self) -> BatchInMemory:
        return BatchInMemory()

    async def send_batch(self, batch: BatchInMemory, topic: str, *, partition: int) -> asyncio.Future[object]:
        offset, self.open = len(self.open), self.open + [(topic, partition, pair) for pair in batch.pairs]
        loop = asyncio.get_running_loop()
        sent: asyncio.Future[object] = loop.create_future()
        loop.call_soon(sent.set_result, SimpleNamespace(timestamp=self.broker_ms, timestamp_type=1, offset=offset))
        return sent

    async def send(self, topic: str, value: bytes, key: bytes, partition: int) -> asyncio.Future[object]:
        batch = BatchInMemory()
        batch.append(key=key, value=value, timestamp=0)
        return await self.send_batch(batch, topic, partition=partition)

    async def start(self) -> None:
        pass

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, Any], group: str) -> None:
        self.offsets = offsets

    async def commit_transaction(self) -> None:
        self.committed.append(self.open)


class Unguarded:
    """The guard of a producer that sends nothing."""

    def cause(self) -> AbstractContextManager[None]:
        return nullcontext()

    def close(self) -> None:
        pass


@pytest.fixture
def lease() -> Lease:
    """A restored lease without state."""
    lease = Lease(SETTINGS, ENGINES[0])
    lease.unit.position = dict.fromkeys(SOURCES, 0)
    lease._producer, lease._guard, lease.ready = Producer(), Unguarded(), True
    return lease


def apply(lease: Lease, position: int, *keys: bytes) -> None:
    after = dict.fromkeys(SOURCES, position)
    lease.unit.apply(Batch(None, dict(lease.unit.position), after, [(SOURCES[0], key) for key in keys], 0))


def producer_of(lease: Lease) -> Producer:
    assert isinstance(lease._producer, Producer)
    return lease._producer


async def test_a_new_owner_commits_at_once(lease: Lease) -> None:
    await lease.checkpoint()
    assert len(producer_of(lease).committed) == 1


async def test_rows_outputs_and_position_go_in_one_transaction(lease: Lease) -> None:
    apply(lease, 10, *[b"k"] * 10)
    await lease.checkpoint()
    (transaction,) = producer_of(lease).committed
    assert [(topic, pair[0]) for topic, _, pair in transaction] == [
        ("x-state", b"app-activity/k"),
        ("x-state", b"\0position"),
        ("x-interventions", None),
        ("x-state", b"\0status"),
    ]


async def test_nothing_is_sent_when_nothing_was_applied(lease: Lease) -> None:
    await lease.checkpoint()
    await lease.checkpoint()
    assert len(producer_of(lease).committed) == 1


async def test_an_idle_unit_whose_frontier_alone_advances_is_not_saved_each_time(lease: Lease) -> None:
    await lease.checkpoint()
    apply(lease, 0)
    await lease.checkpoint()
    assert len(producer_of(lease).committed) == 1
    assert lease.is_saved


async def test_an_idle_unit_is_saved_at_intervals(lease: Lease) -> None:
    await lease.checkpoint()
    apply(lease, 0)
    lease._idle_since -= IDLE_CHECKPOINT_S
    await lease.checkpoint()
    assert len(producer_of(lease).committed) == 2


async def test_a_unit_with_output_but_without_new_records_is_saved(lease: Lease) -> None:
    await lease.checkpoint()
    apply(lease, 0, b"k")
    await lease.checkpoint()
    assert len(producer_of(lease).committed) == 2


async def test_a_unit_with_a_new_position_is_saved(lease: Lease) -> None:
    await lease.checkpoint()
    apply(lease, 1)
    await lease.checkpoint()
    assert len(producer_of(lease).committed) == 2


async def test_each_checkpoint_reads_the_broker_s_clock(lease: Lease) -> None:
    assert not lease.alerts
    producer_of(lease).broker_ms -= 60_000
    await lease.checkpoint()
    (found,) = lease.alerts
    assert "is ahead of that of the leader of x-state/0;" in found.text
    producer_of(lease).broker_ms += 60_000
    await lease.checkpoint()  # it shows the alert: nothing was applied
    assert not lease.alerts


async def test_a_worker_far_ahead_reads_no_state_and_its_clock_is_that_of_the_broker(
    lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = producer_of(lease)
    producer.broker_ms -= 400_000
    monkeypatch.setattr("streams.kafka.lease.AIOKafkaProducer", lambda **_: producer)
    monkeypatch.setattr(lease, "topic_ids", no_ids)
    monkeypatch.setattr("streams.kafka.lease.refuse_missing_rules", nothing_lacks)
    monkeypatch.setattr(lease.restore, "run", None)
    with pytest.raises(Failure, match=r"more than time\.max_skew \(300 s\) ahead, so this worker owns nothing"):
        await lease.acquire(reader.earliest)
    assert lease.clock.now_us() < (producer.broker_ms + 60_000) * 1000


async def test_in_event_time_no_clock_is_an_alert(lease: Lease) -> None:
    lease.live = False
    producer_of(lease).broker_ms -= 60_000
    await lease.checkpoint()
    assert not lease.alerts


async def test_group_offsets_pass_the_markers_when_all_records_are_applied(lease: Lease) -> None:
    lease.read = {SOURCES[0]: (5, 7), SOURCES[1]: (9, 12)}
    apply(lease, 5)
    await lease.checkpoint()
    offsets = {place.topic: offset.offset for place, offset in producer_of(lease).offsets.items()}
    assert offsets == {"x-app-activity": 7, "x-service-visits": 5}


async def test_a_checkpoint_that_takes_too_long_fails(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kafka.lease.CHECKPOINT_LIMIT_S", 0.01)
    monkeypatch.setattr(producer_of(lease), "commit_transaction", asyncio.Event().wait)
    with pytest.raises(TimeoutError, match="a checkpoint took longer"):
        await lease.checkpoint()


def test_a_large_output_is_cut_into_batches() -> None:
    pairs: list[Pair] = [(b"%d" % number, bytes(100_000)) for number in range(20)]
    cut = chunks(pairs)
    assert [pair for chunk in cut for pair in chunk] == pairs
    assert max(sum(len(value or b"") for _, value in chunk) for chunk in cut) <= BATCH_BYTES < 1 << 20


def test_a_record_larger_than_a_batch_has_a_batch_of_its_own() -> None:
    assert [len(chunk) for chunk in chunks([(None, b"a"), (None, bytes(2 << 20)), (None, b"b")])] == [1, 1, 1]


def test_no_rows_make_no_batch() -> None:
    assert chunks([]) == []


async def test_a_batch_of_an_older_feed_is_dropped(lease: Lease) -> None:
    lease.feed = lease.unit.open_feed()
    worker = Worker(SETTINGS, ENGINES, Options())
    worker._apply(lease, Batch(CountingFeed({}), {}, {}, [], 0))
    assert lease.unit.steps == 0


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> Leases:
    def halted(reason: str, code: int = 0) -> NoReturn:
        raise Halted(f"{code}: {reason}")

    async def acquire(lease: Lease, earliest: object) -> None:
        lease.ready = True

    async def stop(lease: Lease) -> None:
        pass

    monkeypatch.setattr(leases_module, "halt", halted)
    monkeypatch.setattr(Lease, "acquire", acquire)
    monkeypatch.setattr(Lease, "stop", stop)
    return Leases(SETTINGS, ENGINES, live=False)


async def nothing_lacks(*_: object) -> None:
    """All access rules are there."""


async def no_ids() -> dict[str, str]:
    """Of brokers before 2.8."""
    return {}


class FakeReader:
    """The consumer's side of the leases."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []

    async def earliest(self, places: object) -> dict[TopicPartition, int]:
        return {}

    async def read_from_state(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            lease.unit.position = dict.fromkeys(SOURCES, 0)
            lease.feed = lease.unit.open_feed()

    async def show_given_up(self, lease: Lease, reason: str) -> None:
        self.shown.append((lease.name, reason))


reader = FakeReader()


async def assign(leases: Leases, generation: int, *partitions: int, reader: FakeReader = reader) -> None:
    leases.assign([place for partition in partitions for place in PLACES[partition]], generation, reader)
    await leases.wait_acquired()


async def test_a_unit_that_stays_keeps_its_memory(leases: Leases) -> None:
    await assign(leases, 1, 0, 1)
    kept = leases.all["engine-0"]
    await assign(leases, 2, 0)
    assert leases.all == {"engine-0": kept}


async def test_after_a_missed_generation_nothing_is_kept(leases: Leases) -> None:
    await assign(leases, 1, 0)
    stale = leases.all["engine-0"]
    await assign(leases, 3, 0)
    assert leases.all["engine-0"] is not stale
    assert stale.released


def test_a_unit_that_got_only_some_of_its_sources_is_named_with_those_that_lack(leases: Leases) -> None:
    here, missing = PLACES[0]
    assert leases.incomplete({*PLACES[0], *PLACES[1]}) is None
    assert (leases.incomplete({here, *PLACES[1]}) or "").startswith(f"{missing[0]}/0 were not assigned, but ")


class Again:
    """Fails to acquire a unit for as long as there are errors, one at each try."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, unit: str, *errors: Exception) -> None:
        self.errors, self.unit, self.tries = list(errors), unit, 0
        monkeypatch.setattr(Lease, "acquire", lambda lease, earliest: self.acquire(lease))

    async def acquire(self, lease: Lease) -> None:
        if lease.name == self.unit:
            self.tries += 1
            if self.errors:
                raise self.errors.pop(0)
        lease.ready = True


async def test_a_worker_that_may_own_nothing_ends_with_one(leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    Again(monkeypatch, "engine-0", Unfit("this worker owns nothing"))
    leases.assign(PLACES[0], 1, reader)
    (begun,) = leases._acquiring
    await begun
    (acquiring,) = leases._acquiring
    with pytest.raises(Halted, match="1: this worker owns nothing"):
        await acquiring


async def test_a_run_with_an_end_ends_with_one_at_what_no_retry_mends(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    await assign(leases, 1, 0)
    leases.ends = True
    with pytest.raises(Halted, match="1: run another release"):
        leases.give_up(leases.all["engine-0"], Failure("run another release"))


async def test_one_unit_s_trouble_is_its_own(leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    Again(monkeypatch, "engine-1", ValueError("a bad row"))
    shows = FakeReader()
    await assign(leases, 1, 0, 1, reader=shows)
    assert [lease.name for lease in leases.ready] == ["engine-0"]
    assert leases.all["engine-0"].feed
    assert [(one.unit, one.reason) for one in leases.given_up] == [("engine-1", "ValueError: a bad row")]
    assert shows.shown == [("engine-1", "ValueError: a bad row")]


async def test_a_unit_is_tried_again_after_pauses_that_double_up_to_a_minute(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = Again(monkeypatch, "engine-1", *[ValueError("a bad row")] * 9)
    await assign(leases, 1, 0, 1)
    pauses_s = []
    while leases.given_up:
        (one,) = leases.given_up
        pauses_s.append(one.pause_s)
        leases.retry(one.again_at - 0.01)
        assert not leases._acquiring
        leases.retry(one.again_at)
        await leases.wait_acquired()
    assert pauses_s == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert again.tries == 10
    assert leases.all["engine-1"].feed


async def test_a_unit_that_has_worked_for_a_minute_begins_again_with_the_first_pause(leases: Leases) -> None:
    await assign(leases, 1, 0)
    leases.give_up(leases.all["engine-0"], ValueError("once"))
    (one,) = leases.given_up
    leases.retry(one.again_at)
    await leases.wait_acquired()
    leases.retry(one.again_at + STEADY_S - 1)
    assert "engine-0" in leases._given_up
    leases.retry(one.again_at + STEADY_S + 1)
    assert "engine-0" not in leases._given_up


async def test_a_fenced_unit_does_not_fight_for_its_place(leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    await assign(leases, 1, 0, 1)
    leases.give_up(leases.all["engine-1"], ProducerFenced())
    (one,) = leases.given_up
    assert (one.reason, one.pause_s) == ("another worker has become its owner", MOST_PAUSE_S)
    await assign(leases, 2, 0, 1)  # the group says that it is this worker's: at once
    assert not leases.given_up


async def test_a_unit_that_goes_to_another_worker_is_not_tried_again(leases: Leases) -> None:
    await assign(leases, 1, 0, 1)
    leases.give_up(leases.all["engine-1"], ValueError("a bad row"))
    (one,) = leases.given_up
    await assign(leases, 2, 0)
    leases.retry(one.again_at)
    assert (leases.given_up, set(leases.all), leases._acquiring) == ([], {"engine-0"}, set())


async def test_between_two_assignments_nothing_is_tried_again(leases: Leases) -> None:
    await assign(leases, 1, 0)
    leases.give_up(leases.all["engine-0"], ValueError("a bad row"))
    (one,) = leases.given_up
    await leases.revoke()
    leases.retry(one.again_at)
    assert not leases._acquiring


async def test_the_error_of_an_older_incarnation_gives_up_nothing(leases: Leases) -> None:
    await assign(leases, 1, 0)
    older = leases.all["engine-0"]
    leases.give_up(older, ValueError("first"))
    leases.retry(leases.given_up[0].again_at)
    await leases.wait_acquired()
    leases.give_up(older, ValueError("late, of a checkpoint that was on its way"))
    assert leases.all["engine-0"].ready
    assert older.released


async def test_batches_of_a_unit_that_was_given_up_are_dropped(leases: Leases) -> None:
    worker = Worker(SETTINGS, ENGINES, Options())
    worker.leases = leases
    await assign(leases, 1, 0)
    older = leases.all["engine-0"]
    batch = Batch(older.feed, dict.fromkeys(SOURCES, 0), dict.fromkeys(SOURCES, 1), [], 0)
    leases.give_up(older, ValueError("a bad row"))
    worker._apply(older, batch)
    assert older.unit.steps == 0


async def test_an_input_that_its_unit_cannot_apply_gives_up_that_unit(leases: Leases) -> None:
    worker = Worker(SETTINGS, ENGINES, Options())
    worker.leases = leases
    await assign(leases, 1, 0, 1)
    lease = leases.all["engine-0"]
    batch = Batch(lease.feed, dict.fromkeys(SOURCES, 7), dict.fromkeys(SOURCES, 8), [], 0)
    lease.on_the_way.append(batch)
    worker._apply(lease, batch)
    assert "batch from" in leases.given_up[0].reason
    assert [one.name for one in leases.ready] == ["engine-1"]


async def test_a_batch_that_comes_without_the_one_before_it_gives_up_its_unit(leases: Leases) -> None:
    worker = Worker(SETTINGS, ENGINES, Options())
    worker.leases = leases
    await assign(leases, 1, 0)
    lease = leases.all["engine-0"]
    lost, batch = (Batch(lease.feed, dict(lease.unit.position), dict(lease.unit.position), [], 0) for _ in range(2))
    lease.on_the_way += [lost, batch]  # neither moves a position
    worker._apply(lease, batch)
    assert "Faust lost a batch" in leases.given_up[0].reason
    assert lease.unit.steps == 0


async def test_a_batch_that_comes_twice_gives_up_its_unit(leases: Leases) -> None:
    worker = Worker(SETTINGS, ENGINES, Options())
    worker.leases = leases
    await assign(leases, 1, 0)
    lease = leases.all["engine-0"]
    batch = Batch(lease.feed, dict(lease.unit.position), dict(lease.unit.position), [], 0)
    lease.on_the_way.append(batch)
    worker._apply(lease, batch)
    worker._apply(lease, batch)
    assert "Faust lost a batch" in leases.given_up[0].reason
    assert lease.unit.steps == 1


async def test_a_checkpoint_that_fails_gives_up_its_unit(leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    await assign(leases, 1, 0, 1)

    async def checkpoint(lease: Lease) -> None:
        if lease.name == "engine-0":
            raise ProducerFenced

    monkeypatch.setattr(Lease, "checkpoint", checkpoint)
    await leases.checkpoint()
    assert [lease.name for lease in leases.ready] == ["engine-1"]


async def test_a_checkpoint_that_takes_too_long_at_a_revocation_is_not_kept(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "REVOKE_LIMIT_S", 0.01)
    await assign(leases, 1, 0)
    monkeypatch.setattr(Lease, "checkpoint", lambda lease: asyncio.Event().wait())
    slow = leases.all["engine-0"]
    await leases.revoke()
    assert slow.released
    assert "engine-0" not in leases.all


async def test_nothing_is_saved_between_a_revocation_and_the_next_assignment(leases: Leases) -> None:
    await assign(leases, 1, 0)
    for lease in leases.all.values():
        lease.saved = lease.unit.steps
    await leases.revoke()
    leases.checkpoint_now(leases.all["engine-0"])
    assert not leases._running


async def test_a_revoked_unit_accepts_no_records(leases: Leases) -> None:
    await assign(leases, 1, 0)
    lease = leases.all["engine-0"]
    lease.saved, lease.feed = lease.unit.steps, CountingUnit(0).open_feed()
    await leases.revoke()
    assert lease.feed is None


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TopicAuthorizationFailedError("x-state"), "User:ANONYMOUS may not Write topic x-state: kafka-acls.sh"),
        (TransactionalIdAuthorizationFailed("x"), "User:ANONYMOUS may not Write transactional id x"),
        (ProducerFenced(), "another worker has become its owner"),
        (Failure("run another release"), "run another release"),
        (TimeoutError("a checkpoint took longer than 10 s"), "TimeoutError: a checkpoint took longer than 10 s"),
        (KeyError(), "KeyError"),
        (ValueError("\u4e2d" * 10_000), "ValueError: \u4e2d"),
        (KafkaConnectionError("Unable to bootstrap from [('nowhere', 1)]"), "no broker answers at nowhere:1"),
    ],
)
def test_the_reason_of_a_unit_that_is_given_up_is_one_short_sentence(error: Exception, says: str) -> None:
    found = giving_up.reason(SETTINGS, error)
    assert found.startswith(says)
    assert len(found.encode()) <= giving_up.REASON_BYTES
