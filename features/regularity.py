"""How regular a customer's retention events are, by the newest distinct days with one (`features.day_rings`).

The days are a set, so what is computed from them does not depend on the order in which events arrived. A gap is the
number of days between two consecutive ones; there are at most KEPT - 1.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.local_days import Days
from features.portable_math import Array, log

LEAST_GAPS = 2  # fewer have no variation
LEAST_DEVIATION = 3.0  # days: a customer of one weekday is not overdue by ten deviations on the next
MOST_VARIATION = 3.0
LONGEST_GAP = 10_000  # days; so that sums of squares stay within 32 bits
DEVIATIONS = (-4.0, 12.0)
WINDOWS = (30, 60, 90, 182)  # days
OLDEST = np.array(WINDOWS)[:, None]
WEEKDAYS = 7
BITS = 4  # for a count of days, at most KEPT
PLACES = np.arange(WEEKDAYS, dtype=np.int32)[:, None] * BITS


class Regularity:
    """Of n customers; every property is (n,)."""

    def __init__(self, days: Days, silent_days: Array) -> None:
        """days: (KEPT, n), newest first, negative behind the last; silent_days: (n,) since the newest event."""
        self._days, self.silent_days = days.astype(np.int32), silent_days
        self._is_day = ~(self._days >> 31)  # all bits of a day, none behind the last
        self.days = np.add.reduce(self._is_day & 1, dtype=np.int32)
        self.gaps = np.maximum(self.days - 1, 0)
        self._is_regular = self.gaps >= LEAST_GAPS

    @cached_property
    def _gaps(self) -> NDArray[np.int32]:
        """(KEPT - 1, n), 0 behind the last."""
        gaps = self._days[:-1] - self._days[1:]
        gaps &= self._is_day[1:]
        return np.asarray(np.minimum(gaps, LONGEST_GAP, out=gaps))

    @cached_property
    def _mean_gap(self) -> Array:
        """Days; 0 without a gap."""
        return np.asarray(np.add.reduce(self._gaps, dtype=np.int32) / np.maximum(self.gaps, 1))

    @cached_property
    def _deviation(self) -> Array:
        """The standard deviation of the gaps, in days."""
        variance = np.add.reduce(self._gaps * self._gaps, dtype=np.int32) / np.maximum(self.gaps, 1)
        variance -= self._mean_gap * self._mean_gap
        return np.asarray(np.sqrt(np.maximum(variance, 0.0, out=variance)))

    @property
    def variation(self) -> Array:
        """Deviation / mean of the gaps, at most MOST_VARIATION; 1, as at random, with fewer than LEAST_GAPS."""
        ratio = np.minimum(self._deviation / np.maximum(self._mean_gap, 1.0), MOST_VARIATION)
        return np.where(self._is_regular, ratio, 1.0)

    @property
    def last_gap(self) -> Array:
        """Days; 0 without a gap."""
        return np.asarray(self._gaps[0], np.float64)

    @cached_property
    def longest_gap(self) -> Array:
        """Days; 0 without a gap."""
        return np.asarray(np.maximum.reduce(self._gaps), np.float64)

    @property
    def beyond_longest(self) -> Array:
        """log((1 + silence) / (1 + longest gap)): above 0 the customer has been silent for longer than ever."""
        return log((1.0 + self.silent_days) / (1.0 + self.longest_gap))

    @property
    def overdue(self) -> Array:
        """How many deviations (at least LEAST_DEVIATION each) the silence is above the mean gap, within DEVIATIONS; 0
        with fewer than LEAST_GAPS.
        """
        late = (self.silent_days - self._mean_gap) / np.maximum(self._deviation, LEAST_DEVIATION)
        late = np.minimum(np.maximum(late, DEVIATIONS[0]), DEVIATIONS[1])
        return np.where(self._is_regular, late, 0.0)

    @cached_property
    def within(self) -> NDArray[np.uint8]:
        """(WINDOWS, n): how many of the days are at most so many days before now."""
        oldest = np.ceil(self._days[0] + self.silent_days - OLDEST)
        least = np.maximum(oldest, 0.0).astype(np.int32)
        days: NDArray[np.uint8] = np.add.reduce((self._days[:, None] >= least).view(np.uint8), dtype=np.uint8)
        return days

    @property
    def weekday_share(self) -> Array:
        """The share of the commonest weekday among the days, as if there had been one more of each."""
        weekday = self._days - self._days // WEEKDAYS * WEEKDAYS
        weekday *= BITS
        counts = np.add.reduce((np.int32(1) << weekday) & self._is_day, dtype=np.int32)  # BITS for each weekday
        most = np.maximum.reduce(counts >> PLACES & (1 << BITS) - 1)
        return np.asarray((most + 1.0) / (self.days + WEEKDAYS))
