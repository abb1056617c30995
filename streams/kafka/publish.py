"""Sends files to the topics in event-time order, with heartbeats that carry the event time reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import xxhash
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.columns import CUSTOMER_ACTION_KINDS
from schemas.errors import Failure
from schemas.events import TOPIC_OF_KIND
from schemas.instants import format_instant
from schemas.partitioner import partition_of
from streams.files.tick_reader import Row, Ticks
from streams.kafka import topics
from streams.kafka.settings import Settings
from streams.units.sources import INPUTS

PRODUCER = "keepline-publish"
BATCH_BYTES = 256 << 10
Progress = Callable[[int], None]


async def publish(
    settings: Settings, ticks: Ticks, *, end: bool, rate: float | None, progress: Progress = lambda sent: None
) -> int:
    """Sends all rows of the files and returns the number of events sent. rate: events a second at most.

    Before the first event of a tick, every partition of every topic gets a heartbeat of the tick before, so that the
    frontier of every worker advances whether its customers have events or not.
    """
    count = await topics.partition_count(settings)
    async with open_sender(settings, count) as sender:
        started, last_us = time.monotonic(), None
        for start_us, rows in ticks:
            if start_us is not None and start_us != last_us:
                await sender.send_mark("heartbeat", start_us)
                last_us = start_us
            for row in rows:
                await sender.send_row(row)
            progress(sender.sent)
            if rate:
                await sender.flush()
                await asyncio.sleep(max(0.0, sender.sent / rate - (time.monotonic() - started)))
        if end and ticks.sources.last_us is not None:
            await sender.send_mark("end", ticks.sources.last_us)
        await sender.flush()
        return sender.sent


@asynccontextmanager
async def open_sender(settings: Settings, partitions: int) -> AsyncIterator[Sender]:
    """Yields a sender for topics with `partitions` partitions; all records are acknowledged after `flush`."""
    producer = AIOKafkaProducer(**settings.client, enable_idempotence=True, max_batch_size=BATCH_BYTES, acks="all")
    try:
        await producer.start()
        try:
            yield Sender(producer, settings, partitions)
        finally:
            await producer.stop()
    except (KafkaError, OSError) as error:
        raise Failure(
            f"brokers {','.join(settings.brokers)}: {error!r}; events that were sent stay in the topics; "
            "publish again: duplicates change nothing"
        ) from None


class Sender:
    """Batches for every partition, built by hand: a tenth of the cost of `send`."""

    def __init__(self, producer: AIOKafkaProducer, settings: Settings, partitions: int) -> None:
        self.producer, self.partitions, self.sent = producer, partitions, 0
        self.names = {kind: settings.topic(topic) for kind, topic in TOPIC_OF_KIND.items()}
        self.inputs = [settings.topic(topic) for topic in INPUTS]
        self._batches: dict[tuple[str, int], Any] = {}
        self._partition: dict[str, int] = {}
        self._sending: set[asyncio.Future[Any]] = set()

    async def send_row(self, row: Row) -> None:
        """Sends one event to its customer's partition."""
        key = (
            b"\0refused:%016x" % xxhash.xxh3_64_intdigest(row.value) if row.customer is None else row.customer.encode()
        )
        await self._append(self.names[row.kind], self._partition_of(row.customer or ""), key, row.value)
        self.sent += 1

    async def send_final(self, producer: str, at_us: int) -> None:
        """Sends in the name of a producer that it has left for good: to every partition that customers publish to."""
        body = {"kind": "heartbeat", "event_time": format_instant(at_us), "producer": producer, "final": True}
        for kind in CUSTOMER_ACTION_KINDS:
            for partition in range(self.partitions):
                await self._append(self.names[kind], partition, b"\0heartbeat", orjson.dumps(body))

    async def send_mark(self, kind: str, at_us: int) -> None:
        """Sends a mark to every partition of every input topic. Marks have a key because compacted topics need one;
        compaction keeps the last mark of a kind, which is the only one that counts.
        """
        value = orjson.dumps({"kind": kind, "event_time": format_instant(at_us), "producer": PRODUCER})
        for topic in self.inputs:
            for partition in range(self.partitions):
                await self._append(topic, partition, b"\0" + kind.encode(), value)

    async def flush(self) -> None:
        """Returns when every record is acknowledged."""
        for place in list(self._batches):
            await self._send(place)
        await asyncio.gather(*self._sending)

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

    async def _send(self, place: tuple[str, int]) -> None:
        batch = self._batches.pop(place)
        batch.close()
        sending = await self.producer.send_batch(batch, place[0], partition=place[1])
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    def _partition_of(self, customer: str) -> int:
        """Returns the partition that the default partitioner of Kafka's clients chooses."""
        found = self._partition.get(customer)
        if found is None:
            found = self._partition[customer] = partition_of(customer, self.partitions)
        return found
