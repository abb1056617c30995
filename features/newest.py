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
    """Adds events to the columns of their groups, in place. block: (KEPT, groups); the others: (events,), by group and
    time.
    """
    repeats = np.minimum(count, KEPT).astype(np.intp)
    groups, time_us = np.repeat(groups, repeats), np.repeat(time_us, repeats)
    for _ in range(KEPT):  # the newest that is left of each group; the others are older than KEPT of it
        if not len(groups):
            return
        last = is_last(groups)
        at, instant = groups[last], time_us[last]
        for column in block:
            older = column[at]
            column[at], instant = np.maximum(older, instant), np.minimum(older, instant)
        groups, time_us = groups[~last], time_us[~last]


def is_last(groups: Index) -> NDArray[np.bool_]:
    """(events,): which events are the last of their group. groups: in order, not empty."""
    found = np.ones(len(groups), np.bool_)
    np.not_equal(groups[1:], groups[:-1], out=found[:-1])
    return found
