"""Several sources of one partition -> whole ticks in event-time order, with the positions at which they end.

A tick is (t - tick, t]. What a source has proved:
- a record at t: everything before the tick that contains t has been sent;
- a heartbeat at t: everything up to t, rounded down to a tick, has been sent; an end marker: everything.
A record belongs to the tick that contains its time; if that one is proved already the record is late and belongs to the
next one that is not. So along a source the ticks never fall, a position splits a source into whole ticks, and
reading on
from a position gives the ticks that an uninterrupted reading gives.
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
    """Records were read from further on than the last ones ended: something between was lost."""


@dataclass
class Source:
    """What has been read of one source and not yet taken."""

    read: int  # the next offset to be read
    watermark_us: int | None = None  # everything up to here is known; None: nothing read yet
    start_us: int | None = None  # what was proved first
    latest_us: int = 0  # the latest event time that has been read
    end: int | None = None  # the offset of its end marker
    chunks: deque[tuple[Rows, Offsets]] = field(default_factory=deque)
    marks: deque[tuple[int, int]] = field(default_factory=deque)  # (passed from this tick on, offset)

    @property
    def buffered(self) -> int:
        return sum(len(rows) for rows, _ in self.chunks) + len(self.marks)

    def position(self) -> int:
        """The offset of the first thing not yet taken."""
        first = [int(offsets[0]) for _, offsets in list(self.chunks)[:1]]
        first += [offset for _, offset in list(self.marks)[:1]]
        return min(first, default=self.read)

    def advance(self, time_us: int) -> int:
        """Everything up to `time_us` is known; returns up to where it is now."""
        self.watermark_us = time_us if self.watermark_us is None else max(self.watermark_us, time_us)
        self.start_us = self.watermark_us if self.start_us is None else self.start_us
        return self.watermark_us

    def mark(self, due_us: int, offset: int) -> None:
        """Something without an event, passed with the tick `due_us`, not before what lies before it."""
        if self.marks:
            due_us = max(due_us, self.marks[-1][0])
        self.marks.append((due_us, offset))


class Merge:
    """The merge of one partition. Rows carry their offset; times are us."""

    def __init__(self, positions: dict[str, int], tick_us: int, watermark_us: int | None = None) -> None:
        """positions: next offset of each source; watermark_us: where the state stands, None when it is new."""
        self.tick_us = tick_us
        self.sources = {name: Source(offset, watermark_us) for name, offset in positions.items()}

    def add(self, name: str, rows: Rows, offsets: Offsets) -> int:
        """Takes records of a source in the order in which they lie there; returns how many of them are late."""
        if not len(rows):
            return 0
        source = self.sources[name]
        ends = -(-rows["time_us"] // self.tick_us) * self.tick_us
        floor = ends[0] if source.watermark_us is None else self._end_after(source.watermark_us)
        rows["due_us"] = np.maximum.accumulate(np.maximum(ends, floor))
        source.latest_us = max(source.latest_us, int(rows["time_us"].max()))
        source.chunks.append((rows, offsets))
        source.advance(int(rows["due_us"][0]) - self.tick_us)
        source.advance(int(rows["due_us"][-1]) - self.tick_us)
        return int((ends < rows["due_us"]).sum())

    def tombstone_time_us(self, name: str) -> int | None:
        """The time of something that has none and comes now: not before what came before it, in the first tick that
        is not proved. None while the source has said nothing. The same when it is read again from a position:
        whatever could make it later is in a tick that is read again too.
        """
        source = self.sources[name]
        return None if source.watermark_us is None else max(source.latest_us, source.watermark_us + 1)

    def heartbeat(self, name: str, time_us: int, offset: int) -> None:
        """Everything of the source up to `time_us` has been sent."""
        source = self.sources[name]
        source.mark(source.advance(time_us // self.tick_us * self.tick_us), offset)

    def advance(self, name: str, time_us: int) -> None:
        """The same, known otherwise than by a record."""
        self.sources[name].advance(time_us // self.tick_us * self.tick_us)

    def end(self, name: str, time_us: int, offset: int) -> None:
        """Nothing follows in the source; `time_us` is the last event time of the whole input."""
        source = self.sources[name]
        source.mark(source.advance(time_us) + 1, offset)  # whoever waits there may be followed by another
        source.end = offset

    def exhausted(self, name: str) -> None:
        """Nothing follows in the source, whatever the others have."""
        self.sources[name].advance(FOREVER_US)

    def finish(self, time_us: int | None) -> None:
        """Nothing follows in any source; `time_us` is the last event time of all, None when there was no event."""
        for source in self.sources.values():
            source.watermark_us, source.end = time_us, source.read

    def read_up_to(self, name: str, next_offset: int) -> None:
        """Everything before `next_offset` has been handed over (records, marks, refused ones)."""
        self.sources[name].read = next_offset

    @property
    def ended(self) -> bool:
        return all(source.end is not None for source in self.sources.values())

    @property
    def frontier_us(self) -> int | None:
        """Up to here every source is known; None while one of them has said nothing."""
        advance = [source.watermark_us for source in self.sources.values() if source.watermark_us is not None]
        return min(advance) if len(advance) == len(self.sources) else None

    @property
    def start_us(self) -> int:
        """Before the first event of any source; to be asked once there is a frontier."""
        return min(source.start_us for source in self.sources.values() if source.start_us is not None)

    def holds_frontier(self, name: str) -> bool:
        """Whether nothing can go on before this source has been read further."""
        watermark_us = self.sources[name].watermark_us
        return watermark_us is None or watermark_us == self.frontier_us

    def forget_end(self) -> None:
        """The end has been passed; whatever follows it goes on from there."""
        for source in self.sources.values():
            while source.marks and source.end is not None and source.marks[0][1] <= source.end:
                source.marks.popleft()
            source.end = None

    def take(self, until_us: int) -> Rows:
        """All records whose tick ends by `until_us` (all there are, when every source has ended there)."""
        everything = self.ended and until_us == self.frontier_us
        parts: list[Rows] = []
        for source in self.sources.values():
            _take(source, FOREVER_US if everything else until_us, parts)
            while source.marks and source.marks[0][0] <= until_us:
                source.marks.popleft()
        return np.concatenate(parts) if parts else np.zeros(0, EVENT)

    def positions(self) -> dict[str, int]:
        """The offset of the first thing of each source that has not been taken."""
        return {name: source.position() for name, source in self.sources.items()}

    def _end_after(self, watermark_us: int) -> int:
        return watermark_us // self.tick_us * self.tick_us + self.tick_us


def _take(source: Source, due_us: int, parts: list[Rows]) -> None:
    while source.chunks:
        rows, offsets = source.chunks[0]
        n = len(rows) if rows["due_us"][-1] <= due_us else int(np.searchsorted(rows["due_us"], due_us, "right"))
        if n:
            parts.append(rows[:n])
        if n < len(rows):
            source.chunks[0] = (rows[n:], offsets[n:])
            break
        source.chunks.popleft()
