"""A model compiled: each expert is a sum of functions of single features, each function straight within a bin.

So a weighted sum of experts is one too, a score costs the same however many experts there are, and what each feature
adds to it is exact: heights, rises and values lie on grids (multiples of powers of two) on which every product and
every sum is a float64 without rounding, in whatever order it is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.arithmetic import Array
from online_model.parameters import Parameters
from online_model.steps import BINS, LOWEST, WIDTH, Bins, bins_of

VALUE_STEP, RISE_STEP, HEIGHT_STEP = 2.0**-10, 2.0**-20, 2.0**-30
EDGES = LOWEST + WIDTH * np.arange(BINS)  # the left ends of the bins
CACHED = 8192  # numbers that stay in the processor's first cache


@dataclass(frozen=True)
class Functions:
    """constant + the sum over features of height[bin] + rise[bin] * value; height and rise: (features, bins)."""

    constant: float
    height: Array
    rise: Array

    @cached_property
    def live(self) -> Bins:
        """The features whose function is not 0 everywhere."""
        return np.flatnonzero(self.height.any(axis=1) | self.rise.any(axis=1))

    def parts(self, x: Array) -> Array:
        """x: (features, n) on the grid, as of `Values` -> (live, n): what each adds to the log-odds."""
        out, height, rise = np.empty((len(self.live), x.shape[1])), self.height.ravel(), self.rise.ravel()
        some = max(CACHED // max(x.shape[1], 1), 1)
        for start in range(0, len(self.live), some):
            rows = self.live[start : start + some]
            values = x[rows]
            places = bins_of(values) + rows[:, None] * BINS
            values *= rise[places]
            values += height[places]
            out[start : start + some] = values
        return out

    def log_odds(self, x: Array) -> Array:
        """x: (features, n) on the grid -> (n,)."""
        return np.asarray(self.constant + self.parts(x).sum(axis=0))

    def around(self, centre: Array) -> Functions:
        """The same sum, with functions that are 0 at `centre`: (features,) on the grid."""
        rows = np.arange(len(centre))
        bins = bins_of(centre)
        there = self.height[rows, bins] + self.rise[rows, bins] * centre
        return Functions(self.constant + float(there.sum()), self.height - there[:, None], self.rise)


def experts(p: Parameters) -> list[Functions]:
    """Those of each expert, in the order of `parameters.EXPERTS`."""
    none = np.zeros((len(p.low), BINS))
    prior_rise = none.copy()
    prior_rise[p.prior_place] = p.prior[1]
    slopes = p.hinges[1:].reshape(-1, 1 + p.knots.shape[1])
    height, rise = none.copy(), none + slopes[:, :1]
    for knots, slope in zip(p.knots.T, slopes[:, 1:].T, strict=True):
        beyond = (knots[:, None] <= EDGES) * slope[:, None]  # an unknown knot is NaN: nothing is beyond it
        rise += beyond
        height -= beyond * np.nan_to_num(knots)[:, None]
    return [
        _on_grid(p.base, none, none),
        _on_grid(p.prior[0], none, prior_rise),
        _on_grid(p.linear[0], none, none + p.linear[1:, None]),
        _on_grid(p.hinges[0], height, rise),
        _on_grid(p.steps[0], p.steps[1:].reshape(-1, BINS), none),
    ]


def mixed(some: list[Functions], weights: Array) -> Functions:
    """The weighted sum; added in the order given."""
    constant, height, rise = 0.0, np.zeros_like(some[0].height), np.zeros_like(some[0].rise)
    for one, weight in zip(some, weights.tolist(), strict=True):
        constant += weight * one.constant
        height += weight * one.height
        rise += weight * one.rise
    return _on_grid(constant, height, rise)


def on_grid(x: Array, low: Array, high: Array) -> Array:
    """x: (features, n), scaled -> the same within what has been learned from: beyond it a model only guesses, so
    it says there what it says at the end. A feature that never varied counts as 0.
    """
    seen = low <= high
    bounds = (np.where(seen, low, 0.0)[:, None], np.where(seen, high, 0.0)[:, None])
    return np.asarray(np.rint(np.clip(x, *bounds) / VALUE_STEP) * VALUE_STEP)


def _on_grid(constant: float, height: Array, rise: Array) -> Functions:
    exact = float(np.rint(constant / HEIGHT_STEP)) * HEIGHT_STEP
    return Functions(exact, np.rint(height / HEIGHT_STEP) * HEIGHT_STEP, np.rint(rise / RISE_STEP) * RISE_STEP)
