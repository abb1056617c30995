"""Chunks of a .jsonl: each line is an event or a heartbeat, kinds may be mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import orjson

from schemas.columns import KINDS
from schemas.errors import UsageError
from schemas.events import MARKS
from schemas.refusals import excerpt
from streams.files.chunks import CHUNK_ROWS, Chunk, RowsOfKind, parsed_object
from streams.files.compression import Meter, whole_lines
from streams.files.derived_ids import DerivedIds, plain_number
from streams.files.file_names import FileName
from streams.files.read_options import ReadOptions

Line = tuple[int, bytes]
SAMPLE = 100  # lines that show what a file is
EVENTS_OR_MARKS = (*KINDS, *MARKS)  # compared one by one: a kind may be a list


class JsonLines:
    """Keeps lines as bytes and adds missing fields to them, so that decoding sees the file's own text, repeated keys
    included. A line that is no object is passed on unchanged: decoding refuses it."""

    def __init__(self, name: FileName, options: ReadOptions, meter: Meter) -> None:
        self.name, self.meter = name, meter
        self.completion = LineCompletion(name.file, name.kind, options.derives_ids)
        blocks = whole_lines(name, meter, options.encoding)
        first = next(blocks, b"")
        if name.kind is None:
            self._check_events(first.split(b"\n", SAMPLE)[:SAMPLE])
        self.blocks = chain([first] if first else [], blocks)

    def remarks(self) -> list[str]:
        """Returns no remark: lines are read as they are."""
        return []

    def chunks(self) -> Iterator[Chunk]:
        """Yields the file's lines, without blank ones."""
        before = 0
        for block in self.blocks:
            lines = block.removesuffix(b"\n").split(b"\n")
            numbered = [(number, line) for number, line in enumerate(lines, before + 1) if line.strip()]
            before += len(lines)
            for i in range(0, len(numbered), CHUNK_ROWS):
                self.meter.inner = i / len(numbered)
                yield self._chunk(numbered[i : i + CHUNK_ROWS])

    def _chunk(self, numbered: list[Line]) -> Chunk:
        places: dict[str, list[int]] = {}
        values = []
        for place, (_, line) in enumerate(numbered):
            kind, value = self.completion.completed(line)
            places.setdefault(kind, []).append(place)
            values.append(value)
        parts = [RowsOfKind(kind, np.array(p, np.intp), None, [values[i] for i in p]) for kind, p in places.items()]
        return Chunk(self.name.file, np.array([number for number, _ in numbered], np.int64), parts)

    def _check_events(self, lines: Sequence[bytes]) -> None:
        """Raises UsageError when lines are objects and none is an event: the file is of another kind."""
        found = [parsed_object(line) for line in lines if line.strip()]
        if not found or any(one is None or one.get("kind") in EVENTS_OR_MARKS for one in found):
            return
        kind, expected = (found[0] or {}).get("kind"), ", ".join(KINDS)
        came = "has no kind" if kind is None else f"has the kind {excerpt(kind)}"
        raise UsageError(
            f"{self.name.path}: has no events: the object in its first line {came}, expected one of {expected}; leave "
            "the file out, or name the kind of its lines with --kind"
        )


class LineCompletion:
    """Adds missing fields to lines that are objects."""

    def __init__(self, file: str, kind: str | None, derives_ids: bool = True) -> None:
        self.file, self.kind, self.derives_ids, self.ids = file, kind, derives_ids, DerivedIds()
        self.fallback_kind = kind or KINDS[0]  # its decoder gets the lines that have no kind

    def completed(self, line: bytes) -> tuple[str, bytes]:
        """Returns the kind of a line and the line with missing fields added."""
        found = parsed_object(line)
        if found is None:
            return self.fallback_kind, line
        kind = found.get("kind", self.kind)
        kind = kind if isinstance(kind, str) else ""
        missing = self._missing(found, kind)
        if missing:
            line = _with(line, missing, bool(found))
        return self.fallback_kind if kind in MARKS else kind, line

    def _missing(self, found: dict[str, Any], kind: str) -> dict[str, Any]:
        missing: dict[str, Any] = {}
        if "kind" not in found and kind:
            missing["kind"] = kind
        if "schema_version" not in found:
            missing["schema_version"] = 1
        if not self.derives_ids:
            return missing
        if "event_id" not in found and kind not in MARKS:
            row = {name: plain_number(value) for name, value in found.items()}
            [missing["event_id"]] = self.ids.of([row | missing])
        if "producer" not in found:
            missing["producer"] = self.file
        return missing


def _with(line: bytes, missing: dict[str, Any], follows: bool) -> bytes:
    """Returns the line, a JSON object, with more fields at its end."""
    return line.rstrip()[:-1] + (b"," if follows else b"") + orjson.dumps(missing)[1:]
