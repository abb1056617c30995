"""Which customers of the table are known, active, silent for long, or forgotten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.aggregates import Last, Layout
from features.signals import KNOWN, RETAINED
from features.table import Slots, Table
from streams.profile.learning_sections import Label


class Lifespans:
    """Reads the last events of customers in the table."""

    def __init__(self, table: Table, layout: Layout, label: Label) -> None:
        self._table, self._label = table, label
        self._last_retained, self._last_known = layout.column[Last(RETAINED)], layout.column[Last(KNOWN)]

    def known(self) -> int:
        """How many customers have had an event."""
        return int((self._column(self._last_known) > -np.inf).sum())

    def active(self, at_us: int) -> Slots:
        """Customers with a retention event in [at - lapsed_after, at]."""
        return np.flatnonzero(self._column(self._last_retained) >= at_us - self._label.lapsed_after_us)

    def is_active(self, slots: Slots, at_us: int) -> NDArray[np.bool_]:
        """(slots,): whether each of these customers is active."""
        active: NDArray[np.bool_] = self._table.rows[slots, self._last_retained] >= at_us - self._label.lapsed_after_us
        return active

    def silent(self, at_us: int) -> Slots:
        """Customers without any event for `forgotten_after`."""
        last = self._column(self._last_known)
        return np.flatnonzero((last > -np.inf) & (last < at_us - self._label.forgotten_after_us))

    def is_forgotten(self, slots: Slots) -> NDArray[np.bool_]:
        """(slots,): whose row is the empty one, to the bit: neither an event nor a profile is known."""
        forgotten: NDArray[np.bool_] = self._table.rows[slots, self._last_known] == -np.inf
        rows, empty = self._table.rows[slots[forgotten]], self._table.empty
        forgotten[forgotten] = (rows.view(np.uint64) == empty.view(np.uint64)).all(axis=1)
        return forgotten

    def _column(self, column: int) -> NDArray[np.float64]:
        return self._table.rows[: len(self._table), column]
