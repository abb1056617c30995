"""Chunks of a .jsonl: each line is an event or a heartbeat, kinds may be mixed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from schemas.columns import KINDS
from schemas.events import MARKS
from streams.files.chunks import CHUNK_ROWS, Chunk, RowsOfKind
from streams.files.compression import whole_lines
from streams.files.derived_ids import DerivedIds, plain_number
from streams.files.file_names import FileName

Line = tuple[int, bytes]


class JsonLines:
    """Keeps lines as bytes and adds missing fields to them, so that decoding sees the file's own text, repeated keys
    included. A line that is no object is passed on unchanged: decoding refuses it."""

    def __init__(self, name: FileName) -> None:
        self.name, self.ids = name, DerivedIds()
        self.fallback_kind = name.kind or KINDS[0]  # its decoder gets the lines that have no kind

    def chunks(self) -> Iterator[Chunk]:
        """Yields the file's lines, without blank ones."""
        before = 0
        for block in whole_lines(self.name):
            lines = block.removesuffix(b"\n").split(b"\n")
            numbered = [(number, line) for number, line in enumerate(lines, before + 1) if line.strip()]
            before += len(lines)
            for i in range(0, len(numbered), CHUNK_ROWS):
                yield self._chunk(numbered[i : i + CHUNK_ROWS])

    def _chunk(self, numbered: list[Line]) -> Chunk:
        places: dict[str, list[int]] = {}
        values = []
        for place, (_, line) in enumerate(numbered):
            kind, value = self._completed(line)
            places.setdefault(kind, []).append(place)
            values.append(value)
        parts = [RowsOfKind(kind, np.array(p, np.intp), None, [values[i] for i in p]) for kind, p in places.items()]
        return Chunk(self.name.file, np.array([number for number, _ in numbered], np.int64), parts)

    def _completed(self, line: bytes) -> tuple[str, bytes]:
        """Returns the kind of a line and the line with missing fields added."""
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            return self.fallback_kind, line
        if not isinstance(found, dict):
            return self.fallback_kind, line
        kind = found.get("kind", self.name.kind)
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
        if "event_id" not in found and kind not in MARKS:
            row = {name: plain_number(value) for name, value in found.items()}
            [missing["event_id"]] = self.ids.of([row | missing])
        if "producer" not in found:
            missing["producer"] = self.name.file
        return missing


def _with(line: bytes, missing: dict[str, Any], follows: bool) -> bytes:
    """Returns the line, a JSON object, with more fields at its end."""
    return line.rstrip()[:-1] + (b"," if follows else b"") + orjson.dumps(missing)[1:]
