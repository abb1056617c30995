"""Consecutive rows of a file, independent of its format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.decode import Decoded, Decoder
from schemas.errors import UsageError
from schemas.events import KINDS
from schemas.refusals import Refused

CHUNK_ROWS = 1_024  # what fits in the cache: 8,192 rows at a time take twice as long a row, decoding included
FILLED_IN = {"kind", "event_id", "producer"}


@dataclass(frozen=True, slots=True)
class RowsOfKind:
    """The rows of a chunk that have one kind: objects or, of a .jsonl, JSON. `places`: their indexes in the chunk."""

    kind: str
    places: NDArray[np.intp]
    objects: list[dict[str, Any]] | None = None
    json: list[bytes] = field(default_factory=list)

    def decode(self, decoder: Decoder, now_us: int) -> Decoded:
        """Returns the decoded rows; indexes count the rows of this kind."""
        if self.objects is None:
            return decoder.decode(self.json, None, now_us)
        return decoder.decode_objects(self.objects, now_us)

    def values(self) -> list[bytes]:
        """Returns each row as JSON, as a topic would have it."""
        return self.json if self.objects is None else [orjson.dumps(one, default=str) for one in self.objects]


@dataclass(frozen=True, slots=True)
class MalformedRow:
    """A row that is no object: the refusal, and its bytes."""

    refused: Refused
    value: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """At most CHUNK_ROWS consecutive rows; each index from 0 to size - 1 is in one of `parts` or in `malformed`."""

    file: str
    lines: NDArray[np.int64]  # (size,) line numbers, of a .parquet row numbers, from 1
    parts: Sequence[RowsOfKind]
    malformed: Sequence[MalformedRow] = ()

    @property
    def size(self) -> int:
        return len(self.lines)

    def values(self) -> list[bytes]:
        """Returns the bytes of each row, in order."""
        values = [b""] * self.size
        for part in self.parts:
            for place, value in zip(part.places.tolist(), part.values(), strict=True):
                values[place] = value
        for one in self.malformed:
            values[one.refused.index] = one.value
        return values


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is read once. `kind`: from its name, None where the name has none."""

    path: Path
    file: str
    kind: str | None
    chunks: Iterator[Chunk]


def check_columns(path: Path, kind: str, columns: Sequence[str]) -> None:
    """Raises UsageError when a column occurs twice or a required column is missing."""
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise UsageError(f"{path}: column {', '.join(map(repr, twice))} occurs twice; name every column once")
    needed = [name for name, one in KINDS[kind].model_fields.items() if one.is_required() and name not in FILLED_IN]
    missing = sorted(set(needed) - set(columns))
    if missing:
        found = ", ".join(map(repr, columns))
        raise UsageError(f"{path}: {kind} needs the column {', '.join(missing)}; found {found} (separated by commas)")
