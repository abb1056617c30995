"""Sends files to the topics in event-time order, with heartbeats that carry the event time reached.

What has been sent and acknowledged is kept in `publications`, so that the same files are sent on from where an earlier
run broke off. What is sent again then lies within `time.latest` / 2 of event time, where every event id is known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import orjson
import xxhash
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.columns import CUSTOMER_ACTION_KINDS, CUSTOMER_PROFILE, KINDS, MARKET_SIGNAL
from schemas.errors import Failure
from schemas.events import TOPIC_OF_KIND
from schemas.instants import format_duration, format_instant, parse_instant
from schemas.partitioner import partition_of
from streams.files.fingerprint import Fingerprint
from streams.files.tick_reader import Row, Ticks
from streams.kafka import commits, publications, topics
from streams.kafka.access import DENIED, reported
from streams.kafka.pace import Pace
from streams.kafka.publications import Publication
from streams.kafka.settings import Settings
from streams.units.sources import INPUTS

PRODUCER = "keepline-publish"
BATCH_BYTES = 256 << 10
SAVE_EVERY_S = 1.0
Place = tuple[str, int]  # topic, partition
Ticked = Iterable[tuple[int | None, list[Row]]]
OpenTicks = Callable[[], Ticks]


@dataclass(frozen=True, slots=True)
class Options:
    """How files are published. rate: events in any second at most; late: also behind what has been applied or
    published; again: from the beginning, whatever has been sent before.
    """

    latest_us: int
    end: bool = False
    rate: float | None = None
    late: bool = False
    again: bool = False


async def publish(
    settings: Settings,
    files: Fingerprint,
    open_ticks: OpenTicks,
    options: Options,
    say: Callable[[str], None],
) -> int | None:
    """Sends what has not been sent of the files; returns the number of events, None: there was nothing to send.

    Before the first event of a tick, every partition of every topic gets a heartbeat of the tick before, so that the
    frontier of every worker advances whether its customers have events or not. Raises Failure, before anything is sent,
    when the files lie behind what has been applied or published.
    """
    count = await topics.partition_count(settings)
    async with open_sender(settings, count) as sender:
        others = await publications.read(settings, say)
        known = others.pop(files.digest, None)
        known = Publication(files.files) if known is None or options.again else replace(known, files=files.files)
        if known.complete:
            return await _end(sender, files.digest, known, options, say)
        if known.begun:
            say(f"resumes at {_reached(known)}: {known.events:,} events were sent before")
        if not options.late:
            await _check(settings, open_ticks, known, others, options.latest_us)
        return await _Run(sender, files.digest, open_ticks(), known, options).send()


async def _end(
    sender: Sender, digest: str, known: Publication, options: Options, say: Callable[[str], None]
) -> int | None:
    """Sends end markers of files that have been sent, if that is asked and has not been done."""
    if not options.end or known.ended or known.reached_us is None:
        say(f"all of it was published at {known.at}, nothing to send; --again sends it once more")
        return None
    say(f"all of it was published at {known.at}; sends end markers")
    await sender.send_end(digest, known)
    return 0


async def _check(
    settings: Settings,
    open_ticks: OpenTicks,
    known: Publication,
    others: Mapping[str, Publication],
    latest_us: int,
) -> None:
    """Raises Failure when the first event to send is behind the group's frontier, or behind other files that have been
    published; of files that are sent on, only when it would be too late.
    """
    bounds = []
    if (frontier_us := await commits.frontier_us(settings)) is not None:
        bounds.append((frontier_us, f"group {settings.group} has applied everything"))
    if (furthest := publications.furthest(others)) is not None:
        bounds.append((furthest.reached_us or 0, f"{', '.join(furthest.files)} has been published"))
    if not bounds:
        return
    (reached_us, what), ticks = max(bounds), open_ticks()
    first_us = _first_us(_unsent(ticks, known))
    if first_us is None or first_us > reached_us - (latest_us if known.begun else 0):
        return
    raise Failure(
        f"{', '.join(known.files)}: the first event to send is of {format_instant(first_us)}, behind "
        f"{format_instant(reached_us)}, up to which {what}. Events behind it would be late, and those "
        f"{format_duration(latest_us)} or more behind it refused as too_late. Publish history in time order, all files "
        "in one command, or into topics with another prefix; --late sends them anyway"
    )


def _unsent(ticks: Ticks, known: Publication) -> Iterator[tuple[int | None, list[Row]]]:
    """Yields the ticks that have not been sent; refused rows have no tick and are counted."""
    left = known.refused
    for start_us, rows in ticks:
        if start_us is None:
            rows, left = rows[left:], max(left - len(rows), 0)
        elif known.reached_us is not None and start_us + ticks.tick_us <= known.reached_us:
            continue
        yield start_us, rows


def _first_us(ticks: Ticked) -> int | None:
    """Returns the event time of the first event whose time counts: of profiles and signals the latest holds."""
    events = (row for start_us, rows in ticks if start_us is not None for row in rows)
    first = next((row for row in events if row.kind not in (KINDS[CUSTOMER_PROFILE], KINDS[MARKET_SIGNAL])), None)
    return None if first is None else parse_instant(orjson.loads(first.value)["event_time"])


def _reached(known: Publication) -> str:
    return "its first event" if known.reached_us is None else format_instant(known.reached_us)


class _Run:
    """One run of `publish`: sends ticks, and keeps how far it has come."""

    def __init__(self, sender: Sender, digest: str, ticks: Ticks, known: Publication, options: Options) -> None:
        self.sender, self.digest, self.ticks, self.known, self.options = sender, digest, ticks, known, options
        self.before, self.refused, self.reached_us = known, known.refused, known.reached_us
        self.pace = Pace(options.rate) if options.rate else None
        self.saved_at = time.monotonic()

    async def send(self) -> int:
        """Sends everything that is left, with end markers if that is asked; returns the number of events."""
        for start_us, rows in _unsent(self.ticks, self.before):
            await self._send(start_us, rows)
        self.reached_us = self.ticks.sources.last_us
        await self._save(complete=True)
        if self.options.end and self.reached_us is not None:
            await self.sender.send_end(self.digest, self.known)
        return self.sender.sent

    async def _send(self, start_us: int | None, rows: list[Row]) -> None:
        sender = self.sender
        if start_us is not None:
            if self._is_far(start_us + self.ticks.tick_us):
                await self._save()
            await sender.send_mark("heartbeat", start_us)
        for row in rows:
            await sender.send_row(row)
            if self.pace is not None and self.pace.add():
                await sender.flush()
                await self.pace.rest()
        if start_us is None:
            self.refused += len(rows)
        else:
            self.reached_us = start_us + self.ticks.tick_us
        if time.monotonic() - self.saved_at >= SAVE_EVERY_S:
            await self._save()

    def _is_far(self, due_us: int) -> bool:
        """Whether a tick goes so far beyond what is kept that, sent again after it, events could be too late."""
        return self.reached_us is not None and due_us - (self.known.reached_us or 0) > self.options.latest_us // 2

    async def _save(self, *, complete: bool = False) -> None:
        await self.sender.flush()
        sent = self.before.events + self.sender.sent
        known = replace(self.known, events=sent, refused=self.refused, reached_us=self.reached_us, complete=complete)
        self.known, self.saved_at = await self.sender.keep(self.digest, known), time.monotonic()


@asynccontextmanager
async def open_sender(settings: Settings, partitions: int) -> AsyncIterator[Sender]:
    """Yields a sender for topics with `partitions` partitions; all records are acknowledged after `flush`."""
    producer = AIOKafkaProducer(**settings.client, enable_idempotence=True, max_batch_size=BATCH_BYTES, acks="all")
    then = "events that were sent stay in the topics; publish again: it goes on from there"
    async with reported(settings, "Write", then):
        await producer.start()
        try:
            yield Sender(producer, settings, partitions)
        finally:
            await producer.stop()


class Sender:
    """Batches for every partition, built by hand: a tenth of the cost of `send`."""

    def __init__(self, producer: AIOKafkaProducer, settings: Settings, partitions: int) -> None:
        self.producer, self.settings, self.partitions, self.sent = producer, settings, partitions, 0
        self.names = {kind: settings.topic(topic) for kind, topic in TOPIC_OF_KIND.items()}
        self.inputs = [settings.topic(topic) for topic in INPUTS]
        self._batches: dict[Place, Any] = {}
        self._partition: dict[str, int] = {}
        self._sending: set[asyncio.Future[Any]] = set()
        self._refused: tuple[Place, BaseException] | None = None  # the first batch that was not acknowledged

    async def send_row(self, row: Row) -> None:
        """Sends one event to its customer's partition, a market signal to all."""
        key = (
            b"\0refused:%016x" % xxhash.xxh3_64_intdigest(row.value) if row.customer is None else row.customer.encode()
        )
        for partition in self.places(row.kind, row.customer):
            await self._append(self.names[row.kind], partition, key, row.value)
        self.sent += 1

    def places(self, kind: str, customer: str | None) -> Iterable[int]:
        """Returns the partitions to which a record goes. customer: a market signal's key; None: it will be refused."""
        if kind == KINDS[MARKET_SIGNAL] and customer is not None:
            return range(self.partitions)
        return (self._partition_of(customer or ""),)

    async def send_final(self, producer: str, at_us: int) -> None:
        """Sends in the name of a producer that it has left for good: to every partition that customers publish to."""
        body = {"kind": "heartbeat", "event_time": format_instant(at_us), "producer": producer, "final": True}
        for kind in CUSTOMER_ACTION_KINDS:
            for partition in range(self.partitions):
                await self._append(self.names[kind], partition, b"\0heartbeat", orjson.dumps(body))

    async def send_mark(self, kind: str, at_us: int) -> None:
        """Sends a mark to every partition of every input topic, after all before it is acknowledged: it says that
        nothing older follows. Marks have a key because compacted topics need one; compaction keeps the last mark of a
        kind, which is the only one that counts.
        """
        await self.flush()
        value = orjson.dumps({"kind": kind, "event_time": format_instant(at_us), "producer": PRODUCER})
        for topic in self.inputs:
            for partition in range(self.partitions):
                await self._append(topic, partition, b"\0" + kind.encode(), value)

    async def send_end(self, digest: str, known: Publication) -> None:
        """Sends the end markers of files whose events are all acknowledged."""
        await self.send_mark("end", known.reached_us or 0)
        await self.flush()
        await self.keep(digest, replace(known, ended=True))

    async def keep(self, digest: str, known: Publication) -> Publication:
        """Keeps how far files have been sent."""
        return await publications.write(self.producer, self.settings, digest, known)

    async def flush(self) -> None:
        """Returns when every record is acknowledged; raises KafkaError when one never will be."""
        for place in list(self._batches):
            await self._send(place)
        if self._sending:
            await asyncio.wait(self._sending)
        if self._refused is not None:
            (topic, partition), error = self._refused
            raise error if type(error) in DENIED else KafkaError(f"{topic}/{partition} took no batch: {error!r}")

    async def _append(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        timestamp: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        record = {"key": key, "value": value, "timestamp": timestamp, "headers": list(headers)}
        batch = self._batches.get((topic, partition))
        if batch is not None and batch.append(**record) is not None:
            return
        if batch is not None:
            await self._send((topic, partition))
        batch = self._batches[topic, partition] = self.producer.create_batch()
        if batch.append(**record) is None:
            raise Failure(
                f"an event of {len(value or b'')} bytes is larger than a batch ({BATCH_BYTES} bytes); leave it out"
            )

    async def _send(self, place: Place) -> None:
        batch = self._batches.pop(place)
        batch.close()
        sending = await self.producer.send_batch(batch, place[0], partition=place[1])
        self._sending.add(sending)
        sending.add_done_callback(lambda answered: self._answered(place, answered))

    def _answered(self, place: Place, sending: asyncio.Future[Any]) -> None:
        self._sending.discard(sending)
        error = asyncio.CancelledError() if sending.cancelled() else sending.exception()
        if error is not None and self._refused is None:
            self._refused = place, error

    def _partition_of(self, customer: str) -> int:
        """Returns the partition that the default partitioner of Kafka's clients chooses."""
        found = self._partition.get(customer)
        if found is None:
            found = self._partition[customer] = partition_of(customer, self.partitions)
        return found
