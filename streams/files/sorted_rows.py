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
from operator import itemgetter
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
MALFORMED = "\0"  # where others have their kind

Row = tuple[int, int, str, bytes]  # key, line, kind, value


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
        waiting: list[Row] = []
        size = 0
        for chunk in self.source.chunks:
            found = self._rows(chunk)
            waiting += found
            size += sum(len(value) + HEAD.size for _, _, _, value in found)
            self.meter.next_block(self.source.meter.read)
            if size >= self.run_bytes:
                self.runs.append(_written(file, _in_order(waiting)))
                waiting, size = [], 0
        self.meter.doing = ""
        file.flush()
        runs = [_read(file.fileno(), run) for run in self.runs]
        return heapq.merge(*runs, _in_order(waiting), key=itemgetter(0))  # stable: earlier runs first

    def _rows(self, chunk: Chunk) -> list[Row]:
        kinds, values, times = [""] * chunk.size, chunk.values(), [None] * chunk.size
        for part in chunk.parts:
            for place, time in zip(part.places.tolist(), part.times(), strict=True):
                kinds[place], times[place] = part.kind, time
        for one in chunk.malformed:
            refused = one.refused
            kinds[refused.index] = MALFORMED
            values[refused.index] = orjson.dumps([refused.field, refused.rule, refused.sentence]) + b"\n" + one.value
        self.rows += chunk.size
        return list(zip(self._keys(times, values), chunk.lines.tolist(), kinds, values, strict=True))

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
        places: dict[str, list[int]] = {}
        for place, (_, _, kind, _) in enumerate(rows):
            places.setdefault(kind, []).append(place)
        malformed = [_malformed(place, rows[place][3]) for place in places.pop(MALFORMED, [])]
        parts = [
            RowsOfKind(kind, np.array(at, np.intp), None, [self.completion.completed(rows[i][3])[1] for i in at])
            for kind, at in places.items()
        ]
        return Chunk(self.source.file, np.array([line for _, line, _, _ in rows], np.int64), parts, malformed)


def _is_mark(value: bytes) -> bool:
    may_be = b"heartbeat" in value or b"end" in value  # most rows need not be parsed
    return may_be and (parsed_object(value) or {}).get("kind") in list(MARKS)


def _malformed(place: int, value: bytes) -> MalformedRow:
    why, _, line = value.partition(b"\n")
    return MalformedRow(Refused(place, *orjson.loads(why)), line)


def _in_order(rows: list[Row]) -> Iterator[Row]:
    order = np.argsort(np.array([key for key, _, _, _ in rows], np.int64), kind="stable")
    return (rows[i] for i in order.tolist())


def _written(file: IO[bytes], rows: Iterator[Row]) -> Run:
    start = file.tell()
    for key, line, kind, value in rows:
        name = kind.encode()
        file.write(HEAD.pack(key, line, len(name), len(value)) + name + value)
    return Run(start, file.tell())


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


def _read(descriptor: int, run: Run) -> Iterator[Row]:
    stream = io.BufferedReader(RunReader(descriptor, run), READ_BYTES)
    while head := stream.read(HEAD.size):
        key, line, kind, value = HEAD.unpack(head)
        yield key, line, stream.read(kind).decode(), stream.read(value)
