"""Files as the sources of a merge, each read as far as the merge needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from schemas.decode import Decoded
from streams.files.chunks import Source
from streams.files.decoding import DecodedChunk, SourceDecoder
from streams.files.formats import open_source
from streams.files.sorted_rows import SortedRows
from streams.files.survey import Plan, Survey, Terms
from streams.files.tally import Tally
from streams.files.time_order import OrderWatch
from streams.inputs.merge import Merge, Offsets
from streams.units.engine_batch import LetterOf


class Feed(Protocol):
    """The feed that files are read into."""

    merge: Merge

    def wants(self, source: str) -> bool:
        """Returns whether more rows of a source are needed."""

    def take_decoded(self, source: str, decoded: Decoded, offsets: Offsets, letter: LetterOf) -> None:
        """Accepts decoded rows, in order."""


AS_THEY_ARE = Plan()


class OutOfOrder(Exception):
    """The files must be read as `plan` says: rows are out of order or run away. Nothing was kept of what was read."""

    def __init__(self, survey: Survey, plan: Plan) -> None:
        super().__init__("files are out of order")
        self.survey, self.plan = survey, plan


@dataclass
class Input:
    """A file with how far it has been read."""

    name: str
    decoder: SourceDecoder
    chunks: Iterator[DecodedChunk]
    tally: Tally
    watch: OrderWatch
    rows: int = 0
    exhausted: bool = False

    @property
    def source(self) -> Source:
        """The file."""
        return self.decoder.source


class FileSources:
    """Reads files into a feed, as many rows of each as are needed.

    With `watches`, files in order stream; at the first sign of the contrary all files are surveyed, and OutOfOrder is
    raised when they have to be read otherwise.
    """

    def __init__(self, paths: Sequence[str], terms: Terms, plan: Plan = AS_THEY_ARE, *, watches: bool = False) -> None:
        """Raises UsageError when a file cannot be a source."""
        self.paths, self.terms, self.watches = paths, terms, watches
        self.inputs = [self._input(i, path, plan) for i, path in enumerate(paths)]
        self.survey: Survey | None = None
        self.read = 0
        self.last_us: int | None = None
        self.first_us: int | None = None

    @property
    def names(self) -> list[str]:
        """The names of the sources, one a file."""
        return [source.name for source in self.inputs]

    @property
    def share(self) -> float:
        """How much of the work with the files is done, 0 to 1."""
        meters = [one.source.meter for one in self.inputs]
        return sum(meter.read for meter in meters) / max(sum(meter.size for meter in meters), 1)

    @property
    def doing(self) -> str:
        """What is done beside reading, empty when nothing is."""
        if self.survey is not None:
            return f"checking the order of all files, {self.survey.share:.0%}"
        return next((one.source.meter.doing for one in self.inputs if one.source.meter.doing), "")

    @property
    def tallies(self) -> list[Tally]:
        """What was refused, by file."""
        return [one.tally for one in self.inputs]

    @property
    def remarks(self) -> list[str]:
        """What was read otherwise than it is written, once everything was read."""
        return [remark for one in self.inputs for remark in one.decoder.remarks()]

    @property
    def exhausted(self) -> bool:
        """Whether everything was read."""
        return all(source.exhausted for source in self.inputs)

    @property
    def empty(self) -> bool:
        """Whether everything was read and had no event."""
        return self.exhausted and self.last_us is None

    def read_into(self, feed: Feed, seen: Callable[[Input, DecodedChunk], None] = lambda source, chunk: None) -> None:
        """Reads a chunk of each file of which the feed wants more; finishes the merge when all are read. `seen` is
        called with each chunk before the feed.
        """
        for source in self.inputs:
            if source.exhausted or not feed.wants(source.name):
                continue
            chunk = next(source.chunks, None)
            if chunk is None:
                source.exhausted = True
                feed.merge.exhausted(source.name)
            else:
                self._check_order(source, chunk)
                seen(source, chunk)
                self._offer(source, chunk, feed)
        if self.exhausted:
            feed.merge.finish(self.last_us)

    def _offer(self, source: Input, chunk: DecodedChunk, feed: Feed) -> None:
        offsets = np.arange(source.rows, source.rows + chunk.size, dtype=np.int64)
        source.rows += chunk.size
        self.read += chunk.size - len(chunk.decoded.marks)
        times_us = chunk.decoded.events.rows["time_us"]
        if len(times_us):
            self.last_us = max(self.last_us or 0, int(times_us.max()))
            self.first_us = int(times_us.min()) if self.first_us is None else min(self.first_us, int(times_us.min()))
        source.tally.add(chunk.size - len(chunk.decoded.marks), chunk.letters)
        feed.take_decoded(source.name, chunk.decoded, offsets, chunk.letter)

    def _input(self, i: int, path: str, plan: Plan) -> Input:
        terms, is_sorted = self.terms, i in plan.unsorted
        source = open_source(path, replace(terms.options, derives_ids=not is_sorted))
        if is_sorted:
            source = SortedRows(source, terms.options).sorted_source()
        decoder = SourceDecoder(source, terms.now_us, terms.max_skew_us, terms.options, plan.bounds)
        return Input(f"{i}:{path}", decoder, decoder.chunks(), Tally(source.file), OrderWatch(terms.tick_us))

    def _check_order(self, source: Input, chunk: DecodedChunk) -> None:
        if not self.watches:
            return
        late = source.watch.late(chunk.decoded)
        gap_us = source.watch.gap_us(chunk.decoded, self.first_us, self.last_us)
        if not late and gap_us <= self.terms.longest_gap_us:
            return
        self.survey, self.watches = Survey(self.paths, self.terms), False
        survey, plan = self.survey, self.survey.plan()
        self.survey = None
        if plan:
            raise OutOfOrder(survey, plan)
