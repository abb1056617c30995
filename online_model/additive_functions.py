"""The compiled model: each expert is a sum of functions of single features, each function linear within a bin.

A weighted sum of experts has the same form, so the cost of a score does not depend on the number of experts. Each
feature's contribution is exact: heights, rises and values lie on grids (multiples of powers of two) on which every
product and every sum is a float64 without rounding, in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.matrix import IS_LOG, SIZES, by_scale, scaled_rows
from features.portable_math import Array, in_cache
from online_model.bins import BINS, LOWEST, WIDTH, Bins, bins_of
from online_model.parameters import Parameters
from schemas.native import arrays

VALUE_STEP, RISE_STEP, HEIGHT_STEP = 2.0**-10, 2.0**-20, 2.0**-30
WHOLE = np.float64(2.0**52 + 2.0**51)  # a float64 this large has no fraction: bits of neighbours differ by 1
EDGES = LOWEST + WIDTH * np.arange(BINS)  # the left ends of the bins


@dataclass(frozen=True)
class AdditiveFunctions:
    """constant + the sum over features of height[bin] + rise[bin] * value; height and rise: (features, bins).

    low, high: (features,), the range of the learned values. A value beyond the range is clipped to its end.
    """

    constant: float
    height: Array
    rise: Array
    low: Array
    high: Array

    @cached_property
    def live(self) -> Bins:
        """The features whose function is not 0 everywhere."""
        return np.flatnonzero(self.height.any(axis=1) | self.rise.any(axis=1))

    def parts(self, x: Array) -> Array:
        """x: (features, n), scaled -> (live, n): the contribution of each live feature to the log-odds."""
        out, height, rise = np.empty((len(self.live), x.shape[1])), self.height.ravel(), self.rise.ravel()
        for places in in_cache(np.arange(len(self.live)), x.shape[1]):
            rows = self.live[places]
            values = on_grid(x[rows], self.low[rows], self.high[rows])
            bins = bins_of(values)
            bins += rows[:, None] * BINS
            values *= rise.take(bins)
            values += height.take(bins)
            out[places] = values
        return out

    def log_odds(self, x: Array) -> Array:
        """x: (features, n), scaled -> (n,)."""
        constants = self.constant, VALUE_STEP, LOWEST, WIDTH
        found = arrays.binned_log_odds(self.height, self.rise, self.live, self.low, self.high, constants, x)
        return np.asarray(self.constant + self.parts(x).sum(axis=0)) if found is None else found

    def centred_at(self, centre: Array) -> AdditiveFunctions:
        """Returns the same sum, with functions that are 0 at `centre`: (features,), scaled."""
        rows, centre = np.arange(len(centre)), on_grid(centre[:, None], self.low, self.high)[:, 0]
        bins = bins_of(centre)
        there = self.height[rows, bins] + self.rise[rows, bins] * centre
        return replace(self, constant=self.constant + float(there.sum()), height=self.height - there[:, None])


class LookupTable:
    """The same sum for many customers: each function is tabulated at every value of its grid, so that a score takes
    one look-up a feature. The bits are those of `AdditiveFunctions`.
    """

    def __init__(self, of: AdditiveFunctions) -> None:
        self.constant, self.live = of.constant, by_scale(of.live)
        self._least, self._most = (np.rint(end / VALUE_STEP) for end in (of.low, of.high))
        sizes = np.zeros(len(of.low), np.intp)
        sizes[of.live] = (self._most - self._least)[of.live] + 1.0
        shift = np.cumsum(sizes) - sizes - self._least.astype(np.intp)  # from a value, in steps, to its index
        self._shift = shift - WHOLE.view(np.intp)
        self._values: Array = np.concatenate([np.empty(0), *self._tabulated(of)])

    def _tabulated(self, of: AdditiveFunctions) -> Iterator[Array]:
        """Yields the values of each live function at its grid."""
        least, most = self._least[of.live].astype(np.intp), self._most[of.live].astype(np.intp)
        values = np.arange(least.min(initial=0), most.max(initial=0) + 1) * VALUE_STEP
        bins = bins_of(values)
        for row, first, last in zip(of.live, least - least.min(initial=0), most - least.min(initial=0), strict=True):
            places = bins[first : last + 1]
            yield of.height[row].take(places) + of.rise[row].take(places) * values[first : last + 1]

    def log_odds(self, raw: Array) -> Array:
        """raw: (features, n) in their units -> (n,)."""
        if (found := arrays.log_odds(self._compiled[0], raw)) is not None:
            return found
        z = np.full(raw.shape[1], self.constant)
        for rows in in_cache(self.live, len(z)):
            for part in self._parts(scaled_rows(raw, rows), rows):
                z += part
        return z

    @cached_property
    def _compiled(self) -> tuple[arrays.Table, list[NDArray[Any]]]:
        """The table for compiled code, and the arrays that it points to."""
        live = self.live
        parts = [
            live.astype(np.int64), IS_LOG[live], SIZES[live, 0], self._least[live], self._most[live],
            (self._shift + WHOLE.view(np.intp))[live].astype(np.int64), self._values,
        ]  # fmt: skip
        kept = [np.ascontiguousarray(part) for part in parts]
        return arrays.Table(*map(arrays.at, kept), len(live), len(self._values), 1.0 / VALUE_STEP, self.constant), kept

    def _parts(self, x: Array, rows: Bins) -> Array:
        """x: (rows, n), overwritten -> (rows, n)."""
        x *= 1.0 / VALUE_STEP
        np.clip(x, self._least[rows, None], self._most[rows, None], out=x)
        x += WHOLE  # rounds half to even, as rint does, and leaves the integer in the low bits
        places = x.view(np.intp)
        places += self._shift[rows, None]
        return self._values.take(places)


def experts(p: Parameters) -> list[AdditiveFunctions]:
    """Returns the functions of each expert, in the order of `parameters.EXPERTS`."""
    none = np.zeros((len(p.low), BINS))
    prior_rise = none.copy()
    prior_rise[p.prior_place] = p.prior[1]
    slopes = p.hinges[1:].reshape(-1, 1 + p.knots.shape[1])
    height, rise = none.copy(), none + slopes[:, :1]
    for knots, slope in zip(p.knots.T, slopes[:, 1:].T, strict=True):
        beyond = (knots[:, None] <= EDGES) * slope[:, None]  # a knot that is not set is NaN: no value is beyond it
        rise += beyond
        height -= beyond * np.nan_to_num(knots)[:, None]
    seen = p.low <= p.high
    low, high = np.where(seen, p.low, 0.0), np.where(seen, p.high, 0.0)  # a feature without any value counts as 0
    parts = [
        (p.base, none, none),
        (p.prior[0], none, prior_rise),
        (p.hinges[0], height, rise),
        (p.steps[0], p.steps[1:].reshape(-1, BINS), none),
    ]
    return [_rounded(AdditiveFunctions(float(constant), height, rise, low, high)) for constant, height, rise in parts]


def weighted_sum(some: list[AdditiveFunctions], weights: Array, level: float) -> AdditiveFunctions:
    """Returns the weighted sum plus the level, added in the order given."""
    constant, height, rise = level, np.zeros_like(some[0].height), np.zeros_like(some[0].rise)
    for one, weight in zip(some, weights.tolist(), strict=True):
        constant += weight * one.constant
        height += weight * one.height
        rise += weight * one.rise
    return _rounded(replace(some[0], constant=constant, height=height, rise=rise))


def on_grid(x: Array, low: Array, high: Array) -> Array:
    """x: (features, n), scaled -> x clipped to [low, high] and rounded to multiples of VALUE_STEP."""
    values: Array = np.clip(x, low[:, None], high[:, None])
    values /= VALUE_STEP
    np.rint(values, out=values)
    values *= VALUE_STEP
    return values


def _rounded(one: AdditiveFunctions) -> AdditiveFunctions:
    return replace(
        one,
        constant=float(np.rint(one.constant / HEIGHT_STEP)) * HEIGHT_STEP,
        height=np.rint(one.height / HEIGHT_STEP) * HEIGHT_STEP,
        rise=np.rint(one.rise / RISE_STEP) * RISE_STEP,
    )
