"""An additive model of step functions: a table a feature, with a value for each bin.

Steps find what linear terms cannot: an effect that begins at a certain day. At each fit the tables decay a little and
are boosted again on the reservoir of all examples. Boosting goes feature by feature, in rounds: each feature gets the
single split that lowers the loss most, at a small share of its Newton step (cyclic boosting of an additive model; Lou,
Caruana and Gehrke 2012, 10.1145/2339530.2339556). The decay removes patterns that no longer hold, and the size of the
reservoir limits how certain a step can be. Interactions of features, as in trees of more leaves, gave nothing on two
real logs.

Sums over examples are sequential, in the order of the reservoir, so that every process computes the same bits.
"""

from __future__ import annotations

import numpy as np

from features.portable_math import Array, sigmoid
from online_model.bins import BINS, Bins, bins_of
from online_model.estimator import INTERCEPT_PRECISION, LOGIT_LIMIT
from online_model.reservoir import Reservoir
from schemas.native import arrays

KEPT = 0.9  # of the tables, from one fit to the next
ROUNDS = 3
RATE = 0.05  # of a Newton step
PRECISION = 10.0  # of a step's prior
LEAST_ROWS = 50  # on each side of a step
MOST_STEP = 8.0  # of log-odds, before RATE: where all predictions are certain, a Newton step has no bound
LEAST_NEW = 0.01  # share of the reservoir: fewer new examples do not start a fit


class BoostedSteps:
    """P(True) = 1 / (1 + exp(-(intercept + the sum of the features' tables at their values)))."""

    def __init__(self) -> None:
        self.intercept, self.fitted = 0.0, 0  # fitted: examples seen at the last fit
        self.tables: Array = np.zeros((0, BINS))

    def add_features(self, features: int) -> None:
        """Extends the tables to this number of features; a new feature has a table of 0."""
        self.tables = np.concatenate([self.tables, np.zeros((features - len(self.tables), BINS))])

    def log_odds(self, x: Array) -> Array:
        """x: (features, n) -> (n,)."""
        return self._at(bins_of(x))

    def fit(self, memory: Reservoir) -> None:
        """Fits the tables to the reservoir, if it holds enough new examples and both classes."""
        y, weight = memory.label.astype(np.float64), memory.weight
        if memory.seen - self.fitted < LEAST_NEW * len(y) or y.min() == y.max():
            return
        self.fitted = memory.seen
        bins = memory.bins.astype(np.intp)
        counts = np.cumsum([np.bincount(row, minlength=BINS) for row in bins], axis=1)
        splits = [np.flatnonzero((row >= LEAST_ROWS) & (len(y) - row >= LEAST_ROWS)) for row in counts]
        moving = [j for j, some in enumerate(splits) if len(some)]
        self.tables *= KEPT
        z = self._at(bins)
        for _ in range(ROUNDS):
            p = sigmoid(np.clip(z, -LOGIT_LIMIT, LOGIT_LIMIT))
            gradient, curvature = weight * (p - y), weight * (p * (1.0 - p))
            step = -_bounded(_sum(gradient) / (_sum(curvature) + INTERCEPT_PRECISION))
            self.intercept += step
            z += step
            gradient += curvature * step
            for j in moving:
                self.tables[j] += _take_step(bins[j], gradient, curvature, z, splits[j])

    def _at(self, bins: Bins) -> Array:
        z = np.full(bins.shape[1], self.intercept)
        for table, row in zip(self.tables, bins, strict=True):
            z += table.take(row)
        return z


def _take_step(bins: Bins, gradient: Array, curvature: Array, z: Array, splits: Bins) -> Array:
    """(BINS,): the best step. z and gradient move by it, as if the curvature stayed the same for the rest of the
    round.
    """
    table = np.empty(BINS)
    if not arrays.best_step(bins, gradient, curvature, z, splits, (PRECISION, RATE, MOST_STEP), table):
        table = _step(bins, gradient, curvature, splits)
        moved = table.take(bins)
        z += moved
        gradient += curvature * moved
    return table


def _step(bins: Bins, gradient: Array, curvature: Array, splits: Bins) -> Array:
    """(BINS,): the best step, times RATE. splits: the bins after which it may lie."""
    g, h = np.bincount(bins, gradient, BINS).cumsum(), np.bincount(bins, curvature, BINS).cumsum()
    below, above = g[splits], g[-1] - g[splits]
    down, up = below / (h[splits] + PRECISION), above / (h[-1] - h[splits] + PRECISION)
    best = int((below * down + above * up).argmax())
    table = np.full(BINS, -RATE * _bounded(up[best]))
    table[: splits[best] + 1] = -RATE * _bounded(down[best])
    return table


def _bounded(step: float) -> float:
    return float(min(max(step, -MOST_STEP), MOST_STEP))


def _sum(values: Array) -> float:
    return float(values.cumsum()[-1])
