"""Erasures: all that is known of a customer ends, and nobody contacts the customer until a later profile says so.

An erasure is a record without a value on `customer-profiles`, a profile without fields, or one that says `erased`, as
`keepline erase` sends it. Row, cases, contacts, candidates and the published score end in its tick, whatever else the
tick has; of the customer's events those of later ticks count. A tombstone has no event time but its place in the
topic, which is a matter of ticks: so ticks are compared, and any number of partitions gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from features.table import Slots
from schemas.columns import CUSTOMER_PROFILE, Details, Rows
from streams.cases.columns import ATTRIBUTES, CUT, PROFILE_US, VALUE, WIDTH
from streams.cases.emitter import Emitter
from streams.interventions.customer_attributes import CustomerAttributes


def is_erasure(fields: Details) -> bool:
    """Whether a customer profile with these fields erases the customer."""
    return not fields or "erased" in fields


class Erasures:
    """Applies the erasures of a tick before all else in it."""

    def __init__(self, emitter: Emitter, names: Sequence[str], empty: Array, tick_us: int) -> None:
        """empty: (columns,), the row of a customer of whom nothing is known."""
        self.emitter, self._names, self._empty, self._tick_us = emitter, names, empty, tick_us

    def take(
        self, slots: Slots, block: Array, due_us: NDArray[np.int64], rows: Rows, group: NDArray[np.intp],
        details: Mapping[int, Details],
    ) -> tuple[NDArray[np.bool_] | None, list[int]]:  # fmt: skip
        """block: (columns, groups), changed in place; slots and due_us: (groups,); group: (rows,). Returns which rows
        count, (rows,), None: all, and the slots of those who were erased.
        """
        erased = []
        for j in np.flatnonzero((rows["details"] > 0) & (rows["kind"] == CUSTOMER_PROFILE)).tolist():
            i = int(group[j])
            if is_erasure(details[int(rows["details"][j])]):
                self._erase(int(slots[i]), block[:, i], int(due_us[i]), int(rows["time_us"][j]))
                erased.append(int(slots[i]))
        return self._counting(block, rows, group), erased

    def _counting(self, block: Array, rows: Rows, group: NDArray[np.intp]) -> NDArray[np.bool_] | None:
        """Leaves out events of ticks up to that of the customer's erasure."""
        erased_us = self.emitter.attributes_table.erased_us
        if not erased_us:
            return None
        numbers = block[ATTRIBUTES - WIDTH].astype(np.int64)
        if not np.isin(numbers, list(erased_us)).any():
            return None
        last_us = np.array([erased_us.get(number, -1) for number in numbers.tolist()])[group]
        counts: NDArray[np.bool_] = (rows["details"] > 0) | (self._tick(rows["time_us"]) > self._tick(last_us))
        return counts

    def _erase(self, slot: int, row: Array, at_us: int, time_us: int) -> None:
        """Erases a customer; of one whose profile in force is newer, all but that profile."""
        table, cases = self.emitter.attributes_table, row[-WIDTH:]
        before, in_force_us = table[cases[ATTRIBUTES]], float(cases[PROFILE_US])
        if before.erased_us is not None and time_us <= before.erased_us:
            return
        for task in self.emitter.casebook.end_tasks(slot, np.inf, at_us):
            self.emitter.task(self._names[slot], cases, task, "withdrawn", at_us)
        value = float(cases[VALUE]) if time_us < in_force_us else np.nan
        after, in_force_us = before.joined(in_force_us, CustomerAttributes(erased_us=time_us), time_us)
        self.emitter.counts["erased"] += int((row[:-WIDTH] != self._empty[:-WIDTH]).any())
        row[:] = self._empty
        cases[[ATTRIBUTES, PROFILE_US, VALUE, CUT]] = table.number(after), in_force_us, value, time_us
        self.emitter.updates(self._names[slot], at_us, self.emitter.casebook.erase(slot, at_us))

    def _tick(self, times_us: NDArray[np.int64]) -> NDArray[np.int64]:
        ends: NDArray[np.int64] = -(-times_us // self._tick_us)
        return ends
