"""Decodes chunks of a file: events of all kinds in the file's order, and dead letters for refused rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.columns import KINDS, NUMBERS, Details, Events
from schemas.decode import MAX_SKEW_US, Decoded, Decoder
from schemas.refusals import Refused, dead_letter, excerpt
from schemas.validation import Mark
from streams.files.chunks import TIME, Chunk, RowsOfKind, Source
from streams.files.file_rules import Bounds, refuse
from streams.files.read_options import ReadOptions
from streams.files.time_forms import TimeForms

DEFAULT = ReadOptions()
EXPECTED = ", ".join(KINDS)


@dataclass(frozen=True)
class DecodedChunk:
    """`decoded.index`, marks and refusals count the chunk's rows from 0."""

    chunk: Chunk
    decoded: Decoded

    @property
    def size(self) -> int:
        """The number of rows: events, marks and refused ones."""
        return self.chunk.size

    @property
    def lines(self) -> NDArray[np.int64]:
        """(size,) line numbers."""
        return self.chunk.lines

    def values(self) -> list[bytes]:
        """Returns each row as complete JSON, as a topic would have it; malformed ones unchanged."""
        return self._values

    @cached_property
    def _values(self) -> list[bytes]:
        return self.chunk.values()

    @property
    def letters(self) -> list[dict[str, Any]]:
        """The dead letters of the refused rows."""
        return [self.letter(refused) for refused in self.decoded.refused]

    def letter(self, refused: Refused) -> dict[str, Any]:
        """Returns the dead letter of a row, with file and line."""
        place = {"file": self.chunk.file, "line": int(self.lines[refused.index])}
        return dead_letter(refused, self._values[refused.index], place)


class SourceDecoder:
    """Decodes the chunks of one file."""

    def __init__(
        self, source: Source, now_us: int, max_skew_us: int, options: ReadOptions, bounds: Bounds | None = None
    ) -> None:
        self.source, self.now_us, self.bounds = source, now_us, bounds
        self.decoders = {kind: Decoder(kind, max_skew_us, options.currency) for kind in KINDS}
        self.times, self.decimal, self.currency = TimeForms(options), options.decimal, options.currency

    def chunks(self) -> Iterator[DecodedChunk]:
        """Returns the chunks, decoded lazily."""
        return map(self._chunk, self.source.chunks)

    def remarks(self) -> list[str]:
        """Returns what was read otherwise than it is written, complete once all chunks are read."""
        found = sorted({one for decoder in self.decoders.values() for one in decoder.other_currencies})
        some = f"amounts in {', '.join(found)} count as unknown: the profile's currency is {self.currency}"
        how = "convert them, or take one currency with --set currency=CODE"
        return self.source.remarks() + [f"{self.source.file}: {some}; {how}"] * bool(found)

    def _chunk(self, chunk: Chunk) -> DecodedChunk:
        known = [part for part in chunk.parts if part.kind in KINDS]
        refused = [one.refused for one in chunk.malformed]
        refused += [refusal for part in chunk.parts if part.kind not in KINDS for refusal in _unknown_kind(part)]
        parts = [_in_chunk(self._part(part), part.places) for part in known]
        return DecodedChunk(chunk, refuse(_merged(parts, refused), self.bounds))

    def _part(self, part: RowsOfKind) -> Decoded:
        """Decodes rows of one kind; from the first time on that is refused, all times pass `TimeForms` first."""
        decoder = self.decoders[part.kind]
        if self.times.needed:
            part.map_times(self.times.rfc3339)
        decoded = part.decode(decoder, self.now_us)
        if not self.times.needed and any(one.field == TIME for one in decoded.refused):
            self.times.needed = True
            if part.map_times(self.times.rfc3339):
                decoded = part.decode(decoder, self.now_us)
        if decoded.refused:
            decoded = replace(decoded, refused=[self._explained(one, part) for one in decoded.refused])
        return decoded

    def _explained(self, refused: Refused, part: RowsOfKind) -> Refused:
        """Adds to a refusal the option that would help."""
        if refused.field == TIME:
            return self.times.explained(refused, part.field(refused.index, TIME))
        if refused.field in NUMBERS and self.decimal == "." and "," in str(part.field(refused.index, refused.field)):
            return replace(refused, sentence=f"{refused.sentence}; --decimal , reads decimal commas")
        return refused


def decode_source(
    source: Source,
    now_us: int,
    max_skew_us: int = MAX_SKEW_US,
    options: ReadOptions = DEFAULT,
    bounds: Bounds | None = None,
) -> Iterator[DecodedChunk]:
    """Returns the chunks of a source, decoded lazily."""
    return SourceDecoder(source, now_us, max_skew_us, options, bounds).chunks()


def _unknown_kind(part: RowsOfKind) -> Iterable[Refused]:
    """Refuses rows of an unknown kind."""
    rule = "wrong_kind" if part.kind else "missing"
    came = "kind is missing or not text" if not part.kind else f"kind is {excerpt(part.kind)}"
    return (Refused(place, "kind", rule, f"{came}; expected one of {EXPECTED}") for place in part.places.tolist())


def _in_chunk(decoded: Decoded, places: NDArray[np.intp]) -> Decoded:
    """Maps indexes within a kind to indexes in the chunk. The end mark of one file is not the end of the input: like a
    heartbeat, it only proves that nothing older follows."""
    marks = [Mark(int(places[mark.index]), "heartbeat", mark.time_us, mark.producer) for mark in decoded.marks]
    refused = [replace(one, index=int(places[one.index])) for one in decoded.refused]
    return Decoded(decoded.events, places[decoded.index], marks, refused, decoded.unknown_fields, decoded.details)


def _merged(parts: Sequence[Decoded], refused: list[Refused]) -> Decoded:
    marks = sorted((mark for part in parts for mark in part.marks), key=lambda mark: mark.index)
    everything = sorted(refused + [one for part in parts for one in part.refused], key=lambda one: one.index)
    unknown = sum((part.unknown_fields for part in parts), Counter[str]())
    details = _details(parts)
    events = Events.concatenate(part.events for part in parts)
    index = np.concatenate([np.zeros(0, np.intp), *(part.index for part in parts)])
    if len(parts) > 1:
        order = np.argsort(index)
        names = ([column[i] for i in order.tolist()] for column in (events.customers, events.producers))
        events = Events(events.rows[order], *names)
        index = index[order]
    return Decoded(events, index, marks, everything, unknown, details)


def _details(parts: Sequence[Decoded]) -> list[Details]:
    """Returns the details of all parts and renumbers the references of their rows."""
    details: list[Details] = []
    for part in parts:
        numbers = part.events.rows["details"]
        numbers[numbers > 0] += len(details)
        details += part.details
    return details
