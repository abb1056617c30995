"""The event_id of a row that has none: a digest of its content, and its number among equal rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orjson import OPT_SORT_KEYS, dumps
from xxhash import xxh3_64_hexdigest as _digest

MOST_COUNTED = 1 << 18  # different rows that are kept, about 100 bytes each
EXACT = 2**53  # up to here a float and a whole number can be the same


class DerivedIds:
    """Ids of the rows of one file, in its order.

    Equal rows are counted for each event time. Beyond `most` different rows the oldest times are dropped, so that
    memory does not grow with the file; equal rows get different ids while no more than `most` different rows are
    between them. The newest time is never dropped: memory does grow with the rows of one instant.
    """

    def __init__(self, most: int = MOST_COUNTED) -> None:
        self.most, self.counted = most, 0
        self.times: dict[str, dict[str, int]] = {}  # event time as written -> digest of a row -> its last number

    def of(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """Returns the ids of the file's next rows, whatever the order of fields; numbers are plain (see below)."""
        return [self._next(str(row.get("event_time")), _digest(dumps(row, str, OPT_SORT_KEYS))) for row in rows]

    def _next(self, time: str, digest: str) -> str:
        group = self.times.get(time)
        if group is None:
            group = self.times[time] = {}
        if digest in group:
            group[digest] += 1
            return f"{digest}-{group[digest]}"
        group[digest] = 0
        self.counted += 1
        if self.counted > self.most:
            self._forget()
        return digest + "-0"

    def _forget(self) -> None:
        """Drops the oldest times down to half the limit, so that it runs rarely."""
        for time in sorted(self.times)[:-1]:
            self.counted -= len(self.times.pop(time))
            if self.counted <= self.most // 2:
                break


def plain_number(value: Any) -> Any:
    """Returns a float without a fraction as an int, anything else unchanged. Whether a file has 2 or 2.0 depends on
    its format, and must not change an id."""
    return int(value) if type(value) is float and value.is_integer() and abs(value) <= EXACT else value
