"""Chunks of a .jsonl: each line an event or a heartbeat, kinds mixed as they come."""

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
    """The lines stay bytes and what is missing is added to them: so decoding sees what the file says, keys
    that stand there twice included. What is not an object is passed on as it is, for decoding to refuse."""

    def __init__(self, name: FileName) -> None:
        self.name, self.ids = name, DerivedIds()
        self.fallback_kind = name.kind or KINDS[0]  # whose decoder meets what has no kind of its own

    def chunks(self) -> Iterator[Chunk]:
        """The file's lines but the blank ones."""
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
        """The kind of a line and the line with nothing missing."""
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
    """The line, which is an object, with more fields at its end."""
    return line.rstrip()[:-1] + (b"," if follows else b"") + orjson.dumps(missing)[1:]
