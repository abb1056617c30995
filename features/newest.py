"""The instants of the newest events of a signal, one a column, newest first; an event with a count fills as many.

The newest of a multiset do not depend on the order in which the events came, so they commute as sums do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array

KEPT = 3

Index = NDArray[np.intp]


def add(block: Array, groups: Index, time_us: Array, count: Array) -> None:
    """Adds events to the columns of their groups, in place. block: (KEPT, groups); the others: (events,)."""
    repeats = np.minimum(count, KEPT).astype(np.intp)
    groups, time_us = np.repeat(groups, repeats), np.repeat(time_us, repeats)
    order = np.lexsort((-time_us, groups))
    at, first, size = np.unique(groups[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, size)
    kept = rank < KEPT
    new = np.full((KEPT, len(at)), -np.inf)
    new[rank[kept], np.repeat(np.arange(len(at)), size)[kept]] = time_us[order][kept]
    block[:, at] = -np.sort(-np.concatenate([block[:, at], new]), axis=0)[:KEPT]
