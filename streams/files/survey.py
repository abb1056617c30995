"""One pass over files before their events are applied or sent: what will be refused and why, which files are out of
order, and which rows run away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from schemas.instants import DAY_US
from streams.files.decoding import DecodedChunk, SourceDecoder, decode_source
from streams.files.file_rules import Bounds
from streams.files.formats import open_source
from streams.files.read_options import ReadOptions
from streams.files.tally import Tally
from streams.files.time_order import LONGEST_GAP_US, Days, OrderWatch

MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Terms:
    """How files are read and judged. Rows later than `now_us` and `max_skew_us` are refused."""

    now_us: int
    max_skew_us: int
    tick_us: int = DAY_US
    options: ReadOptions = field(default_factory=ReadOptions)
    longest_gap_us: int = LONGEST_GAP_US


@dataclass(frozen=True, slots=True)
class Plan:
    """How files have to be read. `unsorted`: indexes of the files whose rows are sorted first."""

    bounds: Bounds | None = None
    unsorted: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self.bounds is not None or bool(self.unsorted)


@dataclass
class Surveyed:
    """What a survey has found in one file."""

    tally: Tally
    watch: OrderWatch
    days: Days = field(default_factory=Days)
    first_of_day: dict[int, tuple[int, int]] = field(default_factory=dict)  # day -> (line, event time) of a row
    late: int = 0
    remarks: list[str] = field(default_factory=list)

    def add(self, chunk: DecodedChunk) -> None:
        """Adds the next rows of the file."""
        decoded = chunk.decoded
        self.tally.add(chunk.size - len(decoded.marks), chunk.letters)
        self.late += self.watch.late(decoded)
        index = np.concatenate([decoded.index, np.array([mark.index for mark in decoded.marks], np.intp)])
        marked = np.array([mark.time_us for mark in decoded.marks], np.int64)
        times_us = np.concatenate([decoded.events.rows["time_us"], marked])
        days, firsts = np.unique(self.days.add(times_us), return_index=True)
        for day, i in zip(days.tolist(), firsts.tolist(), strict=True):
            self.first_of_day.setdefault(day, (int(chunk.lines[index[i]]), int(times_us[i])))

    def refuse_outside(self, bounds: Bounds) -> None:
        """Moves the rows outside of `bounds` to the refused ones."""
        for day, (line, time_us) in sorted(self.first_of_day.items(), key=lambda item: item[1]):
            if not bounds.earliest_us <= time_us <= bounds.latest_us:
                self.tally.refuse("event_time", "runaway", line, bounds.sentence(time_us), self.days.rows[day])


class Survey:
    """A pass over files. Raises UsageError or Failure when one cannot be read."""

    def __init__(self, paths: Sequence[str], terms: Terms) -> None:
        self.terms, self.paths = terms, paths
        self.sources = [open_source(path, terms.options) for path in paths]
        self.files = [Surveyed(Tally(source.file), OrderWatch(terms.tick_us)) for source in self.sources]

    @property
    def share(self) -> float:
        """How much has been read, 0 to 1."""
        return sum(s.meter.read for s in self.sources) / max(sum(s.meter.size for s in self.sources), 1)

    @property
    def rows(self) -> int:
        """The number of rows read."""
        return sum(one.tally.rows for one in self.files)

    @property
    def tallies(self) -> list[Tally]:
        """What was refused, by file."""
        return [one.tally for one in self.files]

    @property
    def remarks(self) -> list[str]:
        """What was read otherwise than it is written."""
        return [remark for found in self.files for remark in found.remarks]

    def out_of_order(self) -> list[str]:
        """Returns a sentence about the files that have to be sorted, if there are any."""
        late = [one.tally.file for one in self.files if one.late]
        more = f" and {len(late) - MOST_SHOWN} more" if len(late) > MOST_SHOWN else ""
        return [f"not in time order, sorted by event_time: {', '.join(late[:MOST_SHOWN])}{more}"] if late else []

    def runaways(self) -> list[str]:
        """Returns a sentence about the rows of each file that run away."""
        return [sentence for tally in self.tallies for sentence in tally.sentences("runaway")]

    def plan(self) -> Plan:
        """Reads all files and returns how they have to be read."""
        terms = self.terms
        for source, found in zip(self.sources, self.files, strict=True):
            decoder = SourceDecoder(source, terms.now_us, terms.max_skew_us, terms.options)
            for chunk in decoder.chunks():
                found.add(chunk)
            found.remarks = decoder.remarks()
        days = Days()
        for found in self.files:
            days.rows.update(found.days.rows)
        bounds = days.bounds(terms.longest_gap_us)
        if bounds is not None:
            for i, found in enumerate(self.files):
                found.refuse_outside(bounds)
                found.late = found.late and self._late_inside(i, bounds)
        return Plan(bounds, frozenset(i for i, found in enumerate(self.files) if found.late))

    def _late_inside(self, i: int, bounds: Bounds) -> int:
        """Reads a file again up to the first row that is late without the rows outside of `bounds`."""
        terms, watch = self.terms, OrderWatch(self.terms.tick_us)
        chunks = decode_source(
            open_source(self.paths[i], terms.options), terms.now_us, terms.max_skew_us, terms.options, bounds
        )
        return next((late for chunk in chunks if (late := watch.late(chunk.decoded))), 0)
