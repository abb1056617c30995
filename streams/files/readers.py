"""Files of events as blocks of rows. A block is some thousand rows; no file is ever held whole.

CSV and Parquet hold one kind, which the file's name says; JSON lines hold any kinds. What a row lacks is filled in:
kind, producer (the file's name) and event_id (from the content). What is wrong with a row is the decoder's to say.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.columns import KINDS
from schemas.duplicates import duplicate_key, with_doubtful_keys
from schemas.errors import UsageError
from schemas.events import KINDS as MODELS
from schemas.events import MARKS
from streams.files.identity import Ordinals

Object = dict[str, Any]
ROWS_A_BLOCK = 8192
NUMBERS = frozenset(
    ("amount", "items", "wait_minutes", "count", "duration_seconds", "score", "schema_version", "cost", "value")
)
FORMATS = (".csv", ".jsonl", ".parquet")
COMPRESSIONS = (".gz", ".zst")
csv.field_size_limit(1 << 26)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one kind, in the file's order. `raw`: the lines themselves where the file is JSON lines."""

    kind: str
    lines: list[int]
    objects: list[Object]
    raw: list[bytes] | None = None


Block = list[Chunk]


@dataclass(frozen=True)
class File:
    """One file of events."""

    path: Path
    format: Literal[".csv", ".jsonl", ".parquet"]
    kinds: tuple[str, ...]  # that it may hold
    kind: str | None  # that its name says

    def blocks(self) -> Iterator[Block]:
        """The rows, some thousand at a time. Raises UsageError naming the file when it cannot be read."""
        try:
            yield from _READERS[self.format](self)
        except (OSError, EOFError, pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise UsageError(f"{self.path}: cannot be read: {error}") from None


def open_file(path: str) -> File:
    """Looks at the name and that the file is there. Raises UsageError."""
    place, suffixes = Path(path), Path(path).suffixes
    plain = suffixes[:-1] if suffixes and suffixes[-1] in COMPRESSIONS else suffixes
    form = plain[-1] if plain else ""
    if form not in FORMATS:
        expected = ", ".join(FORMATS)
        raise UsageError(f"{path}: expected a file that ends in {expected}, each plain or with .gz or .zst behind it")
    if not place.is_file():
        raise UsageError(f"{path}: {'is a directory' if place.is_dir() else 'was not found'}; expected a file of events")
    stem = place.name.split(".")[0]
    kind = _kind_of(stem)
    if form == ".jsonl":
        return File(place, ".jsonl", KINDS, kind)
    if kind is None:
        names = ", ".join(f"{known}s{form}" for known in KINDS)
        raise UsageError(f"{path}: the name says no kind of event; expected one like {names}")
    if kind not in KINDS:
        raise UsageError(f"{path}: events of kind {kind!r} are not consumed yet; expected {', '.join(KINDS)}")
    return File(place, form, (kind,), kind)  # type: ignore[arg-type]  # one of FORMATS


def _kind_of(stem: str) -> str | None:
    name = stem.lower().replace("-", "_")
    forms = {form: kind for kind in MODELS for form in (kind, f"{kind}s", f"{kind.removesuffix('y')}ies")}
    return forms.get(name)


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]  # a GzipFile reads as IO[bytes] does
    if path.suffix == ".zst":
        return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))  # type: ignore[type-var]
    return path.open("rb")


def _csv(file: File) -> Iterator[Block]:
    with _opened(file.path) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        columns = _header(file, next(reader, None))
        fill = _Fill(file, columns)
        lines: list[int] = []
        objects: list[Object] = []
        for row in _rows(reader):
            lines.append(reader.line_num)
            objects.append(fill.row(row))
            if len(objects) == ROWS_A_BLOCK:
                yield [Chunk(fill.kind, lines, objects)]
                lines, objects = [], []
        if objects:
            yield [Chunk(fill.kind, lines, objects)]


def _rows(reader: Any) -> Iterator[list[str]]:
    """Rows that are not empty; one that breaks the rules of quoting comes as a single cell and is refused."""
    while True:
        try:
            for row in reader:
                if row:
                    yield row
        except csv.Error as error:
            yield [f"not CSV: {error}"]
            continue
        return


def _header(file: File, columns: list[str] | None) -> list[str]:
    if not columns:
        raise UsageError(f"{file.path}: is empty; expected a header line naming the columns")
    twice = {name for name in columns if columns.count(name) > 1}
    missing = {"customer_id", "event_time"} - set(columns)
    if twice or missing:
        what = f"column {sorted(twice)[0]!r} stands twice" if twice else f"there is no column {sorted(missing)[0]!r}"
        raise UsageError(f"{file.path}: {what}; the columns are {', '.join(columns)}")
    return columns


class _Fill:
    """Cells of a row to an object, with what the row lacks."""

    def __init__(self, file: File, columns: list[str]) -> None:
        self.kind, self.producer = file.kind or "", file.path.name
        self.columns = columns
        self.order = sorted(range(len(columns)), key=columns.__getitem__)
        self.has_id = "event_id" in columns
        self.time = columns.index("event_time")
        self.parsers = [(name, _parser(name)) for name in columns if _parser(name)]
        self.ordinals = Ordinals()

    def row(self, cells: list[str]) -> Object:
        """The object; cells that are empty are absent, a row of the wrong length keeps only what came."""
        if len(cells) != len(self.columns):
            return {"kind": self.kind, "columns": f"{len(cells)} cells, expected {len(self.columns)}", "cells": cells}
        found: Object = {name: cell for name, cell in zip(self.columns, cells, strict=True) if cell}
        for name, parse in self.parsers:
            if name in found:
                found[name] = parse(found[name])
        found.setdefault("kind", self.kind)
        found.setdefault("producer", self.producer)
        if "event_id" not in found:
            content = "\x1f".join([cells[i] for i in self.order]).encode("utf-8", "replace")
            found["event_id"] = self.ordinals.event_id(cells[self.time], content)
        return found


def _parser(name: str) -> Any:
    if name in NUMBERS:
        return _number
    if name == "causes":
        return lambda text: [part.strip() for part in text.replace(";", "|").split("|") if part.strip()]
    return _json if name == "consent" else None


def _number(text: str) -> float | str:
    """The number, or the text itself for the decoder to refuse."""
    try:
        return text if "_" in text else float(text)
    except ValueError:
        return text


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _jsonl(file: File) -> Iterator[Block]:
    ordinals = Ordinals()
    with _opened(file.path) as raw:
        lines: list[int] = []
        values: list[bytes] = []
        for number, line in enumerate(raw, 1):
            if line.strip():
                lines.append(number)
                values.append(line.strip())
            if len(values) == ROWS_A_BLOCK:
                yield _of_kinds(file, lines, values, ordinals)
                lines, values = [], []
        if values:
            yield _of_kinds(file, lines, values, ordinals)


def _of_kinds(file: File, lines: list[int], values: list[bytes], ordinals: Ordinals) -> Block:
    """Lines by their kind, completed; what is no event goes with the first kind, to be refused there."""
    chunks: dict[str, Chunk] = {}
    for number, value in zip(lines, values, strict=True):
        found = _parsed(value)
        kind = found.get("kind", file.kind)
        kind = kind if isinstance(kind, str) else None
        if kind in MARKS:
            continue
        chunk = chunks.setdefault(kind if kind in file.kinds else file.kind or file.kinds[0], Chunk("", [], [], []))
        chunk.lines.append(number)
        chunk.raw.append(_completed(file, value, found, ordinals))  # type: ignore[union-attr]  # it has just been made
    return [Chunk(kind, chunk.lines, [], chunk.raw) for kind, chunk in chunks.items()]


def _parsed(value: bytes) -> Object:
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _completed(file: File, value: bytes, found: Object, ordinals: Ordinals) -> bytes:
    if not found or ("event_id" in found and "producer" in found and "kind" in found):
        return value
    if with_doubtful_keys([value], [found]) and duplicate_key(value):
        return value
    full = {"kind": file.kind, "producer": file.path.name} | found
    if "event_id" not in found:
        content = orjson.dumps(found, option=orjson.OPT_SORT_KEYS)
        full["event_id"] = ordinals.event_id(str(found.get("event_time")), content)
    return orjson.dumps(full)


def _parquet(file: File) -> Iterator[Block]:
    source = pq.ParquetFile(_opened(file.path) if file.path.suffix == ".parquet" else io.BytesIO(_opened(file.path).read()))
    columns = _header(file, list(source.schema_arrow.names))
    fill, number = _Fill(file, columns), 0
    for batch in source.iter_batches(ROWS_A_BLOCK):
        table = pa.table([_as_text(batch.column(i), columns[i], file) for i in range(len(columns))], names=columns)
        objects = [_from_parquet(fill, row) for row in table.to_pylist()]
        yield [Chunk(fill.kind, list(range(number + 1, number + 1 + len(objects))), objects)]
        number += len(objects)


def _as_text(column: Any, name: str, file: File) -> Any:
    if not pa.types.is_timestamp(column.type):
        return column
    if column.type.tz is None:
        raise UsageError(f"{file.path}: column {name!r} holds times without an offset; expected a timestamp with a time zone")
    return pa.array([t and t.isoformat().replace("+00:00", "Z") for t in column.cast(pa.timestamp("us", "UTC")).to_pylist()])


def _from_parquet(fill: _Fill, row: Object) -> Object:
    found = {name: value for name, value in row.items() if value is not None and value == value}
    found.setdefault("kind", fill.kind)
    found.setdefault("producer", fill.producer)
    if "event_id" not in found:
        content = orjson.dumps(found, option=orjson.OPT_SORT_KEYS, default=str)
        found["event_id"] = fill.ordinals.event_id(str(found.get("event_time")), content)
    return found


_READERS: dict[str, Callable[[File], Iterator[Block]]] = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
