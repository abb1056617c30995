"""A queue on disk: records are appended now and read much later, in constant memory."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

SEGMENT_BYTES = 64 << 20


@dataclass
class Segment:
    """Consecutive records, in an unnamed temporary file that is deleted when it is closed."""

    first: int
    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    ends: list[int] = field(default_factory=list)

    def append(self, value: bytes) -> None:
        self.file.seek(self.ends[-1] if self.ends else 0)
        self.file.write(value)
        self.ends.append((self.ends[-1] if self.ends else 0) + len(value))

    def get(self, number: int) -> bytes:
        i = number - self.first
        start = self.ends[i - 1] if i else 0
        self.file.seek(start)
        return self.file.read(self.ends[i] - start)


class DiskQueue:
    """Records numbered from 0."""

    def __init__(self) -> None:
        self._segments: deque[Segment] = deque([Segment(0)])
        self._written = 0
        self._read = 0

    @property
    def unread(self) -> int:
        return self._written - self._read

    def append(self, values: list[bytes]) -> None:
        """Appends records."""
        for value in values:
            last = self._segments[-1]
            if last.ends and last.ends[-1] >= SEGMENT_BYTES:
                last = Segment(self._written)
                self._segments.append(last)
            last.append(value)
            self._written += 1

    def read(self) -> tuple[int, bytes]:
        """Returns the next record and its number."""
        number = self._read
        self._read += 1
        return number, self._get(number)

    def all_from(self, number: int) -> Iterator[bytes]:
        """Returns every record from `number` on, read or not."""
        return map(self._get, range(number, self._written))

    def forget(self, number: int) -> None:
        """Drops segments of records before `number`: they are not read again."""
        while len(self._segments) > 1 and self._segments[1].first <= number:
            self._segments.popleft()

    def _get(self, number: int) -> bytes:
        return next(s for s in reversed(self._segments) if s.first <= number).get(number)
