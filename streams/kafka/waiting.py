"""How long the oldest record of a source that is not applied has waited, by the records' own timestamps.

Records wait on the broker, then in the feed. Of those that were read the timestamp of every EVERY-th is kept, of a
fetch at least that of the first; so the answer is exact for the first record of a fetch, and otherwise early by the
time that at most EVERY records span.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

EVERY = 16


class Waiting:
    """Records of one source. The event loop changes it, threads of pages ask."""

    def __init__(self) -> None:
        self._read: deque[tuple[int, int]] = deque()  # offset and timestamp (us) of records, ascending
        self._unread_us: int | None = None  # since when a record that is not read has waited; None: there is none

    def fetched(self, records: Sequence[Any], next_offset: int, end: int | None, applied: int, now_us: int) -> None:
        """A fetch has ended. next_offset: where reading goes on; end: high watermark; applied: the next to apply."""
        read = self._read
        read.extend((one.offset, one.timestamp * 1000 if one.timestamp >= 0 else now_us) for one in records[::EVERY])
        while len(read) > 1 and read[1][0] <= applied:
            read.popleft()
        if end is None or end <= next_offset:
            self._unread_us = None
        elif records:
            self._unread_us = max(records[-1].timestamp, 0) * 1000 or now_us
        elif self._unread_us is None:  # hidden by an open transaction, or not sent yet: its timestamp is unknown
            self._unread_us = now_us

    def since_us(self, applied: int, read: int) -> int | None:
        """Timestamp of the oldest record at `applied` or behind; None: none is known. read: the next offset to read."""
        if applied >= read:
            return self._unread_us
        before = [at_us for offset, at_us in list(self._read) if offset <= applied]
        first = next(iter(list(self._read)), None)
        return before[-1] if before else first and first[1]
