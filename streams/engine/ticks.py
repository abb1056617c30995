"""Events up to a stop, applied tick by tick: all events of a customer in a tick at once, then the customer is scored.

Customers do not depend on each other between stops. So the first ticks of all customers are applied together, then all
second ones, and so on: the same result as tick after tick, in vectorised steps.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.aggregates import RETENTION, Last, Signal
from features.portable_math import Array
from features.table import Slots
from schemas.columns import Details, Rows
from streams.cases.columns import SENT, WIDTH
from streams.cases.complaints import Complaints
from streams.cases.decision import Candidacy, Scored
from streams.cases.erasures import Erasures
from streams.cases.responses import Responses
from streams.engine.scoring import ROWS_AT_ONCE, Scoring
from streams.interventions.opening import Withheld


class Ticks:
    """Applies events to the customers of a partition."""

    def __init__(
        self,
        scoring: Scoring,
        erasures: Erasures,
        responses: Responses,
        complaints: Complaints,
        lapsed_after_us: int,
        *,
        live: bool,
    ) -> None:
        self.live, self._erasures, self._complaints = live, erasures, complaints
        self.scoring, self.table, self.layout = scoring, scoring.table, scoring.layout
        self._responses, self._lapsed_after_us = responses, lapsed_after_us
        self._last_retained = self.layout.column[Last(Signal(RETENTION))]

    def apply(self, rows: Rows, details: Mapping[int, Details], hold: Withheld, candidacy: Candidacy) -> None:
        """Applies rows sorted by slot and tick: the first tick of every customer, then the second, ..."""
        if not len(rows):
            return
        slot, due_us = rows["slot"].astype(np.intp), rows["due_us"]
        opens = np.append(True, (slot[1:] != slot[:-1]) | (due_us[1:] != due_us[:-1]))
        first = np.flatnonzero(opens)  # the first row of each group
        group = np.cumsum(opens) - 1
        new_customer = np.append(True, slot[first][1:] != slot[first][:-1])
        number = np.arange(len(first))
        turn = number - np.maximum.accumulate(np.where(new_customer, number, 0))
        for k in range(int(turn.max()) + 1):
            mine = turn == k
            place = np.cumsum(mine) - 1
            chosen = mine[group]
            groups = slot[first[mine]], due_us[first[mine]], rows[chosen], place[group[chosen]]
            self._groups(*groups, details, hold, candidacy)

    def _groups(
        self,
        slots: Slots,
        due_us: NDArray[np.int64],
        rows: Rows,
        group: NDArray[np.intp],
        details: Mapping[int, Details],
        hold: Withheld,
        candidacy: Candidacy,
    ) -> None:
        for start in range(0, len(slots), ROWS_AT_ONCE):
            end = min(start + ROWS_AT_ONCE, len(slots))
            of = slice(*np.searchsorted(group, [start, end]))
            block, at_us = self.table.gather(slots[start:end]), due_us[start:end].astype(np.float64)
            events = self._erase(slots[start:end], block, due_us[start:end], rows[of], group[of] - start, details)
            retained_us = block[self._last_retained].copy()
            self._update(block, *events, at_us)
            self._responses.take(slots[start:end], block[-WIDTH:], due_us[start:end], *events, details)
            self._complaints.take(slots[start:end], block, due_us[start:end], *events)
            is_active = np.flatnonzero(block[self._last_retained] >= at_us - self._lapsed_after_us)
            part = block.take(is_active, axis=1)
            scored = self.scoring.scored(slots[start:end][is_active], part, at_us[is_active])
            if self.live:
                self._look_back(scored, part, retained_us[is_active])
            self.scoring.decide(scored, part, hold, candidacy)
            block[-WIDTH:, is_active] = part[-WIDTH:]
            self.table.scatter(slots[start:end], block)

    def _erase(
        self, slots: Slots, block: Array, due_us: NDArray[np.int64], rows: Rows, group: NDArray[np.intp],
        details: Mapping[int, Details],
    ) -> tuple[Rows, NDArray[np.intp]]:  # fmt: skip
        """Applies erasures; returns the rows that count, with their groups."""
        count, erased = self._erasures.take(slots, block, due_us, rows, group, details)
        self.scoring.scores.update(dict.fromkeys(erased))
        return (rows, group) if count is None else (rows[count], group[count])

    def _look_back(self, scored: Scored, block: Array, retained_us: Array) -> None:
        """Live, customers at risk who came and have been silent since: the visit ended the risk, but its record comes
        too late for a score that shows it. retained_us: (n,) the last visit before this tick.
        """
        last_us, threshold = block[self._last_retained], self.scoring.crossings.profile.case.threshold
        came = (last_us > retained_us) & (block[SENT - WIDTH] > threshold) & (scored.probability > threshold)
        if came.any():
            then = self.scoring.scored(scored.slots[came], block[:, came], last_us[came])
            block[-WIDTH:, came] = self.scoring.crossings.came_back(
                then, block[-WIDTH:, came], np.ones(int(came.sum()), np.bool_)
            )

    def _update(self, block: Array, rows: Rows, group: NDArray[np.intp], at_us: Array) -> None:
        """Updates the aggregates. Rows with details, outcomes and profiles, are not events of the customer."""
        has_details = rows["details"] > 0
        if not has_details.any():
            self.layout.update(block, rows, group, at_us)
            return
        rows, group = rows[~has_details], group[~has_details]
        own = np.unique(group)
        part = block[:, own]
        self.layout.update(part, rows, np.searchsorted(own, group), at_us[own])
        block[:, own] = part
