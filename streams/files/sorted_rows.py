"""The rows of a file sorted by event time, with their line numbers, in bounded memory.

Sorted runs go to one unnamed temporary file, which the system deletes when it is closed, however the process ends; then
they are merged. Rows without a valid time stay behind the row before them.
"""

from __future__ import annotations

import heapq
import io
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO, Any

import numpy as np
import orjson

from schemas.errors import Failure
from schemas.events import MARKS
from schemas.refusals import Refused
from schemas.rfc3339 import parse_instants
from streams.files.chunks import CHUNK_ROWS, Chunk, MalformedRow, RowsOfKind, Source, parsed_object
from streams.files.compression import Meter
from streams.files.json_lines import LineCompletion
from streams.files.read_options import ReadOptions
from streams.files.time_forms import TimeForms

RUN_BYTES = 64 << 20
READ_BYTES = 64 << 10  # of each run in memory while they are merged
HEAD = struct.Struct("<qqII")  # key, line, length of the kind, length of the value
MALFORMED = b"\xff"  # where others have their kind, and no UTF-8
OBJECT_BYTES = 80  # what a record and its key take beside the record's bytes

Row = tuple[int, bytes, bytes]  # line, kind, value


@dataclass(frozen=True, slots=True)
class Run:
    """Sorted rows in the temporary file."""

    start: int
    end: int


class SortedRows:
    """Reads all rows of a source, then yields them in order. The source must not derive ids: equal rows are numbered
    in the order of their times."""

    def __init__(self, source: Source, options: ReadOptions, run_bytes: int = RUN_BYTES) -> None:
        self.source, self.run_bytes = source, run_bytes
        self.times, self.completion = TimeForms(options), LineCompletion(source.file, source.kind)
        self.meter = Meter(2 * source.meter.size, doing=f"sorting {source.file}")
        self.runs: list[Run] = []
        self.last_key = self.rows = 0

    def sorted_source(self) -> Source:
        """Returns the source of the sorted rows."""
        return replace(self.source, chunks=self.chunks(), meter=self.meter)

    def chunks(self) -> Iterator[Chunk]:
        """Sorts when the first chunk is asked for."""
        try:
            with tempfile.TemporaryFile() as file:
                rows, size, done = self._sorted(file), self.source.meter.size, 0
                while chunk := list(islice(rows, CHUNK_ROWS)):
                    done += len(chunk)
                    self.meter.next_block(size + size * done // self.rows)
                    yield self._chunk(chunk)
        except OSError as error:
            raise Failure(
                f"{self.source.path}: cannot be sorted in {tempfile.gettempdir()} ({error.strerror}); name a folder "
                "with more room in TMPDIR, or sort the file by event_time"
            ) from error

    def _sorted(self, file: IO[bytes]) -> Iterator[Row]:
        keys: list[int] = []
        records: list[bytes] = []
        size = 0
        for chunk in self.source.chunks:
            values, times = self._values(chunk), self._times(chunk)
            keys += self._keys(times, [value for _, value in values])
            lines = chunk.lines.tolist()
            for key, line, (kind, value) in zip(keys[len(records) :], lines, values, strict=True):
                # one object a row, no larger than the row: orjson's own bytes leave holes of 1 KiB in memory
                records.append(HEAD.pack(key, line, len(kind), len(value)) + kind + value)
                size += len(records[-1]) + OBJECT_BYTES
            self.rows += chunk.size
            self.meter.next_block(self.source.meter.read)
            if size >= self.run_bytes:
                self.runs.append(_written(file, _in_order(keys, records)))
                keys, records, size = [], [], 0
        self.meter.doing = ""
        file.flush()
        runs = [_read(file.fileno(), run) for run in self.runs]
        return map(_row, heapq.merge(*runs, _in_order(keys, records), key=_key))  # stable: earlier runs first

    def _values(self, chunk: Chunk) -> list[tuple[bytes, bytes]]:
        """Returns the kind and the bytes of each row."""
        values = [(b"", value) for value in chunk.values()]
        for part in chunk.parts:
            for place in part.places.tolist():
                values[place] = (part.kind.encode(), values[place][1])
        for one in chunk.malformed:
            why = orjson.dumps([one.refused.field, one.refused.rule, one.refused.sentence])
            values[one.refused.index] = (MALFORMED, why + b"\n" + one.value)
        return values

    def _times(self, chunk: Chunk) -> list[Any]:
        times: list[Any] = [None] * chunk.size
        for part in chunk.parts:
            for place, time in zip(part.places.tolist(), part.times(), strict=True):
                times[place] = time
        return times

    def _keys(self, times: Sequence[Any], values: Sequence[bytes]) -> list[int]:
        """Returns the times in us; a heartbeat comes behind the events of its time."""
        texts = [time if isinstance(time, str) else "" for time in times]
        us, good = parse_instants(texts)
        for i in np.flatnonzero(~good).tolist():
            again, parsed = parse_instants([str(self.times.rfc3339(times[i]))])
            us[i], good[i] = again[0], parsed[0]
        keys = []
        for key, is_time, value in zip(us.tolist(), good.tolist(), values, strict=True):
            self.last_key = key + _is_mark(value) if is_time else self.last_key
            keys.append(self.last_key)
        return keys

    def _chunk(self, rows: Sequence[Row]) -> Chunk:
        places: dict[bytes, list[int]] = {}
        for place, (_, kind, _) in enumerate(rows):
            places.setdefault(kind, []).append(place)
        malformed = [_malformed(place, rows[place][2]) for place in places.pop(MALFORMED, [])]
        parts = [
            RowsOfKind(kind.decode(), np.array(at, np.intp), None, self._completed([rows[i][2] for i in at]))
            for kind, at in places.items()
        ]
        return Chunk(self.source.file, np.array([line for line, _, _ in rows], np.int64), parts, malformed)

    def _completed(self, values: Sequence[bytes]) -> list[bytes]:
        return [self.completion.completed(value)[1] for value in values]


def _is_mark(value: bytes) -> bool:
    may_be = b"heartbeat" in value or b"end" in value  # most rows need not be parsed
    return may_be and (parsed_object(value) or {}).get("kind") in list(MARKS)


def _malformed(place: int, value: bytes) -> MalformedRow:
    why, _, line = value.partition(b"\n")
    return MalformedRow(Refused(place, *orjson.loads(why)), line)


def _in_order(keys: Sequence[int], records: Sequence[bytes]) -> Iterator[bytes]:
    order = np.argsort(np.array(keys, np.int64), kind="stable")
    return (records[i] for i in order.tolist())


def _written(file: IO[bytes], records: Iterator[bytes]) -> Run:
    start = file.tell()
    file.writelines(records)
    return Run(start, file.tell())


def _key(record: bytes) -> int:
    key: int = HEAD.unpack_from(record)[0]
    return key


def _row(record: bytes) -> Row:
    _, line, kind, _ = HEAD.unpack_from(record)
    return line, record[HEAD.size : HEAD.size + kind], record[HEAD.size + kind :]


class RunReader(io.RawIOBase):
    """A run as a stream of its own, read by position: all runs share the file."""

    def __init__(self, descriptor: int, run: Run) -> None:
        self.descriptor, self.at, self.end = descriptor, run.start, run.end

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads at most len(buffer) bytes."""
        found = os.pread(self.descriptor, min(len(buffer), self.end - self.at), self.at)
        buffer[: len(found)] = found
        self.at += len(found)
        return len(found)


def _read(descriptor: int, run: Run) -> Iterator[bytes]:
    """Yields the records of a run."""
    stream = io.BufferedReader(RunReader(descriptor, run), READ_BYTES)
    while head := stream.read(HEAD.size):
        _, _, kind, value = HEAD.unpack(head)
        yield head + stream.read(kind + value)
