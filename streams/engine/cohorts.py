"""Cohorts: the customers observed at a grid instant until their horizon is over, and how many have come back.

A customer's newest days with a retention event say whether there was one before the instant and whether there was one
since, so no list of the customers is kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from features import day_rings
from features.aggregates import First, Last, Layout, RecentDays
from features.portable_math import Array, log, sigmoid
from features.signals import RETAINED
from online_model.early_returns import STAYS, Returns
from schemas.instants import DAY_US, WEEK_US
from streams.profile.learning_sections import Label

Totals = dict[int, tuple[int, int]]


class Cohorts:
    """observed: grid instant -> customers, and the sum of their probabilities of staying by the model alone."""

    def __init__(self, layout: Layout, label: Label) -> None:
        self.observed: Totals = {}
        self._layout, self._label = layout, label
        self._days = [layout.column[RecentDays(RETAINED, part)] for part in range(day_rings.COLUMNS)]
        self._first, self._last = layout.column[First(RETAINED)], layout.column[Last(RETAINED)]

    def add(self, at_us: int, probability: Array, shift: float) -> None:
        """Adds observed customers. probability: (n,) as served; shift: of the instant, which is not the
        model's."""
        log_odds = log(probability) - log(1.0 - probability) - shift
        stays = int(np.rint(sigmoid(-log_odds) * STAYS).sum())
        customers, before = self.observed.get(at_us, (0, 0))
        self.observed[at_us] = customers + len(probability), before + stays

    def end(self, at_us: int) -> None:
        """Drops the cohorts whose horizon ended before the last grid instant."""
        self.observed = {us: n for us, n in self.observed.items() if us + self._label.horizon_us > at_us - WEEK_US}

    def returns(self, blocks: Iterable[Array]) -> Returns:
        """Returns how many customers of each cohort have come back. blocks: (columns, n) of the active customers."""
        instants = sorted(self.observed)
        back = np.zeros(len(instants), np.intp)
        for block in blocks:
            back += np.add.reduce(self._came_back(block, np.array(instants, np.float64)), axis=1, dtype=np.intp)
        return {us: (*self.observed[us], count) for us, count in zip(instants, back.tolist(), strict=True)}

    def _came_back(self, block: Array, instants: Array) -> NDArray[np.bool_]:
        """(instants, n): who was active at an instant and has come since. Those whose first event was in the time
        before it were; of the others the newest day before that of the instant counts, and with more days since than
        are kept, the first event.
        """
        newest, first_us = day_rings.unpack(block[self._days]), block[self._first]
        lapsed_us = self._label.lapsed_after_us
        day, observed_us = self._layout.calendar.days(instants)[:, None], instants[:, None]
        since = np.add.reduce((newest[:, None] >= day).view(np.uint8), dtype=np.intp)
        all_since = since == day_rings.KEPT
        before = np.take_along_axis(newest, np.minimum(since, day_rings.KEPT - 1), 0)
        was_active = ~all_since & (before >= day - lapsed_us // DAY_US)
        was_active |= (first_us <= observed_us) & (all_since | (first_us >= observed_us - lapsed_us))
        came_back: NDArray[np.bool_] = was_active & (block[self._last] > observed_us)
        return came_back
