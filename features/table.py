"""The state of a partition: a row for each customer, a column for each aggregate.

Each row is contiguous in memory, since events concern scattered customers: a row is twelve cache lines, where separate
columns would need ninety.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from features.names import grow, new_names
from features.portable_math import Array
from schemas.native import arrays

Slots = NDArray[np.intp]
FIRST_CAPACITY = 1 << 16  # of address space: so large an array is mapped, and then grown without copying
ALL = slice(None)
TURNED_AT_ONCE = 256  # rows transposed at a time: they fit into the processor's cache, ten times as fast


class Table:
    """Customers' rows, found by name; `dirty` marks the rows changed since the last checkpoint. Their memory moves when
    they grow: a thread that does not apply events, such as the one of the pages, reads them while it holds `stays`.
    """

    def __init__(self, empty: Array) -> None:
        """empty: (columns,), the row of a customer without events."""
        self.empty = empty
        self.names, self.stays = new_names(), Lock()
        self.rows: Array = np.zeros((FIRST_CAPACITY, len(empty)))
        self.dirty: NDArray[np.bool_] = np.zeros(FIRST_CAPACITY, np.bool_)

    def __len__(self) -> int:
        return len(self.names)

    def slots(self, names: Sequence[str]) -> Slots:
        """Returns the slot of each customer; an unknown customer gets a new row."""
        first, slots = len(self.names), self.names.add(names)
        n = len(self.names)
        if n > first:
            with self.stays:
                grow(self.rows, n)
                grow(self.dirty, n)
            self.rows[first:n] = self.empty
        return slots

    def slot(self, name: str) -> int | None:
        """Returns the slot of a customer; None: it has none."""
        slot = int(self.names.find([name])[0])
        return None if slot < 0 else slot

    def gather(self, slots: Slots, columns: slice = ALL) -> Array:
        """Returns a copy, (columns, n), in which each column is contiguous."""
        rows = self.rows[:, columns]
        if (found := arrays.gather(rows, slots)) is not None:
            return found
        block = np.empty((rows.shape[1], len(slots)))
        for part in _parts(len(slots)):
            block[:, part] = rows[slots[part]].T
        return block

    def scatter(self, slots: Slots, block: Array) -> None:
        """Writes back a block from `gather`; the slots are distinct."""
        if not arrays.scatter(self.rows, slots, block):
            for part in _parts(len(slots)):
                self.rows[slots[part]] = block[:, part].T
        self.dirty[slots] = True

    def forget(self, slots: Slots) -> None:
        """Empties the rows of these customers. They keep their slots, since pending records may refer to them."""
        self.rows[slots] = self.empty
        self.dirty[slots] = True


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + TURNED_AT_ONCE) for start in range(0, n, TURNED_AT_ONCE))
