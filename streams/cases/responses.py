"""Outcomes, customer profiles and retention events applied to cases and case columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from features.table import Slots
from schemas.columns import CAUSES, CUSTOMER_PROFILE, KINDS, Details, Rows
from streams.cases.columns import ATTRIBUTES, CONTACTED, CUT, NEVER, PENDING, PROFILE_US, RETRY, VALUE
from streams.cases.emitter import Emitter
from streams.cases.erasures import is_erasure
from streams.interventions.customer_attributes import CustomerAttributes
from streams.interventions.gate import has_withdrawn

SOLD = 1 << CAUSES.index("vehicle_sold")


class Responses:
    """Applies the rows of one tick a customer, before the customer is scored at its end."""

    def __init__(self, emitter: Emitter, names: Sequence[str], retention: Sequence[int]) -> None:
        """retention: the kinds of retention events."""
        self.emitter, self._names = emitter, names
        self._is_retention = np.isin(np.arange(len(KINDS)), retention)  # by kind

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
            relevant |= known[group] & (self._is_retention[rows["kind"]] | (rows["causes"] & SOLD > 0))
        for j in np.flatnonzero(relevant).tolist():
            i = int(group[j])
            self._take(int(slots[i]), cases[:, i], int(due_us[i]), rows[j], details)

    def _take(self, slot: int, cases: Array, at_us: int, row: np.void, details: Mapping[int, Details]) -> None:
        casebook, time_us, number = self.emitter.casebook, int(row["time_us"]), int(row["details"])
        if not number:
            updates = casebook.vehicle_sold(slot, at_us) if row["causes"] & SOLD else []
            if self._is_retention[row["kind"]]:
                updates += casebook.retained(slot, time_us, at_us)
        elif row["kind"] != CUSTOMER_PROFILE:
            updates = casebook.outcome(slot, details[number], time_us, at_us)
            self.emitter.counts[f"outcomes_{details[number]['status']}"] += 1
            if details[number]["status"] != "acknowledged" and updates[0]["status"] != "ignored":
                cases[CONTACTED] = max(cases[CONTACTED], time_us)
        elif is_erasure(details[number]):  # erasures.py
            return
        else:
            updates = casebook.consent(slot, self._profile(cases, details[number], time_us), at_us)
            if cases[RETRY] == np.inf and cases[PENDING] == NEVER:  # what kept the customer out of the backlog
                cases[RETRY] = NEVER
        self.emitter.updates(self._names[slot], at_us, updates)

    def _profile(self, cases: Array, fields: Details, time_us: int) -> CustomerAttributes:
        """Applies a customer profile; of one older than that in force only what it says about channels."""
        table, in_force_us = self.emitter.attributes_table, float(cases[PROFILE_US])
        before = table[cases[ATTRIBUTES]]
        attributes, cases[PROFILE_US] = before.joined(in_force_us, CustomerAttributes.of(fields), time_us)
        if time_us >= in_force_us:
            cases[VALUE] = fields.get("value", np.nan)
        if np.isfinite(in_force_us) and has_withdrawn(self.emitter.profile, before, attributes):
            cases[CUT] = max(cases[CUT], time_us)
        cases[ATTRIBUTES] = table.number(attributes)
        return attributes
