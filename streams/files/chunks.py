"""Consecutive rows of a file, independent of its format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.decode import Decoded, Decoder
from schemas.errors import UsageError
from schemas.events import KINDS
from schemas.json_structure import duplicate_key
from schemas.refusals import Refused, excerpt
from streams.files.compression import Meter

CHUNK_ROWS = 1_024  # what fits in the cache: 8,192 rows at a time take twice as long a row, decoding included
FILLED_IN = {"kind", "event_id", "producer"}
TIME = "event_time"
MOST_COLUMNS = 1_000
MOST_SHOWN = 20


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

    def field(self, index: int, name: str) -> Any:
        """Returns a field of a row that is an object."""
        return (orjson.loads(self.json[index]) if self.objects is None else self.objects[index]).get(name)

    def times(self) -> list[Any]:
        """Returns the event time of each row as it is written, None where it has none."""
        rows = self.objects if self.objects is not None else [parsed_object(line) or {} for line in self.json]
        return [row.get(TIME) for row in rows]

    def map_times(self, change: Callable[[Any], Any]) -> bool:
        """Changes the event times of all rows in place; returns whether one became another."""
        if self.objects is not None:
            return sum(_changed(one, change) for one in self.objects) > 0  # every row, not the first one only
        before = list(self.json)
        self.json[:] = [_line_with(line, change) for line in before]
        return self.json != before

    def values(self) -> list[bytes]:
        """Returns each row as JSON, as a topic would have it."""
        return self.json if self.objects is None else [orjson.dumps(one, default=str) for one in self.objects]


def parsed_object(line: bytes) -> dict[str, Any] | None:
    """Returns the JSON object of a line, None when it is no object."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _changed(row: dict[str, Any], change: Callable[[Any], Any]) -> bool:
    before = row.get(TIME)
    after = before if before is None else change(before)
    if after != before:
        row[TIME] = after
    return bool(after != before)


def _line_with(line: bytes, change: Callable[[Any], Any]) -> bytes:
    """Returns the line with its time changed; unchanged where it has to be refused for a key that occurs twice."""
    found = parsed_object(line)
    changed = found is not None and duplicate_key(line, found) is None and _changed(found, change)
    return orjson.dumps(found) if changed else line


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
    """A file that is read once. `kind`: from its name, None where the name has none. `meter`: how far it has been read;
    `remarks`: sentences about what was read otherwise than it is written, complete once all chunks are read."""

    path: Path
    file: str
    kind: str | None
    chunks: Iterator[Chunk]
    meter: Meter
    remarks: Callable[[], list[str]] = list


def check_columns(path: Path, kind: str, columns: Sequence[str]) -> None:
    """Raises UsageError when there are too many columns, one occurs twice or a required one is missing."""
    if len(columns) > MOST_COLUMNS:
        raise UsageError(
            f"{path}: has {len(columns):,} columns, expected at most {MOST_COLUMNS:,}; leave out the others"
        )
    twice = sorted(column for column, count in Counter(columns).items() if count > 1)
    if twice:
        raise UsageError(f"{path}: column {_listed(twice)} occurs twice; name every column once")
    needed = [name for name, one in KINDS[kind].model_fields.items() if one.is_required() and name not in FILLED_IN]
    missing = sorted(set(needed) - set(columns))
    if missing:
        raise UsageError(f"{path}: {kind} needs the column {', '.join(missing)}; found {_listed(columns)}")


def _listed(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - MOST_SHOWN} more" if len(columns) > MOST_SHOWN else ""
    return ", ".join(map(excerpt, columns[:MOST_SHOWN])) + more
