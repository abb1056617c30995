"""Outcomes, customer profiles and retention events applied to cases and case columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from features.table import Slots
from schemas.columns import CAUSES, CUSTOMER_PROFILE, Details, Rows
from streams.cases.columns import ATTRIBUTES, CONTACTED, CUT, NEVER, PENDING, PROFILE_US, RETRY, VALUE
from streams.cases.emitter import Emitter
from streams.interventions.customer_attributes import CustomerAttributes
from streams.interventions.gate import has_withdrawn

SOLD = 1 << CAUSES.index("vehicle_sold")


class Responses:
    """Applies the rows of one tick a customer, before the customer is scored at its end."""

    def __init__(self, emitter: Emitter, names: Sequence[str], retention: Sequence[int]) -> None:
        """retention: the kinds of retention events."""
        self.emitter, self._names = emitter, names
        self._retention = np.array(retention)

    def take(
        self, slots: Slots, cases: Array, due_us: NDArray[np.int64], rows: Rows, group: NDArray[np.intp],
        details: Mapping[int, Details],
    ) -> None:  # fmt: skip
        """cases: (WIDTH, groups), changed in place; slots and due_us: (groups,); rows in canonical order, group: the
        group of each row.
        """
        relevant = rows["details"] > 0
        known = self.emitter.casebook.has(slots)
        if known.any():
            relevant |= known[group] & (np.isin(rows["kind"], self._retention) | (rows["causes"] & SOLD > 0))
        for j in np.flatnonzero(relevant).tolist():
            i = int(group[j])
            self._take(int(slots[i]), cases[:, i], int(due_us[i]), rows[j], details)

    def _take(self, slot: int, cases: Array, at_us: int, row: np.void, details: Mapping[int, Details]) -> None:
        casebook, time_us, number = self.emitter.casebook, int(row["time_us"]), int(row["details"])
        if not number:
            updates = casebook.vehicle_sold(slot, at_us) if row["causes"] & SOLD else []
            if row["kind"] in self._retention:
                updates += casebook.retained(slot, time_us, at_us)
        elif row["kind"] != CUSTOMER_PROFILE:
            updates = casebook.outcome(slot, details[number], time_us, at_us)
            if details[number]["status"] != "acknowledged" and updates[0]["status"] != "ignored":
                cases[CONTACTED] = max(cases[CONTACTED], time_us)
        elif time_us < cases[PROFILE_US]:  # older than the profile in force
            return
        else:
            attributes = CustomerAttributes.of(details[number])
            if not details[number] or self._withdraws(cases, attributes):
                cases[CUT] = time_us
            cases[ATTRIBUTES], cases[PROFILE_US] = self.emitter.attributes_table.number(attributes), time_us
            cases[VALUE] = details[number].get("value", np.nan)
            if cases[RETRY] == np.inf and cases[PENDING] == NEVER:  # what kept the customer out of the backlog
                cases[RETRY] = NEVER
            updates = casebook.consent(slot, attributes, at_us)
        self.emitter.updates(self._names[slot], at_us, updates)

    def _withdraws(self, cases: Array, attributes: CustomerAttributes) -> bool:
        """Whether a profile withdraws the consent that the one before gave."""
        known = cases[PROFILE_US] > -np.inf
        return bool(known) and has_withdrawn(
            self.emitter.profile, self.emitter.attributes_table[cases[ATTRIBUTES]], attributes
        )
