"""Event ids of the last seven days, by which duplicates are found.

The ids are in an open-addressing hash table in NumPy that is probed for a whole batch: 16 to 32 bytes an id, where a
Python set takes a hundred. Ids have 64 bits. Two different events have the same id once in 10^5 weeks of ten million
events; the second one would be dropped as a duplicate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.instants import DAY_US
from schemas.native import arrays

KEPT_DAYS = 7
PART = 4096  # ids in one row of the changelog

Ids = NDArray[np.uint64]
Flags = NDArray[np.bool_]


class RecentIds:
    """Ids by the day of stream time in which they were applied. A day is deleted once all of it is seven days old."""

    def __init__(self) -> None:
        self._table: Ids = np.zeros(1 << 12, np.uint64)
        self._days: dict[int, list[Ids]] = {}
        self._saved: dict[int, int] = {}  # day -> ids already in the changelog
        self._gone: list[int] = []

    def __len__(self) -> int:
        return sum(self._count(day) for day in self._days)

    @property
    def parts(self) -> int:
        """How many rows the changelog has."""
        return sum(-(-count // PART) for count in self._saved.values())

    def take_new(self, ids: Ids, at_us: int) -> Flags:
        """Returns True where an id is new: neither earlier in `ids` nor in the last seven days. Keeps the new ids."""
        self._forget(at_us)
        ids = np.maximum(ids, np.uint64(1))
        self._reserve(len(ids))
        flags = self._insert(ids)
        if flags.any():
            self._days.setdefault(at_us // DAY_US, []).append(np.sort(ids[flags]))
        return flags

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Returns the changelog rows of ids added or deleted since the last call; value None: a tombstone."""
        changes: list[tuple[bytes, bytes | None]] = []
        for day in self._gone:
            parts = -(-self._saved.pop(day, 0) // PART)
            changes += [(_key(day, part), None) for part in range(parts)]
        self._gone = []
        for day, added in sorted(self._days.items()):
            start = self._saved.get(day, 0) // PART
            ids = self._days[day] = [np.concatenate(added)]
            if len(ids[0]) > self._saved.get(day, 0):
                parts = -(-len(ids[0]) // PART)
                changes += [
                    (_key(day, part), ids[0][part * PART : (part + 1) * PART].astype("<u8").tobytes())
                    for part in range(start, parts)
                ]
                self._saved[day] = len(ids[0])
        return changes

    def load(self, rows: dict[bytes, bytes]) -> None:
        """Restores the ids from the rows of the changelog, as `take_changes` wrote them."""
        for key, value in sorted(rows.items()):
            day, ids = int(key.split(b":")[1]), np.frombuffer(value, "<u8").astype(np.uint64)
            self._reserve(len(ids))
            self._insert(ids)
            self._days.setdefault(day, []).append(ids)
            self._saved[day] = self._saved.get(day, 0) + len(ids)

    def _count(self, day: int) -> int:
        return sum(map(len, self._days[day]))

    def _forget(self, at_us: int) -> None:
        old = [day for day in self._days if (day + 1 + KEPT_DAYS) * DAY_US <= at_us]
        if not old:
            return
        for day in old:
            del self._days[day]
        self._gone += [day for day in old if day in self._saved]
        self._rebuild(len(self))

    def _reserve(self, more: int) -> None:
        if 2 * (len(self) + more) > len(self._table):
            self._rebuild(len(self) + more)

    def _rebuild(self, room: int) -> None:
        self._table = np.zeros(1 << max(12, (2 * room).bit_length()), np.uint64)
        if kept := [ids for arrays in self._days.values() for ids in arrays]:
            self._insert(np.concatenate(kept))

    def _insert(self, ids: Ids) -> Flags:
        """Inserts ids into the table. Returns True where an id is new: neither in the table nor before it."""
        if (found := arrays.insert(self._table, ids)) is not None:
            return found
        unique, first = np.unique(ids, return_index=True)
        flags = np.zeros(len(ids), np.bool_)
        flags[first[self._insert_distinct(unique)]] = True
        return flags

    def _insert_distinct(self, ids: Ids) -> Flags:
        new = np.zeros(len(ids), np.bool_)
        mask = np.uint64(len(self._table) - 1)
        place, left = ids & mask, np.arange(len(ids))
        while len(left):
            held = self._table[place[left]]
            free = left[held == 0]
            self._table[place[free]] = ids[free]  # of several ids for one place the last is kept
            new[free] = self._table[place[free]] == ids[free]
            left = left[(held != ids[left]) & ~new[left]]
            place[left] = (place[left] + np.uint64(1)) & mask
        return new


def _key(day: int, part: int) -> bytes:
    return b"\0ids:%06d:%06d" % (day, part)
