"""How regular a customer's retention events are, by the newest distinct days with one (`features.day_rings`).

The days are a set, so what is computed from them does not depend on the order in which events arrived. A gap is the
number of days between two consecutive ones; there are at most KEPT - 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.local_days import Days
from features.portable_math import Array, log

LEAST_GAPS = 2  # fewer have no variation
LEAST_DEVIATION = 3.0  # days: a customer of one weekday is not overdue by ten deviations on the next
MOST_VARIATION = 3.0
DEVIATIONS = (-4.0, 12.0)
WEEKDAYS = 7


@dataclass(frozen=True)
class Regularity:
    """Of n customers. days: (KEPT, n), newest first, negative behind the last; silent_days: (n,) since the newest
    event; every property is (n,).
    """

    days: Days
    silent_days: Array

    @cached_property
    def _has_gap(self) -> Array:
        return self.days[1:] >= 0

    @cached_property
    def _gaps(self) -> Days:
        """(KEPT - 1, n), 0 behind the last."""
        gaps: Days = np.where(self._has_gap, self.days[:-1] - self.days[1:], 0)
        return gaps

    @cached_property
    def count(self) -> Array:
        """How many gaps are known."""
        return np.asarray(self._has_gap.sum(axis=0, dtype=np.int64))

    @cached_property
    def mean_gap(self) -> Array:
        """Days; 0 without a gap."""
        return np.asarray(self._gaps.sum(axis=0) / np.maximum(self.count, 1))

    @cached_property
    def deviation(self) -> Array:
        """The standard deviation of the gaps, in days."""
        squares = (self._gaps * self._gaps).sum(axis=0) / np.maximum(self.count, 1)
        return np.sqrt(np.maximum(squares - self.mean_gap * self.mean_gap, 0.0))

    @property
    def variation(self) -> Array:
        """Deviation / mean of the gaps, at most MOST_VARIATION; 1, as at random, with fewer than LEAST_GAPS."""
        ratio = np.minimum(self.deviation / np.maximum(self.mean_gap, 1.0), MOST_VARIATION)
        return np.where(self.count >= LEAST_GAPS, ratio, 1.0)

    @property
    def last_gap(self) -> Array:
        """Days; 0 without a gap."""
        return self._gaps[0].astype(np.float64)

    @cached_property
    def longest_gap(self) -> Array:
        """Days; 0 without a gap."""
        return np.asarray(self._gaps.max(axis=0).astype(np.float64))

    @property
    def beyond_longest(self) -> Array:
        """log((1 + silence) / (1 + longest gap)): above 0 the customer has been silent for longer than ever."""
        return log(1.0 + self.silent_days) - log(1.0 + self.longest_gap)

    @property
    def overdue(self) -> Array:
        """How many deviations (at least LEAST_DEVIATION each) the silence is above the mean gap, within DEVIATIONS; 0
        with fewer than LEAST_GAPS.
        """
        late = (self.silent_days - self.mean_gap) / np.maximum(self.deviation, LEAST_DEVIATION)
        return np.where(self.count >= LEAST_GAPS, np.clip(late, *DEVIATIONS), 0.0)

    def within(self, window_days: int) -> Array:
        """How many of the days are at most `window_days` before now."""
        old = self.silent_days + (self.days[0] - self.days)
        return np.asarray(((old <= window_days) & (self.days >= 0)).sum(axis=0).astype(np.float64))

    @property
    def weekday_share(self) -> Array:
        """The share of the commonest weekday among the days, as if there had been one more of each."""
        weekday = np.where(self.days >= 0, self.days % WEEKDAYS, -1)
        most = np.zeros(weekday.shape[1], np.int64)
        for one in range(WEEKDAYS):
            np.maximum(most, (weekday == one).sum(axis=0), out=most)
        return (most + 1.0) / ((self.days >= 0).sum(axis=0) + WEEKDAYS)


