"""Several sources of one partition -> whole ticks in event-time order, with the positions at which they end.

A tick is (t - tick, t]. The watermark of a source, the instant up to which it is known to be complete, rises by
- a record at t: to the start of the tick that contains t;
- a heartbeat at t: to t, rounded down to a tick;
- an end marker: to the end of the input.
The frontier is the lowest watermark. A record is due in the tick that contains its time; if the watermark has passed
that tick, the record is late and due in the first tick after the watermark. So due ticks never decrease along a source,
a position splits it into whole ticks, and reading on from a position gives the same ticks as an uninterrupted reading.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.columns import EVENT, Rows

Offsets = NDArray[np.int64]
FOREVER_US = int(np.iinfo(np.int64).max)


class OffsetGap(RuntimeError):
    """Records are missing between the last ones that were read and these."""


@dataclass
class Source:
    """What has been read of one source and has not been taken yet."""

    read: int  # the next offset to be read
    watermark_us: int | None = None  # complete up to here; None: nothing read yet
    start_us: int | None = None  # the first watermark
    latest_us: int = 0  # the latest event time read
    end: int | None = None  # the offset of its end marker
    chunks: deque[tuple[Rows, Offsets]] = field(default_factory=deque)
    rows: int = 0  # in `chunks`
    marks: deque[tuple[int, int]] = field(default_factory=deque)  # (tick it is due in, offset)

    @property
    def buffered(self) -> int:
        return self.rows + len(self.marks)

    def position(self) -> int:
        """The offset of the first record or mark that has not been taken."""
        first = [int(offsets[0]) for _, offsets in list(self.chunks)[:1]]
        first += [offset for _, offset in list(self.marks)[:1]]
        return min(first, default=self.read)

    def advance(self, time_us: int) -> int:
        """Raises the watermark to `time_us`, never lowers it; returns where it is."""
        self.watermark_us = time_us if self.watermark_us is None else max(self.watermark_us, time_us)
        self.start_us = self.watermark_us if self.start_us is None else self.start_us
        return self.watermark_us

    def mark(self, due_us: int, offset: int) -> None:
        """Adds a record without an event, due in the tick `due_us` and not before the mark in front of it."""
        if self.marks:
            due_us = max(due_us, self.marks[-1][0])
        self.marks.append((due_us, offset))


class Merge:
    """The merge of one partition. Times are us."""

    def __init__(self, positions: dict[str, int], tick_us: int, watermark_us: int | None = None) -> None:
        """positions: next offset of each source; watermark_us: up to where the state is applied, None: a new state."""
        self.tick_us = tick_us
        self.sources = {name: Source(offset, watermark_us) for name, offset in positions.items()}

    def add(self, name: str, rows: Rows, offsets: Offsets) -> int:
        """Adds records of a source in the order of their offsets; returns how many of them are late."""
        if not len(rows):
            return 0
        source = self.sources[name]
        ends = -(-rows["time_us"] // self.tick_us) * self.tick_us
        floor = ends[0] if source.watermark_us is None else self._end_after(source.watermark_us)
        rows["due_us"] = np.maximum.accumulate(np.maximum(ends, floor))
        source.latest_us = max(source.latest_us, int(rows["time_us"].max()))
        source.chunks.append((rows, offsets))
        source.rows += len(rows)
        source.advance(int(rows["due_us"][0]) - self.tick_us)
        source.advance(int(rows["due_us"][-1]) - self.tick_us)
        return int((ends < rows["due_us"]).sum())

    def tombstone_time_us(self, name: str) -> int | None:
        """Returns the event time for a record that has none: not before any record in front of it, and after the
        watermark. None before the first record. A second reading from a position gives the same time: every record
        that could raise it is due in a tick that is read again too.
        """
        source = self.sources[name]
        return None if source.watermark_us is None else max(source.latest_us, source.watermark_us + 1)

    def heartbeat(self, name: str, time_us: int, offset: int) -> None:
        """Adds a heartbeat: everything of the source up to `time_us` has been sent."""
        source = self.sources[name]
        source.mark(source.advance(time_us // self.tick_us * self.tick_us), offset)

    def last_due_us(self, name: str) -> int:
        """When the newest event that waits is due; 0: none waits."""
        chunks = self.sources[name].chunks
        return int(chunks[-1][0]["due_us"][-1]) if chunks else 0

    def advance(self, name: str, time_us: int) -> None:
        """Raises the watermark without a record."""
        self.sources[name].advance(time_us // self.tick_us * self.tick_us)

    def end(self, name: str, time_us: int, offset: int) -> None:
        """Adds the end marker: nothing follows in the source; `time_us` is the last event time of the whole input."""
        source = self.sources[name]
        source.mark(source.advance(time_us) + 1, offset)  # not passed with the last tick: more input may follow it
        source.end = offset

    def exhausted(self, name: str) -> None:
        """Nothing follows in the source, whatever the others still have."""
        self.sources[name].advance(FOREVER_US)

    def finish(self, time_us: int | None) -> None:
        """Ends all sources; `time_us` is the last event time, None when there was no event."""
        for source in self.sources.values():
            source.watermark_us, source.end = time_us, source.read

    def read_up_to(self, name: str, next_offset: int) -> None:
        """Everything before `next_offset` has been added: records, marks, refused records."""
        self.sources[name].read = next_offset

    @property
    def ended(self) -> bool:
        return all(source.end is not None for source in self.sources.values())

    @property
    def frontier_us(self) -> int | None:
        """Every source is complete up to here; None before the first record of one of them."""
        watermarks = [source.watermark_us for source in self.sources.values() if source.watermark_us is not None]
        return min(watermarks) if len(watermarks) == len(self.sources) else None

    @property
    def start_us(self) -> int:
        """An instant before the first event of any source; only once there is a frontier."""
        return min(source.start_us for source in self.sources.values() if source.start_us is not None)

    def holds_frontier(self, name: str) -> bool:
        """Whether the frontier rises only when this source is read further."""
        watermark_us = self.sources[name].watermark_us
        return watermark_us is None or watermark_us == self.frontier_us

    def forget_end(self) -> None:
        """Drops end markers that have been passed: input that follows is read on from there."""
        for source in self.sources.values():
            while source.marks and source.end is not None and source.marks[0][1] <= source.end:
                source.marks.popleft()
            source.end = None

    def take(self, until_us: int) -> Rows:
        """Removes and returns all records due by `until_us`; all there are when every source has ended there."""
        everything = self.ended and until_us == self.frontier_us
        parts: list[Rows] = []
        for source in self.sources.values():
            _take(source, FOREVER_US if everything else until_us, parts)
            while source.marks and source.marks[0][0] <= until_us:
                source.marks.popleft()
        return np.concatenate(parts) if parts else np.zeros(0, EVENT)

    def positions(self) -> dict[str, int]:
        """The offset of the first record of each source that has not been taken."""
        return {name: source.position() for name, source in self.sources.items()}

    def _end_after(self, watermark_us: int) -> int:
        return watermark_us // self.tick_us * self.tick_us + self.tick_us


def behind_us(rows: Rows, tick_us: int) -> Offsets:
    """Returns (rows,) how far rows that were added are behind the watermark at which they came; below 0: not at all."""
    behind: Offsets = rows["due_us"] - tick_us - rows["time_us"]
    return behind


def _take(source: Source, due_us: int, parts: list[Rows]) -> None:
    while source.chunks:
        rows, offsets = source.chunks[0]
        n = len(rows) if rows["due_us"][-1] <= due_us else int(np.searchsorted(rows["due_us"], due_us, "right"))
        if n:
            parts.append(rows[:n])
            source.rows -= n
        if n < len(rows):
            source.chunks[0] = (rows[n:], offsets[n:])
            break
        source.chunks.popleft()
