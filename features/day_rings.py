"""The newest distinct days of a signal, packed into columns of a customer's row.

A column holds PER_COLUMN days as one whole number of float64, newest first: day + 1 in DAY_BITS bits each, 0 for none.
The newest days of a set do not depend on the order in which the days came, so they commute as sums do. Days
before 1970 are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from features.local_days import Days
from features.portable_math import Array

DAY_BITS, PER_COLUMN, COLUMNS = 17, 3, 3
KEPT = PER_COLUMN * COLUMNS  # days
MASK = (1 << DAY_BITS) - 1
SHIFTS = np.array([DAY_BITS * i for i in reversed(range(PER_COLUMN))])
NONE = -1

Index = NDArray[np.intp]


def unpack(block: Array) -> Days:
    """Returns the days, (KEPT, n), newest first, NONE behind the last. block: (COLUMNS, n)."""
    numbers = block.astype(np.int64)
    days: Days = ((numbers[:, None, :] >> SHIFTS[:, None]) & MASK).reshape(KEPT, -1) - 1
    return days


def unpack_one(numbers: Iterable[float]) -> list[int]:
    """Returns the days of one customer, newest first. numbers: the COLUMNS, in order."""
    shifted = (int(number) >> shift & MASK for number in numbers for shift in SHIFTS.tolist())
    return [number - 1 for number in takewhile(bool, shifted)]


def pack(days: Days) -> Array:
    """Returns the columns, (COLUMNS, n), of `unpack`."""
    parts = (days + 1).reshape(COLUMNS, PER_COLUMN, -1) << SHIFTS[:, None]
    columns: Array = parts.sum(axis=1).astype(np.float64)
    return columns


def add(block: Array, groups: Index, days: Days) -> None:
    """Adds days to the columns of their groups, in place. block: (COLUMNS, groups); groups, ascending, and days:
    (events,).
    """
    newest = (block[0].astype(np.int64) >> int(SHIFTS[0])) - 1
    fresh = (days != newest[groups]) & (days >= 0)
    if not fresh.any():
        return
    fresh[1:] &= (groups[1:] != groups[:-1]) | (days[1:] != days[:-1])
    groups, days = groups[fresh], days[fresh]
    simple, same = days > newest[groups], groups[1:] == groups[:-1]
    simple[1:] &= ~same
    simple[:-1] &= ~same
    _push(block, groups[simple], days[simple])
    if not simple.all():
        _merge(block, groups[~simple], days[~simple])


def _push(block: Array, groups: Index, days: Days) -> None:
    """Adds a day that is newer than all others to each of these groups: nearly all days that are new."""
    carry = days + 1
    for i in range(COLUMNS):
        numbers = block[i, groups].astype(np.int64)
        block[i, groups] = (carry << int(SHIFTS[0])) | (numbers >> DAY_BITS)
        carry = numbers & MASK


def _merge(block: Array, groups: Index, days: Days) -> None:
    """Adds any days to the columns of their groups."""
    pairs = np.unique(np.stack([groups, -days]), axis=1)  # by group, newest first
    at, first, count = np.unique(pairs[0], return_index=True, return_counts=True)
    rank = np.arange(pairs.shape[1]) - np.repeat(first, count)
    kept = rank < KEPT
    new = np.full((KEPT, len(at)), NONE, np.int64)
    new[rank[kept], np.repeat(np.arange(len(at)), count)[kept]] = -pairs[1, kept]
    block[:, at] = pack(_newest(np.concatenate([unpack(block[:, at]), new])))


def _newest(days: Days) -> Days:
    """Returns the KEPT newest distinct days of each column, newest first. days: (any, n)."""
    ordered = -np.sort(-days, axis=0)
    ordered[1:][ordered[1:] == ordered[:-1]] = NONE
    newest: Days = -np.sort(-ordered, axis=0)[:KEPT]
    return newest
