"""The pace at which crossings that waited open cases: the highest net value first, so many a day. Live only.

Crossings wait while a hold lasts, and while a producer is not heard. When that ends they would all open cases at once,
more than a team can work. With shared limits the dispatcher sets the pace, for all partitions together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from features.portable_math import Array
from features.table import Slots, Table
from schemas.instants import DAY_US
from streams.cases.columns import HELD, OPENED, PENDING, RETRY, SENT, VALUE, WIDTH, waits_for_release
from streams.cases.decision import Scored
from streams.interventions.message import timing
from streams.profile.profile import Profile


@dataclass
class Backlog:
    """The share of one partition in `case.backlog_a_day`, and how much of it has been used today (UTC)."""

    profile: Profile
    table: Table
    partition: int
    partitions: int
    day: int = 0
    used: int = 0

    def waiting(self, slots: Slots, new: bool = False) -> Slots:
        """Those among `slots` whose crossing waits for no instant and no grant: a hold or a producer made it wait.
        new: and those who have not crossed yet.
        """
        pending_us, retry_us = (self.table.rows[slots, column - WIDTH] for column in (PENDING, RETRY))
        waits = waits_for_release(pending_us, retry_us)
        if new:
            waits |= ~(self.table.rows[slots, SENT - WIDTH] > self.profile.case.threshold)
        found: Slots = slots[waits]
        return found

    def best(self, scored: Iterable[Scored], at_us: int) -> Slots:
        """Returns the customers who may get a case now; scored: those who wait."""
        if at_us // DAY_US > self.day:
            self.day, self.used = at_us // DAY_US, 0
        threshold, ranked = self.profile.case.threshold, []
        for part in scored:
            for i in np.flatnonzero(part.probability > threshold).tolist():
                slot = int(part.slots[i])
                ranked.append((-self._net_value(self._row(slot), float(part.probability[i]), at_us), slot))
        return np.array([slot for _, slot in sorted(ranked)[: self._share() - self.used]], np.intp)

    def use(self, released: Slots, at_us: int) -> None:
        """Counts the cases that were opened, and those that wait for quiet hours to end or for a cap."""
        rows = self.table.rows[released, -WIDTH:].T
        opened = (rows[OPENED] == at_us) & (rows[HELD] == 0)
        self.used += int((opened | (np.isfinite(rows[PENDING]) & np.isfinite(rows[RETRY]))).sum())

    def _share(self) -> int:
        """Shares add up to the whole; the day turns them, so that none is always the smallest."""
        turned = (self.partition + self.day) % self.partitions
        return (self.profile.case.backlog_a_day + turned) // self.partitions

    def _row(self, slot: int) -> Array:
        row: Array = self.table.rows[slot, -WIDTH:]
        return row

    def _net_value(self, row: Array, probability: float, at_us: int) -> float:
        value = self.profile.customer_value if np.isnan(row[VALUE]) else float(row[VALUE])
        crossed_us = int(row[PENDING]) if np.isfinite(row[PENDING]) else at_us
        net_value: float = timing(self.profile, probability, value, crossed_us, at_us)["expected_net_value"]
        return net_value
