"""An additive model of fine steps: a table a feature, a bin a quarter of its scale wide.

What trees find and lines do not: that something begins at a certain day. Each matured batch moves the tables by a few
rounds of Newton steps, one feature after another, against the precision that the batches before left in each bin (a
recursive form of backfitting; Hastie and Tibshirani 1990, generalized additive models). Correlation between features is
left out of the precision: that is what makes thousands of bins affordable.

Sums over examples are exact, as in `estimator`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.arithmetic import Array, sigmoid
from online_model.estimator import CURVATURE_STEP, INTERCEPT_PRECISION, LOGIT_LIMIT, RESIDUAL_STEP

WIDTH = 0.25  # of a bin, on the scale of the model
LOWEST, HIGHEST = -8.0, 24.0  # of a scaled value; log(1 + value) reaches 24 at 26 thousand million
BINS = 128
ROUNDS = 4
MOST_STEP = 1.0  # of log-odds at once: where all of a batch is certain already, a Newton step has no bound

Bins = NDArray[np.intp]


def bins_of(x: Array) -> Bins:
    """The bin of each value, any shape."""
    return np.clip((x - LOWEST) / WIDTH, 0.0, BINS - 1.0).astype(np.intp)


class Steps:
    """P(True) = 1 / (1 + exp(-(intercept + the sum of the features' tables at their values)))."""

    def __init__(self, prior_precision: float, worth: float) -> None:
        """prior_precision: of each bin; worth: independent observations that an example stands for."""
        self.prior_precision, self.worth = prior_precision, worth
        self.intercept, self.intercept_precision = 0.0, INTERCEPT_PRECISION
        self.tables: Array = np.zeros((0, BINS))
        self.precision: Array = np.zeros((0, BINS))

    def meet(self, features: int) -> None:
        """Room for so many features; new ones say nothing yet."""
        more = features - len(self.tables)
        self.tables = np.concatenate([self.tables, np.zeros((more, BINS))])
        self.precision = np.concatenate([self.precision, np.full((more, BINS), self.prior_precision)])

    def log_odds(self, x: Array) -> Array:
        """x: (features, n) -> (n,)."""
        z = np.full(x.shape[1], self.intercept)
        for table, bins in zip(self.tables, bins_of(x), strict=True):
            z += table[bins]
        return z

    def update(self, x: Array, y: Array, weight: Array) -> None:
        """One batch. x: (features, n); y: (n,) of 0 and 1; weight: (n,). What is the same for all does not move."""
        bins, z, before = bins_of(x), self.log_odds(x), self.tables.copy()
        moving = [j for j, row in enumerate(bins) if row.max() > row.min() or len(y) == 1]
        for _ in range(ROUNDS):
            gradient, curvature = _weigh(z, y, weight)
            step = self.worth * gradient.sum() / (self.worth * curvature.sum() + self.intercept_precision)
            step = min(max(float(step), -MOST_STEP), MOST_STEP)
            self.intercept -= step
            z -= step
            for j in moving:
                step = self._step(j, bins[j], _weigh(z, y, weight), before[j])
                self.tables[j] -= step
                z -= step[bins[j]]
        _, curvature = _weigh(z, y, weight)
        self.intercept_precision += self.worth * float(curvature.sum())
        for j in moving:
            self.precision[j] += self.worth * np.bincount(bins[j], curvature, BINS)

    def _step(self, j: int, bins: Bins, rows: tuple[Array, Array], before: Array) -> Array:
        gradient, curvature = (self.worth * np.bincount(bins, part, BINS) for part in rows)
        pull = self.precision[j] * (self.tables[j] - before)
        step = (gradient + pull) / (curvature + self.precision[j])
        return np.asarray(np.clip(step, -MOST_STEP, MOST_STEP))


def _weigh(z: Array, y: Array, weight: Array) -> tuple[Array, Array]:
    """Gradient and curvature of each row's loss, on grids on which any sum of them is exact."""
    p = sigmoid(np.clip(z, -LOGIT_LIMIT, LOGIT_LIMIT))
    residual = np.rint(weight * (p - y) / RESIDUAL_STEP) * RESIDUAL_STEP
    return residual, np.rint(weight * (p * (1.0 - p)) / CURVATURE_STEP) * CURVATURE_STEP
