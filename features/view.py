"""The aggregates of some customers at an instant, from which the features are computed."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from features import day_rings
from features.aggregates import Aggregate, Decayed, First, Last, Layout, RecentDays, Signal, decays
from features.portable_math import Array, log
from features.regularity import Regularity
from features.signals import KNOWN, RETAINED
from schemas.instants import DAY_US

DAYS_A_YEAR = 365.25


class View:
    """Aggregates of n customers at an instant; every method returns an array of shape (n,)."""

    def __init__(self, layout: Layout, block: Array, at_us: Array) -> None:
        """block: (columns, n), as in `Layout.update`; at_us: (n,) instants in us, each at or after its events."""
        self.layout, self.block, self.at_us = layout, block, at_us
        self._days_since: dict[Signal, Array] = {}

    def of(self, i: int) -> View:
        """Returns the view of customer i alone."""
        return View(self.layout, self.block[:, i : i + 1], self.at_us[i : i + 1])

    @cached_property
    def decayed(self) -> Array:
        """The decayed sums as of the instant, with the columns of `block`."""
        factors = decays((self.at_us - self.block[Layout.REFERENCE]) / DAY_US)
        spans = self.layout.decays
        out = np.empty((max(span.stop for span in spans), len(self.at_us)))
        for span, factor in zip(spans, factors, strict=True):
            np.multiply(self.block[span], factor, out=out[span])
        return out

    def get(self, aggregate: Aggregate) -> Array:
        """Returns the aggregate's value: decayed sums as of the instant, times in us."""
        columns = self.decayed if isinstance(aggregate, Decayed) else self.block
        value: Array = columns[self.layout.column[aggregate]]
        return value

    @cached_property
    def tenure_days(self) -> Array:
        """Days since the customer's first event of any kind, 0 when there is none."""
        first = self.get(First(KNOWN))
        return np.where(first < np.inf, np.maximum(self.at_us - first, 0.0) / DAY_US, 0.0)

    def days_since(self, signal: Signal) -> Array:
        """Returns days since the last event of the signal; without events, the tenure."""
        found = self._days_since.get(signal)
        if found is None:
            last = self.get(Last(signal))
            found = np.where(last > -np.inf, np.maximum(self.at_us - last, 0.0) / DAY_US, self.tenure_days)
            self._days_since[signal] = found
        return found

    @cached_property
    def regularity(self) -> Regularity:
        """How regular the retention events are."""
        ring = [self.layout.column[RecentDays(RETAINED, part)] for part in range(day_rings.COLUMNS)]
        return Regularity(day_rings.unpack(self.block[ring]), self.days_since(RETAINED))

    def days_between(self, signal: Signal) -> Array:
        """Returns days from the first event of the signal to the last, 0 without events."""
        first, last = self.get(First(signal)), self.get(Last(signal))
        return np.where(last > -np.inf, (last - first) / DAY_US, 0.0)

    def silence_evidence(self, count: Array, signal: Signal, pseudo_days: float) -> Array:
        """Returns how strongly the silence since the signal's last event indicates that the customer has left.

        count * log((a + T) / (a + T - r)), a: pseudo_days, T: days since the first event, r: days since the last. It is
        the log-odds of r days without an event in a gamma-Poisson model (Fader, Hardie and Lee 2005,
        10.1287/mksc.1040.0098).
        """
        first = self.get(First(signal))
        observed = np.where(first < np.inf, np.maximum(self.at_us - first, 0.0) / DAY_US, 0.0) + pseudo_days
        silent = np.minimum(self.days_since(signal), observed - pseudo_days)
        return count * log(observed / (observed - silent))

    def year_phase(self, shift: float) -> Array:
        """Returns a triangle wave of a year's period, from -1 to 1, 1 at `shift` of the year; exact arithmetic only."""
        phase = self.at_us / (DAY_US * DAYS_A_YEAR) - shift
        return np.abs((phase - np.floor(phase)) * 2.0 - 1.0) * 2.0 - 1.0


def ratio(part: Array, whole: Array, missing: float | Array) -> Array:
    """Returns part / whole, `missing` where whole is 0."""
    known = whole > 0
    return np.where(known, part / np.where(known, whole, 1.0), missing)
