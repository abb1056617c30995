"""The records of all input topics in event-time order, tick by tick, as `publish` reads files.

It uses the engine's merge, so a record is due here in the tick in which a worker in event time applies it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.columns import empty_rows
from schemas.decode import Decoded, Decoder
from schemas.refusals import Refused
from schemas.validation import Erased, Mark
from streams.inputs.merge import Merge
from streams.units.sources import INPUTS

MOST_BUFFERED = 5_000  # records of a partition in memory; one that holds the frontier is read beyond it
MOST_RECORDS = 2_000
FETCH_WAIT_MS = 200
MARK_ROW = -1  # `kind` of a mark's row: at the same instant it follows the events


@dataclass(frozen=True, slots=True)
class Item:
    """A record and what it was decoded to. customer None: a mark or a refused record."""

    source: str  # short name of its topic
    record: Any
    customer: str | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Records that are due together, in event-time order. start_us None: before the first event of their partition."""

    start_us: int | None
    items: Sequence[Item]


class History:
    """Reads partitions from `starts` to `ends`; a source is the name of a topic with its partition."""

    def __init__(
        self,
        places: Mapping[str, TopicPartition],
        starts: Mapping[str, int],
        tick_us: int,
        max_skew_us: int,
        until_us: int | None = None,
    ) -> None:
        """until_us: up to where an earlier run has read."""
        self.places, self.tick_us = places, tick_us
        self.merge = Merge(dict(starts), tick_us, until_us)
        self.last_us: int | None = None  # the latest event time read
        self._names = {place: name for name, place in places.items()}
        self._decoders = {name: Decoder(INPUTS[_topic(name)], max_skew_us) for name in places}
        self._waiting: dict[int, Item] = {}  # by the slot of its row
        self._numbers = 0

    async def ticks(
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], now_us: int
    ) -> AsyncIterator[Sequence[Tick]]:
        """Yields the ticks that are complete; between two of them `merge.positions()` is where to read on."""
        consumer.assign(list(ends))
        for name, place in self.places.items():
            consumer.seek(place, self.merge.sources[name].read)
        left = set(self.places)
        while left:
            wanted = {self.places[name] for name in left if self._wants(name)}
            consumer.pause(*(set(ends) - wanted))
            consumer.resume(*wanted)
            got = await consumer.getmany(*wanted, timeout_ms=FETCH_WAIT_MS, max_records=MOST_RECORDS)
            for place, records in got.items():
                self.add(self._names[place], records, now_us)
            for name in [self._names[place] for place in wanted]:
                if await consumer.position(self.places[name]) >= ends[self.places[name]]:
                    left.discard(name)
                    self.merge.exhausted(name)
            if self.merge.frontier_us is not None:
                yield self.take(self.merge.frontier_us)

    def add(self, name: str, records: Sequence[Any], now_us: int) -> None:
        """Adds records of a source, in the order of their offsets."""
        decoded = self._decoders[name].decode([r.value for r in records], [r.key for r in records], now_us)
        first = self._numbers
        self._numbers += len(records)
        self._waiting |= _items(_topic(name), first, records, decoded)
        offsets = np.array([r.offset for r in records], np.int64)
        rows = decoded.events.rows
        rows["slot"] = first + decoded.index
        if len(rows):
            self.last_us = max(self.last_us or 0, int(rows["time_us"].max()))
        others: list[Mark | Erased | Refused] = [*decoded.marks, *decoded.erased, *decoded.refused]
        taken = 0
        for other in sorted(others, key=lambda one: one.index):
            n = int(np.searchsorted(decoded.index, other.index))
            self.merge.add(name, rows[taken:n], offsets[decoded.index[taken:n]])
            self._add_other(name, other, first, offsets)
            taken = n
        self.merge.add(name, rows[taken:], offsets[decoded.index[taken:]])
        self.merge.read_up_to(name, int(offsets[-1]) + 1)

    def take(self, until_us: int) -> list[Tick]:
        """Removes and returns the whole ticks up to an instant."""
        rows = self.merge.take(until_us // self.tick_us * self.tick_us)
        rows = rows[np.lexsort((rows["kind"] == MARK_ROW, rows["time_us"], rows["due_us"]))]
        dues_us, starts = np.unique(rows["due_us"], return_index=True)
        return [
            Tick(due_us - self.tick_us if due_us else None, [self._waiting.pop(number) for number in part.tolist()])
            for due_us, part in zip(dues_us.tolist(), np.split(rows["slot"], starts[1:]), strict=False)
        ]

    def _wants(self, name: str) -> bool:
        return self.merge.sources[name].buffered < MOST_BUFFERED or self.merge.holds_frontier(name)

    def _add_other(self, name: str, other: Mark | Erased | Refused, first: int, offsets: Any) -> None:
        """Adds a record that is no event at its own time, or behind the records in front of it."""
        row = empty_rows(1)
        row["slot"] = first + other.index
        if isinstance(other, Mark):
            row["time_us"], row["kind"] = other.time_us, MARK_ROW
        else:
            row["time_us"] = self.merge.tombstone_time_us(name) or 0
        self.merge.add(name, row, offsets[other.index : other.index + 1])
        if isinstance(other, Mark):
            self.merge.advance(name, other.time_us)


def _topic(name: str) -> str:
    return name.partition("/")[0]


def _items(source: str, first: int, records: Sequence[Any], decoded: Decoded) -> dict[int, Item]:
    items = {first + i: Item(source, record) for i, record in enumerate(records)}
    for i, customer in zip(decoded.index.tolist(), decoded.events.customers, strict=True):
        items[first + i] = Item(source, records[i], customer)
    items |= {first + one.index: Item(source, records[one.index], one.customer) for one in decoded.erased}
    items |= {first + mark.index: Item(source, records[mark.index], mark=mark) for mark in decoded.marks}
    return items
