"""The event_id of a row that has none: what the row says, and which of the equal ones it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orjson import OPT_SORT_KEYS, dumps
from xxhash import xxh3_64_hexdigest as _digest

MOST_COUNTED = 1 << 18  # different rows that are remembered, about 100 bytes each
EXACT = 2**53  # up to here a float and a whole number can be the same


class DerivedIds:
    """Ids of the rows of one file, in its order.

    Equal rows are counted for each event time. Beyond `most` different rows those of the oldest times are
    forgotten, so that memory does not grow with the file; equal rows get different ids while no more than
    that lie between them. The newest time is never forgotten: very many rows of one instant do need memory.
    """

    def __init__(self, most: int = MOST_COUNTED) -> None:
        self.most, self.counted = most, 0
        self.times: dict[str, dict[str, int]] = {}  # event time as written -> digest of a row -> how many before

    def of(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """The ids of the file's next rows, whatever their fields' order; their numbers are plain ones."""
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
        """Down to half, so that looking for the oldest is rare."""
        for time in sorted(self.times)[:-1]:
            self.counted -= len(self.times.pop(time))
            if self.counted <= self.most // 2:
                break


def plain_number(value: Any) -> Any:
    """A float without a fraction as the whole number it is, anything else as it came. Whether 2 is kept as
    2.0 depends on the format, and must not change an id."""
    return int(value) if type(value) is float and value.is_integer() and abs(value) <= EXACT else value
