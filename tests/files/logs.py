"""Test files: the same events in every format, and readers of what a file yields."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.instants import parse_instant
from streams.files.decoding import DecodedChunk, decode_source
from streams.files.formats import open_source
from streams.files.read_options import ReadOptions

Event = dict[str, Any]
DEFAULT = ReadOptions()
NOW_US = parse_instant("2025-01-01T00:00:00Z")
VISIT = {"customer_id": "c1", "event_time": "2024-03-01T08:30:00Z", "amount": 12.5, "items": 2}


def as_csv(events: Sequence[Event]) -> bytes:
    columns = list(dict.fromkeys(name for event in events for name in event)) or list(VISIT)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows({k: "|".join(v) if isinstance(v, list) else v for k, v in event.items()} for event in events)
    return text.getvalue().encode()


def as_jsonl(events: Sequence[Event]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def as_parquet(events: Sequence[Event], *, group_rows: int = 1 << 20) -> bytes:
    columns = list(dict.fromkeys(name for event in events for name in event)) or list(VISIT)
    sink = io.BytesIO()
    table = pa.table({name: [event.get(name) for event in events] for name in columns})
    pq.write_table(table, sink, row_group_size=group_rows)
    return sink.getvalue()


def gz(data: bytes) -> bytes:
    return gzip.compress(data)


def zst(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)


def written(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def rows_of(path: str) -> list[Event]:
    """Returns every row as a topic would have it."""
    return [json.loads(value) for chunk in open_source(path).chunks for value in chunk.values()]


def decoded(path: str, options: ReadOptions = DEFAULT) -> list[DecodedChunk]:
    return list(decode_source(open_source(path, options), NOW_US, options=options))


def letters(path: str, options: ReadOptions = DEFAULT) -> list[tuple[int, str, str]]:
    """Returns (line, field, rule) of the refused rows."""
    return [(x["line"], x["field"], x["rule"]) for chunk in decoded(path, options) for x in chunk.letters]


def accepted(path: str, options: ReadOptions = DEFAULT) -> Iterator[str]:
    """Yields the customers of the accepted events."""
    for chunk in decoded(path, options):
        yield from chunk.decoded.events.customers
