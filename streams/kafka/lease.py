"""One owned unit: a transactional producer whose epoch proves the ownership, one transaction a checkpoint.

acquire     InitProducerId fences the previous owner and aborts its transaction. The new owner commits a token and reads
            the changelog (read_committed) up to it: everything that an older owner committed lies before the token,
            whatever ListOffsets returns.
checkpoint  Changed rows, outputs, position and (for lag tools) the group's offsets, in one transaction. After any error
            in it, and any exceeded limit, the unit is given up: it is released, and acquired anew later (leases.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.alerts import Alert, bounded
from schemas.decode import MAX_SKEW_US
from schemas.instants import SECOND_US, parse_instant
from streams.kafka.clock import Clock
from streams.kafka.giving_up import Unfit
from streams.kafka.leaderless import leaderless
from streams.kafka.requests import OpenTransaction, described, open_transactions
from streams.kafka.restore import Restore
from streams.kafka.settings import Settings
from streams.kafka.topics import refuse_missing_rules
from streams.kafka.transaction_guard import TransactionGuard
from streams.kafka.unit_status import StatusRow, UnitStatus
from streams.kafka.unit_topics import Earliest, UnitTopics
from streams.kafka.waiting import Waiting
from streams.units.engine_unit import EngineUnit
from streams.units.histogram import Histogram
from streams.units.seal import seal
from streams.units.sources import OBSERVATIONS
from streams.units.unit import GROUP_KEY, LEASE_KEY, STATUS, Blueprint, Feed, Output, Pair, Unit

# Each limit is shorter than the next: the checkpoint's own expires first, so no request is ever repeated because it
# took too long. An open transaction of a dead worker delays committed readers for up to the last one.
CHECKPOINT_LIMIT_S = 10.0
REQUEST_TIMEOUT_MS = 15_000
TRANSACTION_TIMEOUT_MS = 20_000
RETRY_BACKOFF_MS = 20  # the markers of the previous transaction are often still being written
ACQUIRE_LIMIT_S = 60.0  # how long the brokers may have no transaction coordinator

IDLE_CHECKPOINT_S = 30.0
POSITION_ROWS = 1  # a unit writes its position at every checkpoint

BATCH_BYTES = 900_000  # below the brokers' default limit of 1 MiB; a larger record has a batch of its own
RECORD_BYTES = 8 << 20
ANSWER_LIMIT_S = 5.0
CHECKPOINT_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NEWS_S = 24 * 3600.0  # how long a topic that was made again stays among the alerts

log = logging.getLogger("keepline.worker")
STOP_LIMIT_S = 5.0
Offsets = Callable[[int | None], dict[TopicPartition, OffsetAndMetadata]]  # by the offset of the status row


@dataclass
class CheckpointStats:
    """What checkpoints of a unit cost this process, for the metrics. results: by `committed`, `failed`, `fenced`."""

    results: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    seconds: Histogram = field(default_factory=lambda: Histogram(CHECKPOINT_BOUNDS_S))


class MadeAgain(RuntimeError):
    """A topic was deleted and made again under the unit: offsets of the new one mean other records."""


class Lease:
    """A unit that this process owns. `feed` is None between revoke and seek: no record is accepted then."""

    def __init__(
        self,
        settings: Settings,
        blueprint: Blueprint,
        live: bool = True,
        max_skew_us: int = MAX_SKEW_US,
        stats: CheckpointStats | None = None,
    ) -> None:
        """stats: of the leases that this process had of the unit before."""
        self.settings, self.blueprint, self.live = settings, blueprint, live
        self.clock = Clock(max_skew_us)
        self.unit: Unit = blueprint.make()
        self.status, self.topics = UnitStatus(self.unit), UnitTopics(settings, blueprint, self.unit)
        self.inputs = self.topics.inputs  # source -> topic and partition
        self.feed: Feed | None = None
        self.on_the_way: deque[Any] = deque()  # batches that Faust has got and that have not come back to be applied
        # source -> offset after its last record, and after the markers and aborted records that follow it
        self.read: dict[str, tuple[int, int]] = {}
        self.ends: dict[str, int] = {}  # source -> high watermark, as the broker reported it last
        self.transactions: dict[str, Alert] = {}  # source -> open transactions hold its records back
        self.leaderless: list[Alert] = []
        # unit.steps of the last checkpoint; None: there was none, so that a new owner saves at once
        self.saved: int | None = None
        self.saved_at = self._idle_since = 0.0  # by the unit's clock; monotonic
        self.saved_position: dict[str, int] = {}
        self.sent_position: dict[str, int] = {}  # of the checkpoint that was begun last
        self.waiting: defaultdict[str, Waiting] = defaultdict(Waiting)  # by source
        self.ready = self.released = False
        self.stats, self.restore = stats or CheckpointStats(), Restore(settings, blueprint.name)
        self._owned_at = 0.0
        self.news: list[Alert] = []  # sources that are read from their beginning again, and why
        self._lock = asyncio.Lock()
        self._producer: AIOKafkaProducer | None = None
        self._guard: TransactionGuard | None = None

    @property
    def name(self) -> str:
        return self.blueprint.name

    def wanted(self) -> list[tuple[TopicPartition, int]]:
        """Partitions of which the feed wants more records, with the offset to read on from."""
        feed, position = self.feed, self.unit.position
        wanted = [source for source in self.inputs if feed is not None and feed.wants(source)]
        return [(self.inputs[source], self.read.get(source, (0, position[source]))[1]) for source in wanted]

    def start_positions(self) -> list[tuple[TopicPartition, int]]:
        """Partitions with the offset at which reading starts."""
        return [(place, self.unit.position[source]) for source, place in self.inputs.items()]

    def applied(self, source: str) -> int:
        """The next offset to apply; behind the markers where every record that was read is applied."""
        after_last_record, after_markers = self.read.get(source, (-1, -1))
        position = self.unit.position[source]
        return after_markers if position == after_last_record else position

    def fetched(self, source: str, records: Sequence[Any], base: int, next_offset: int, end: int | None) -> None:
        """Notes what a fetch from `base` on has brought, after the feed has it. end: the high watermark, if known."""
        if end is not None:
            self.ends[source] = end
        self.read[source] = (records[-1].offset + 1 if records else base, next_offset)
        self.waiting[source].fetched(records, next_offset, end, self.unit.position[source], self.clock.now_us())

    def read_again(self) -> None:
        """Reading starts anew at the position of the state."""
        self.read = {}
        self.waiting.clear()

    @property
    def is_saved(self) -> bool:
        """Whether everything applied is in a checkpoint."""
        return self.ready and self.saved == self.unit.steps

    @property
    def alerts(self) -> list[Alert]:
        """What on-call must know, not more than people read."""
        news = self.news if time.monotonic() - self._owned_at < NEWS_S else []
        return bounded([*self.unit.alerts, *self.transactions.values(), *self.leaderless, *news, *self._clock_alerts()])

    def _clock_alerts(self) -> list[Alert]:
        frontier = self.unit.frontier
        return self.clock.alerts(self._leader, parse_instant(frontier) if frontier else None) if self.live else []

    @property
    def _leader(self) -> str:
        topic, partition = self.topics.changelog
        return f"the leader of {topic}/{partition}"

    async def open_transactions(self, source: str) -> list[OpenTransaction]:
        """Returns the transactions that are open in a source; none when the brokers do not say."""
        assert self._producer
        try:
            asked = open_transactions(self._producer.client, self.inputs[source])
            return await asyncio.wait_for(asked, ANSWER_LIMIT_S)
        except Exception as error:  # brokers that do not answer are no reason to end the worker
            log.warning("cannot ask for open transactions of %s: %r", self.inputs[source], error)
            return []

    async def topic_ids(self) -> dict[str, str]:
        """Returns the ids of the unit's topics, by short name; of those that brokers report. Notes which of its
        partitions no broker leads.
        """
        assert self._producer
        full = {self.settings.topic(short): short for short in self.topics.names}
        found = await asyncio.wait_for(described(self._producer.client, full), ANSWER_LIMIT_S)
        own = {*self.inputs.values(), TopicPartition(*self.topics.changelog)}
        self.leaderless = [alert for place, alert in leaderless(found).items() if place in own]
        return {full[name]: topic.id for name, topic in found.items()}

    async def refuse_made_again(self) -> None:
        """Raises MadeAgain when a topic was made again since the unit was acquired."""
        try:
            again = self.topics.made_again(await self.topic_ids())
        except Exception as error:  # brokers that do not answer are no reason to give it up
            log.warning("%s: cannot ask for the ids of topics: %r", self.name, error)
            return
        if again:
            names = ", ".join(map(self.settings.topic, again))
            raise MadeAgain(f"{names}: deleted and made again while {self.name} read it")

    async def acquire(self, earliest: Earliest) -> None:
        """Becomes the owner and restores the state; then the unit has a position in every source."""
        started = time.monotonic()
        self._producer = self._new_producer()
        self._guard = TransactionGuard(self._producer)
        token = uuid.uuid4().bytes
        async with within(ACQUIRE_LIMIT_S, f"becoming the owner with the transactional id {self.transactional_id}"):
            await self._producer.start()
            self.topics.refuse_missing(await self.topic_ids())
            await refuse_missing_rules(self._producer.client, self.settings)  # all at once, not topic by topic
            await self._write_token(self._producer, token)
        self.clock.refuse_far_ahead(self._leader)
        await self.restore.run(token, self.unit)
        await self._refuse_other_group(self._producer)
        ids = await self.topic_ids()  # before the offsets: a topic made again in between is seen later
        self.news = await self.topics.find_start(ids, earliest)
        if self.released:  # given up, or taken away meanwhile
            return
        self.ready, self._owned_at = True, time.monotonic()
        log.info("%s restored: %d records in %.2f s", self.name, self.restore.records, time.monotonic() - started)

    @property
    def transactional_id(self) -> str:
        """Belongs to the unit of this deployment: one owner at a time, and no other deployment's."""
        return self.settings.transactional_id(self.name)

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self.settings.client,
            transactional_id=self.transactional_id,
            linger_ms=0,
            retry_backoff_ms=RETRY_BACKOFF_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_batch_size=RECORD_BYTES,
            max_request_size=RECORD_BYTES,
        )

    async def checkpoint(self) -> None:
        """Commits what was applied since the last checkpoint, if anything was."""
        async with self._lock:
            if not self.ready:
                return
            row = self.status.row(self.alerts, self.clock.now_us())
            is_due = self.status.is_due(row, leaving=self.feed is None)
            if self.is_saved and not is_due:
                return
            # no await from here to the commit: rows, outputs and offsets belong together
            steps, outputs, position = self.unit.steps, self.unit.take(), dict(self.unit.position)
            if is_due or not self._only_time_passed(outputs, position):
                started, self.sent_position = time.monotonic(), position
                shown = row if is_due or self.status.may_be_written else None
                commit = self._commit(outputs, self._offsets(len(row.alerts)), shown)
                async with within(CHECKPOINT_LIMIT_S, "a checkpoint"):
                    await commit
                self.saved_at, self.saved_position = self.clock.now_us() / SECOND_US, position
                self._idle_since = time.monotonic()
                self._count(outputs, time.monotonic() - started)
                if self.live and isinstance(self.unit, EngineUnit):
                    self.unit.responses.committed(self.clock.now_us())
            self.saved = steps

    def release(self) -> None:
        """Ends the ownership at once: from here on nothing is accepted, applied or sent."""
        self.released, self.ready, self.feed = True, False, None
        if self._guard:
            self._guard.close()

    async def stop(self) -> None:
        """Releases the lease and stops the producer; what was not committed is dropped on purpose."""
        self.release()
        if self._producer:
            try:
                await asyncio.wait_for(self._producer.stop(), STOP_LIMIT_S)
            except Exception as error:  # the broker aborts an open transaction after its timeout
                log.warning("%s: the producer did not stop cleanly: %r", self.name, error)

    def _only_time_passed(self, outputs: Sequence[Output], position: dict[str, int]) -> bool:
        """Live, each tick advances an idle unit; that alone is saved every IDLE_CHECKPOINT_S, not every second."""
        nothing_new = position == self.saved_position and not self.unit.done
        rows = sum(len(output.pairs) for output in outputs)
        idle = rows <= POSITION_ROWS and time.monotonic() - self._idle_since < IDLE_CHECKPOINT_S
        return nothing_new and idle

    async def _write_token(self, producer: AIOKafkaProducer, token: bytes, key: bytes = LEASE_KEY) -> None:
        topic, partition = self.topics.changelog
        assert self._guard
        with self._guard.cause():
            await producer.begin_transaction()
            acknowledged = self.clock.sending()
            sent = await producer.send(topic, token, key, partition)
            sent.add_done_callback(acknowledged)
            await sent
            await producer.commit_transaction()

    async def _refuse_other_group(self, producer: AIOKafkaProducer) -> None:
        """Raises Unfit when the state is another group's: both would send everything, and undo each other's state. A
        state that names none is this group's from now on.
        """
        own, found = self.settings.group, self.restore.group
        if found is None:
            async with within(CHECKPOINT_LIMIT_S, "writing the group's name"):
                await self._write_token(producer, seal(self.unit.changelog[0], own.encode(), GROUP_KEY), GROUP_KEY)
        elif found != own:
            topic, partition = self.topics.changelog
            raise Unfit(
                f"the state in {topic}/{partition} belongs to the group {found}, this worker is in {own}: two groups "
                f"on the same topics would send everything twice; set KEEPLINE_GROUP={found}, or give this "
                "deployment topics of its own (KEEPLINE_TOPIC_PREFIX, `keepline topics create`)"
            )

    async def _commit(self, outputs: Sequence[Output], offsets: Offsets, row: StatusRow | None) -> None:
        assert self._producer
        assert self._guard
        with self._guard.cause():
            await self._producer.begin_transaction()
            sent = [future for output in outputs for future in await self._send(self._producer, output)]
            own = await self._send(self._producer, self._status_output(row)) if row else []
            await asyncio.gather(*sent, *own)
            offset = own[0].result().offset if own else self.status.offset
            await self._producer.send_offsets_to_transaction(
                self._behind_delay_line(offsets(offset)), self.settings.group
            )
            await self._producer.commit_transaction()
        if row and offset is not None:
            self.status.written(row, offset)

    def _status_output(self, row: StatusRow) -> Output:
        return Output(*self.unit.changelog, [(STATUS, row.dumps())])

    async def _send(self, producer: AIOKafkaProducer, output: Output) -> list[asyncio.Future[Any]]:
        topic, now_ms = self.settings.topic(output.topic), self.clock.now_us() // 1000
        sent = []
        for chunk in chunks(output.pairs):
            batch = producer.create_batch()
            for key, value in chunk:
                if batch.append(key=key, value=value, timestamp=now_ms) is None:
                    raise ValueError(f"a record of {len(value or b'')} bytes for {topic} is larger than {RECORD_BYTES}")
            batch.close()
            acknowledged = self.clock.sending()
            sent.append(await producer.send_batch(batch, topic, partition=output.partition))
            if (topic, output.partition) == self.topics.changelog:
                sent[-1].add_done_callback(acknowledged)
            elif output.topic == OBSERVATIONS:
                sent[-1].add_done_callback(partial(self._delayed, len(chunk)))
        return sent

    def _delayed(self, records: int, sent: asyncio.Future[Any]) -> None:
        """Notes where the delay line ends: behind the records that were sent and the marker of their transaction."""
        if not sent.cancelled() and not sent.exception():
            self.ends[OBSERVATIONS] = max(self.ends.get(OBSERVATIONS, 0), sent.result().offset + records + 1)

    def _behind_delay_line(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> dict[Any, OffsetAndMetadata]:
        """The offsets, with the end of the delay line: what waits in it for its horizon is no lag to other tools."""
        place = self.inputs.get(OBSERVATIONS)
        if place is None:
            return dict(offsets)
        end = max(offsets[place].offset, self.ends.get(OBSERVATIONS, 0))
        return {**offsets, place: OffsetAndMetadata(end, offsets[place].metadata)}

    def _offsets(self, alerts: int) -> Offsets:
        """The group's offsets as they are now: for `keepline status` and lag tools, never read by a worker. They are
        complete with the offset of the status row; a few hundred bytes, whatever is sent.
        """
        unit, applied = self.unit, {place: self.applied(source) for source, place in self.inputs.items()}
        body = {
            "unit": self.name,
            "partitions": unit.partitions,
            "saved_at": self.clock.now_us() / SECOND_US,
            "frontier": unit.frontier,
            "done": unit.done,
            "waiting": unit.waiting,
            "alerts": alerts,
        }

        def with_status(offset: int | None) -> dict[TopicPartition, OffsetAndMetadata]:
            metadata = orjson.dumps(body | {"status": offset}).decode()
            return {place: OffsetAndMetadata(position, metadata) for place, position in applied.items()}

        return with_status

    def _count(self, outputs: Sequence[Output], seconds: float) -> None:
        self.stats.results["committed"] += 1
        self.stats.rows += sum(len(output.pairs) for output in outputs)
        self.stats.seconds.add(seconds)


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Raises TimeoutError that says what took longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TimeoutError(str(error) or f"{what} took longer than {seconds:g} s") from None


def chunks(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Splits pairs into parts that fit a producer batch."""
    cut: list[list[Pair]] = []
    size = BATCH_BYTES
    for key, value in pairs:
        bytes_ = len(key or b"") + len(value or b"") + 24
        if size + bytes_ > BATCH_BYTES:
            cut.append([])
            size = 0
        cut[-1].append((key, value))
        size += bytes_
    return cut
