"""Complaints applied to tasks: each opened one becomes a task, each resolved one ends the oldest that is open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.aggregates import Layout, Total
from features.portable_math import Array
from features.signals import COMPLAINTS, RESOLVED
from features.table import Slots
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, Rows
from streams.cases.columns import ATTRIBUTES, WIDTH
from streams.cases.emitter import Emitter
from streams.interventions.tasks import Task, concerns

OPENED_CODE, RESOLVED_CODE = ACTIVITY_TYPES.index("complaint_opened"), ACTIVITY_TYPES.index("complaint_resolved")


class Complaints:
    """Applies the rows of one tick a customer, after `Responses`."""

    def __init__(self, emitter: Emitter, names: Sequence[str], layout: Layout) -> None:
        self.emitter, self._names = emitter, names
        self._opened, self._resolved = layout.column[Total(COMPLAINTS)], layout.column[Total(RESOLVED)]

    def take(self, slots: Slots, block: Array, due_us: NDArray[np.int64], rows: Rows, group: NDArray[np.intp]) -> None:
        """block: (columns, groups), with the rows added; slots and due_us: (groups,); rows in canonical order, group:
        the group of each row.
        """
        code = rows["code"]
        found = np.flatnonzero((rows["kind"] == APP_ACTIVITY) & ((code == OPENED_CODE) | (code == RESOLVED_CODE)))
        for j in found.tolist():
            i = int(group[j])
            self._take(int(slots[i]), block[-WIDTH:, i], int(due_us[i]), rows[j])
        for i in dict.fromkeys(group[found].tolist()):
            if block[self._opened, i] <= block[self._resolved, i]:  # an opened one may come after its resolution
                self.end(int(slots[i]), block[-WIDTH:, i], np.inf, "done", int(due_us[i]))

    def end(self, slot: int, cases: Array, most: float, status: str, at_us: int) -> None:
        """Ends tasks of the customer, the oldest first, at most so many. cases: (WIDTH,), the case columns."""
        for task in self.emitter.casebook.end_tasks(slot, most, at_us):
            self.emitter.task(self._names[slot], cases, task, status, at_us)

    def _take(self, slot: int, cases: Array, at_us: int, row: np.void) -> None:
        if row["code"] == RESOLVED_CODE:
            self.end(slot, cases, float(row["count"]), "done", at_us)
            return
        profile, attributes = self.emitter.profile, self.emitter.attributes_table[cases[ATTRIBUTES]]
        if concerns(profile, attributes) and not profile.case.is_history(at_us):
            task = Task(int(row["time_us"]), int(row["id"]), at_us)
            self.emitter.casebook.open_task(slot, task, at_us)
            self.emitter.task(self._names[slot], cases, task, "open", at_us)
