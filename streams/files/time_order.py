"""Whether the rows of files are in time order, and which event times run away from all others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.decode import Decoded
from schemas.instants import DAY_US
from streams.files.file_rules import Bounds

LONGEST_GAP_US = 90 * DAY_US
LIKE_OTHER_GAPS = 2  # a gap is usual up to this many times the longest one of the other rows
ONE_IN = 50  # at most one row in so many runs away: more are a part of the log
ZERO_DAYS = 2  # 1970-01-01 in any time zone: a clock at zero, however many rows have it


@dataclass
class OrderWatch:
    """Follows one file. As in the merge, rows of one tick may have any order, and a heartbeat says that nothing older
    follows."""

    tick_us: int
    level_us: int = -1  # the start of the latest tick so far
    latest_us: int = -1

    def late(self, decoded: Decoded) -> int:
        """Returns how many of the file's next events would be late."""
        starts = -(-decoded.events.rows["time_us"] // self.tick_us) * self.tick_us - self.tick_us
        index, levels, is_event = decoded.index, starts, np.ones(len(starts), np.bool_)
        if decoded.marks:
            marks = np.array([(m.index, m.time_us // self.tick_us * self.tick_us) for m in decoded.marks], np.int64)
            order = np.argsort(np.concatenate([index, marks[:, 0]]), kind="stable")
            levels = np.concatenate([levels, marks[:, 1]])[order]
            is_event = np.concatenate([is_event, np.zeros(len(marks), np.bool_)])[order]
        if not len(levels):
            return 0
        reached = np.maximum.accumulate(np.concatenate([[self.level_us], levels]))
        self.level_us = int(reached[-1])
        return int((is_event & (levels < reached[:-1])).sum())

    def gap_us(self, decoded: Decoded, first_us: int | None, last_us: int | None) -> int:
        """Returns the longest time between an event and all those before it in the file; of a file's first events also
        the time between them and those read of other files, from `first_us` to `last_us`."""
        times_us = decoded.events.rows["time_us"]
        if not len(times_us):
            return 0
        apart_us = 0
        if self.latest_us < 0:
            self.latest_us = int(times_us[0])
            if first_us is not None and last_us is not None:
                apart_us = max(int(times_us.min()) - last_us, first_us - int(times_us.max()))
        reached = np.maximum.accumulate(np.concatenate([[self.latest_us], times_us]))
        self.latest_us = int(reached[-1])
        return max(int(np.diff(reached).max()), apart_us)


class Days:
    """The number of rows on each day of all files, since 1970 in UTC."""

    def __init__(self) -> None:
        self.rows: Counter[int] = Counter()

    def add(self, times_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Adds event times; returns the day of each."""
        days = times_us // DAY_US
        self.rows.update(dict(zip(*(part.tolist() for part in np.unique(days, return_counts=True)), strict=True)))
        return days

    def bounds(self, longest_gap_us: int = LONGEST_GAP_US) -> Bounds | None:
        """Returns the times outside of which the rows run away; None when none does.

        Gaps longer than `longest_gap_us` divide the log. Its largest part is extended over every neighbouring gap that
        is like those of the part, or behind which there are more rows than may run away.
        """
        gap = max(longest_gap_us // DAY_US, 1)
        days = sorted(self.rows)
        while days and days[0] < ZERO_DAYS and days[-1] - ZERO_DAYS > gap:
            days.pop(0)
        if not days:
            return None
        first, last = _main_part(np.array(days), np.array([self.rows[day] for day in days]), gap)
        if last - first + 1 == len(self.rows):
            return None
        return Bounds(int(days[first]) * DAY_US, int(days[last] + 1) * DAY_US - 1)


def _main_part(days: NDArray[np.int64], rows: NDArray[np.int64], gap: int) -> tuple[int, int]:
    """Returns the first and the last place in `days` of the part that does not run away."""
    gaps, up_to = np.diff(days), np.cumsum(rows)
    cuts = np.flatnonzero(gaps > gap) + 1
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(days)]]) - 1
    largest = int(np.argmax(np.add.reduceat(rows, starts)))
    first, last, many = int(starts[largest]), int(ends[largest]), up_to[-1] / ONE_IN
    while True:
        usual = max(gap, LIKE_OTHER_GAPS * int(gaps[first:last].max(initial=0)))
        before = first > 0 and (gaps[first - 1] <= usual or up_to[first - 1] > many)
        after = last < len(gaps) and (gaps[last] <= usual or up_to[-1] - up_to[last] > many)
        if not before and not after:
            return first, last
        first, last = first - bool(before), last + bool(after)
