"""An additive model of fine steps: a table a feature, a bin a quarter of its scale wide.

What trees find and lines do not: that something begins at a certain day. With each batch the tables fade a little and
are boosted anew on the memory of all examples: feature by feature, in rounds, each gets the one step up or down that
lowers the loss most, at a small share of its Newton step (cyclic boosting of an additive model; Lou, Caruana and Gehrke
2012, 10.1145/2339530.2339556). So what was learned of a world that is gone fades too, and nothing is ever surer than
the memory has examples. Interactions of features, as in trees of more leaves, gave nothing on two real logs.

Sums over examples are taken one after another in the order of the memory, which is the same for everybody.
"""

from __future__ import annotations

import numpy as np

from features.portable_math import Array, sigmoid
from online_model.bins import BINS, Bins, bins_of
from online_model.estimator import INTERCEPT_PRECISION, LOGIT_LIMIT
from online_model.reservoir import Reservoir

KEPT = 0.9  # of the tables, from one fit to the next
ROUNDS = 3
RATE = 0.05  # of a Newton step
PRECISION = 10.0  # of a step's prior
LEAST_ROWS = 50  # on each side of a step
MOST_STEP = 8.0  # of log-odds, before RATE: where all are certain already, a Newton step has no bound
LEAST_NEW = 0.01  # of the memory: with fewer new examples it is not worth a fit


class BoostedSteps:
    """P(True) = 1 / (1 + exp(-(intercept + the sum of the features' tables at their values)))."""

    def __init__(self) -> None:
        self.intercept, self.fitted = 0.0, 0  # of how many examples
        self.tables: Array = np.zeros((0, BINS))

    def add_features(self, features: int) -> None:
        """Room for so many features; new ones say nothing yet."""
        self.tables = np.concatenate([self.tables, np.zeros((features - len(self.tables), BINS))])

    def log_odds(self, x: Array) -> Array:
        """x: (features, n) -> (n,)."""
        return self._at(bins_of(x))

    def fit(self, memory: Reservoir) -> None:
        """Moves the tables to what the memory holds, once it has changed enough."""
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
                table = _step(bins[j], gradient, curvature, splits[j])
                self.tables[j] += table
                moved = table.take(bins[j])
                z += moved
                gradient += curvature * moved  # as if the curvature stayed the same for the rest of the round

    def _at(self, bins: Bins) -> Array:
        z = np.full(bins.shape[1], self.intercept)
        for table, row in zip(self.tables, bins, strict=True):
            z += table.take(row)
        return z


def _step(bins: Bins, gradient: Array, curvature: Array, splits: Bins) -> Array:
    """(BINS,): the share of the best step. splits: after which bins it may be."""
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
