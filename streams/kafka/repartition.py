"""Replays the history of all input topics into new topics with another number of partitions.

Each record goes unchanged (key, value, timestamp, headers) to the partition of its customer, in event-time order and
with the heartbeats that `publish` sends. So a worker in event time decides on the new topics as a replay does, and
records that lay in a wrong partition are healed. Heartbeats of producers go to every partition.

The records of some ticks and the positions behind them are one transaction: a run that was broken off, or a later one,
goes on where the last ended. The positions are offsets of the group `repartition-PREFIX` in the old topics.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.errors import Failure, UsageError
from schemas.partitioner import murmur2, partition_of
from streams.kafka import topics
from streams.kafka.access import reported
from streams.kafka.commits import wait_for_coordinator
from streams.kafka.history import History, Item, Tick
from streams.kafka.publish import BATCH_BYTES, PRODUCER, Sender
from streams.kafka.settings import Settings
from streams.kafka.status import hidden
from streams.units.sources import INPUTS, SIGNALS

TRANSACTION_TIMEOUT_MS = 300_000  # a tick is never split between two transactions, however many records it has
MOST_UNCOMMITTED = 20_000
COMPACTED_INPUTS = {topic.name for topic in topics.TOPICS if topic.config["cleanup.policy"] == "compact"}


@dataclass
class Counts:
    """What was carried over; `healed`: events that lay in another partition than their customer's."""

    events: int = 0
    healed: int = 0
    refused: int = 0
    heartbeats: int = 0


@dataclass
class Report:
    """What a run did. resumed: an earlier run had begun; begins: topics whose first records retention has deleted."""

    counts: Counts
    partitions: int
    resumed: bool
    begins: list[str]
    hidden: list[str]  # partitions with records behind an open transaction


Progress = Callable[[Counts, int | None], None]


async def repartition(
    settings: Settings, prefix: str, partitions: int, tick_us: int, max_skew_us: int, progress: Progress
) -> Report:
    """Replays what has not been replayed yet into topics with `prefix`. Raises UsageError for a prefix or a number that
    cannot be, Failure when the new topics hold records of somebody else.
    """
    if prefix == settings.topic_prefix:
        raise UsageError(f"the topics have the prefix {prefix!r} now; expected another one for the new topics")
    old = await _old_places(settings)
    new, group = replace(settings, topic_prefix=prefix), f"repartition-{prefix}"
    await topics.create(new, partitions)
    done = await _done(settings, group, old.values())
    if not done:
        await _refuse_records(new)
    async with (
        _consumer(settings) as consumer,
        _producer(settings, group) as producer,
    ):
        firsts, ends = await consumer.beginning_offsets(list(old.values())), await consumer.end_offsets([*old.values()])
        carrier = Carrier(producer, new, partitions, old, group)
        await carrier.carry(consumer, done, firsts, ends, (tick_us, max_skew_us), progress)
    begins = [place.topic for name, place in old.items() if firsts[place] and not _is_compacted(name)]
    open_ = [f"{place.topic}/{place.partition}" for place, count in (await hidden(settings, ends)).items() if count]
    return Report(carrier.counts, partitions, bool(done), sorted(set(begins)), sorted(open_))


class Carrier(Sender):
    """Sends records of the old topics to the new ones."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        settings: Settings,
        partitions: int,
        old: Mapping[str, TopicPartition],
        group: str,
    ) -> None:
        super().__init__(producer, settings, partitions)
        self.counts, self._settings, self._old, self._group = Counts(), settings, old, group
        self._of = {topic: sum(name.startswith(topic + "/") for name in old) for topic in INPUTS}  # partitions
        self._beats: dict[tuple[str, str], tuple[int, bytes]] = {}  # (topic, producer) -> its last heartbeat
        self._signals: set[tuple[bytes | None, bytes | None]] = set()  # that were sent
        self._uncommitted = 0

    async def carry(
        self,
        consumer: AIOKafkaConsumer,
        done: Mapping[str, OffsetAndMetadata],
        firsts: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        time_us: tuple[int, int],
        progress: Progress,
    ) -> None:
        """Sends everything up to `ends`, then end marks. time_us: tick and greatest skew."""
        known = _known(done)
        starts = {name: done[name].offset if name in done else firsts[place] for name, place in self._old.items()}
        history = History(self._old, starts, *time_us, until_us=known.get("until_us"))
        history.last_us, until_us = known.get("last_us"), known.get("until_us")
        await self._begin()
        await self._commit(history, until_us)
        async for ticks in history.ticks(consumer, ends, time.time_ns() // 1000):
            for tick in ticks:
                await self._send_tick(tick)
                until_us = until_us if tick.start_us is None else tick.start_us + history.tick_us
            if self._uncommitted >= MOST_UNCOMMITTED:
                await self._commit(history, until_us)
            progress(self.counts, until_us)
        if history.last_us is not None:
            await self.send_mark("end", history.last_us)
        await self._commit(history, until_us, last=True)

    async def _send_tick(self, tick: Tick) -> None:
        if tick.start_us is not None and any(item.mark is None for item in tick.items):
            await self.send_mark("heartbeat", tick.start_us)
        for item in tick.items:
            await self._send_item(item)

    async def _send_item(self, item: Item) -> None:
        record, counts = item.record, self.counts
        if item.mark is not None:
            await self._send_beat(item)
        elif item.source == SIGNALS and item.customer is not None:
            await self._send_signal(item)
        elif item.customer is None:
            counts.refused += 1
            await self._copy(item, (murmur2(record.key or b"") & 0x7FFFFFFF) % self.partitions)
        else:
            counts.events += 1
            counts.healed += partition_of(item.customer, self._of[item.source]) != record.partition
            await self._copy(item, self._partition_of(item.customer))

    async def _send_beat(self, item: Item) -> None:
        """Sends a producer's heartbeat, which each old partition has, once to each new one."""
        mark, value = item.mark, item.record.value
        assert mark is not None
        key, at = (item.source, mark.producer), (mark.time_us, value)
        if mark.kind == "end" or mark.producer == PRODUCER or at <= self._beats.get(key, (-1, b"")):
            return
        self._beats[key] = at
        self.counts.heartbeats += 1
        for partition in range(self.partitions):
            await self._copy(item, partition)

    async def _send_signal(self, item: Item) -> None:
        """Sends a market signal, or its tombstone, which each old partition should have, once to each new one."""
        record = item.record
        is_home = record.partition == partition_of(item.customer or "", self._of[SIGNALS])
        if is_home if record.value is None else (record.key, record.value) not in self._signals:
            self._signals.add((record.key, record.value))
            self.counts.events += 1
            for partition in range(self.partitions):
                await self._copy(item, partition)

    async def _copy(self, item: Item, partition: int) -> None:
        record, topic = item.record, self._settings.topic(item.source)
        self._uncommitted += 1
        await self._append(topic, partition, record.key, record.value, record.timestamp, record.headers)

    async def _begin(self) -> None:
        await self.producer.begin_transaction()
        self._uncommitted = 0

    async def _commit(self, history: History, until_us: int | None, last: bool = False) -> None:
        """Commits what was sent, with the positions to read on from; begins the next transaction."""
        await self.flush()
        metadata = orjson.dumps({"until_us": until_us, "last_us": history.last_us}).decode()
        positions = history.merge.positions()
        offsets = {place: OffsetAndMetadata(positions[name], metadata) for name, place in self._old.items()}
        await self.producer.send_offsets_to_transaction(offsets, self._group)
        await self.producer.commit_transaction()
        if not last:
            await self._begin()


async def _old_places(settings: Settings) -> dict[str, TopicPartition]:
    """Returns the partitions of the input topics, however many each has, by topic and partition."""
    async with topics.admin(settings) as client:
        there = {
            one["topic"]: len(one["partitions"]) for one in await client.describe_topics() if not one["error_code"]
        }
    missing = [settings.topic(short) for short in INPUTS if settings.topic(short) not in there]
    if missing:
        raise Failure(
            f"topics are missing: {', '.join(missing)}; set KEEPLINE_TOPIC_PREFIX to the prefix of the history"
        )
    return {
        f"{short}/{partition}": TopicPartition(settings.topic(short), partition)
        for short in INPUTS
        for partition in range(there[settings.topic(short)])
    }


async def _done(settings: Settings, group: str, places: Iterable[TopicPartition]) -> dict[str, OffsetAndMetadata]:
    """Returns the positions that an earlier run has reached, by topic and partition."""
    async with topics.admin(settings) as client:
        await wait_for_coordinator(client, group)
        committed = await client.list_consumer_group_offsets(group, partitions=list(places))
    return {
        f"{place.topic.removeprefix(settings.topic_prefix)}/{place.partition}": one
        for place, one in committed.items()
        if one.offset >= 0
    }


def _known(done: Mapping[str, OffsetAndMetadata]) -> dict[str, Any]:
    """Returns what every position of an earlier run has as metadata."""
    found: dict[str, Any] = orjson.loads(next(iter(done.values())).metadata) if done else {}
    return found


async def _refuse_records(new: Settings) -> None:
    """Raises Failure when a new topic holds records: no run of this command has written them."""
    names = [new.topic(topic.name) for topic in topics.TOPICS]
    async with topics.admin(new) as client:
        described = await client.describe_topics(names)
    places = [TopicPartition(one["topic"], part["partition"]) for one in described for part in one["partitions"]]
    async with _consumer(new) as consumer:
        held = [place.topic for place, end in (await consumer.end_offsets(places)).items() if end]
    if held:
        raise Failure(
            f"{', '.join(sorted(set(held)))}: hold records that no repartition has written; choose a PREFIX whose "
            "topics are empty or do not exist"
        )


def _is_compacted(name: str) -> bool:
    return name.partition("/")[0] in COMPACTED_INPUTS


@asynccontextmanager
async def _consumer(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **settings.client, isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="none"
    )
    async with _connected(settings, consumer):
        yield consumer


@asynccontextmanager
async def _producer(settings: Settings, name: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **settings.client,
        transactional_id=name,  # a second run fences the first
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        max_batch_size=BATCH_BYTES,
    )
    async with _connected(settings, producer):
        yield producer


@asynccontextmanager
async def _connected(settings: Settings, client: Any) -> AsyncIterator[None]:
    async with reported(settings, "Write", "run the same command again: it goes on where it was"):
        await client.start()
        try:
            yield
        finally:
            await asyncio.wait_for(client.stop(), topics.CONNECT_LIMIT_S)
