"""Reads files as a publisher sends them: tick by tick in event-time order; rows that will be refused in file order, but
for those that only the rules for files refuse: they are not sent.

It uses the engine's merge, so an event that is late in a file is late in the topic by the same tick.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from schemas.columns import KINDS
from schemas.decode import Decoded
from streams.files.decoding import DecodedChunk
from streams.files.file_rules import RULES
from streams.files.file_sources import FileSources, Input
from streams.inputs.merge import Merge, Offsets
from streams.units.engine_batch import LetterOf

MOST_BUFFERED = 50_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file; customer None: it will be refused, and is sent to the topic of `kind` all the same."""

    kind: str
    customer: str | None
    value: bytes


@dataclass
class Ticks:
    """Whole ticks of the files; a feed of `FileSources`."""

    sources: FileSources
    tick_us: int
    waiting: dict[int, Row] = field(default_factory=dict)  # by number
    refused: list[Row] = field(default_factory=list)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.merge = Merge(dict.fromkeys(self.sources.names, 0), self.tick_us)

    def __iter__(self) -> Iterator[tuple[int | None, list[Row]]]:
        """Yields (start of the tick in us, its rows); (None, rows) for rows that will be refused: they have no tick."""
        while not self.merge.ended:
            self.sources.read_into(self, self._number)
            if self.refused:
                yield None, self.refused
                self.refused = []
            frontier_us = self.merge.frontier_us
            if frontier_us is not None:
                until_us = frontier_us if self.merge.ended else frontier_us // self.tick_us * self.tick_us
                yield from self._ticks(self.merge.take(until_us))

    def wants(self, source: str) -> bool:
        """Returns whether more rows of a file are needed."""
        return self.merge.sources[source].buffered < MOST_BUFFERED or self.merge.holds_frontier(source)

    def take_decoded(self, source: str, decoded: Decoded, offsets: Offsets, letter: LetterOf) -> None:
        """Accepts rows of a file, in order; each has its number as slot."""
        first = self.numbers - len(offsets)
        rows = decoded.events.rows
        rows["slot"] = first + decoded.index
        self.merge.add(source, rows, offsets[decoded.index])

    def _number(self, source: Input, chunk: DecodedChunk) -> None:
        first, values = self.numbers, chunk.values()
        self.numbers += chunk.size
        for place, customer, row in zip(
            chunk.decoded.index.tolist(), chunk.decoded.events.customers, chunk.decoded.events.rows, strict=True
        ):
            self.waiting[first + place] = Row(KINDS[row["kind"]], customer, values[place])
        for refused in chunk.decoded.refused:
            if refused.rule in RULES:  # a worker does not know these rules: it might accept the row
                continue
            self.refused.append(Row(_kind_of(chunk, refused.index), None, values[refused.index]))

    def _ticks(self, rows: Any) -> Iterator[tuple[int, list[Row]]]:
        rows = rows[np.lexsort((rows["time_us"], rows["due_us"]))]
        dues_us, starts = np.unique(rows["due_us"], return_index=True)
        for due_us, part in zip(dues_us.tolist(), np.split(rows["slot"], starts[1:]), strict=False):
            yield due_us - self.tick_us, [self.waiting.pop(n) for n in part.tolist()]


def _kind_of(chunk: DecodedChunk, place: int) -> str:
    """Returns the kind that a refused row has, or a default: the reader of every topic will refuse it."""
    claimed = (part.kind for part in chunk.chunk.parts if place in part.places)
    return next((kind for kind in claimed if kind in KINDS), KINDS[0])
