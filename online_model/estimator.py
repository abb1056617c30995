"""Bayesian logistic regression: a Gaussian posterior, updated with each batch of examples.

The posterior of one batch is the prior of the next, and a few Newton steps find the new mode (recursive Laplace
approximation; Spiegelhalter and Lauritzen 1990, 10.1002/net.3230200507). One pass, no learning rate.

Sums over examples are exact: features and weights are rounded to multiples of powers of two so coarse that every
product and partial sum is a float64 without rounding. So neither the order of the examples, nor the batch's place in
memory, nor the processor's matrix kernels change a parameter, and BLAS can run at full speed. Rows are rounded
after they are weighted: a residual of at most 64 in steps of 2^-16 times a feature of at most 32 in steps of 2^-10,
added up over 2^16 rows, takes 53 bits.

A feature that is constant in a batch (the season, say) does not separate its customers. It describes only the batch,
which is a single observation, so the feature's weight does not move.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from river import base

from features.portable_math import Array, exp, log, sigmoid
from online_model.array_codec import grown
from online_model.treatment import weights_or_ones
from schemas.native import arrays

NEWTON_STEPS = 8
MOST_HALVINGS = 12
LEAST_GAIN = 0.01  # nats over the whole batch; a smaller gain is rounding
LEAST_SHARE = 1e-5  # share of the loss that another step has to gain
FEATURE_STEP = 2.0**-10
FEATURE_LIMIT = 32.0
CURVATURE_STEP = 2.0**-12
RESIDUAL_STEP = 2.0**-16
LOGIT_LIMIT = 20.0
LEAST_VARIANCE = 0.1  # of a feature that hardly varies: its prior is weak, not absent
INTERCEPT_PRECISION = 1e-3
ROWS_AT_ONCE = 1 << 16


class LogisticRegression(base.MiniBatchClassifier):
    """P(True) = 1 / (1 + exp(-(intercept + sum of weight * feature))).

    Parameters
    ----------
    prior_precision
        Precision of the prior of each weight, for a feature of variance 1.
    forget
        The share of its precision that the posterior keeps from batch to batch (1: all of it), down to the prior's.
    worth
        How many independent observations an example counts as: labels with overlapping horizons share information.
    """

    def __init__(self, prior_precision: float = 10.0, forget: float = 1.0, worth: float = 1.0) -> None:
        self.prior_precision = prior_precision
        self.forget = forget
        self.worth = worth
        self.names: list[Hashable] = []
        self.weights: Array = np.zeros(1)  # the intercept, then a weight a name
        self.precision: Array = np.zeros((1, 1))
        self.least: Array = np.zeros(1)  # precision of the prior: the floor of forgetting

    def _unit_test_skips(self) -> set[str]:
        """Skips one check: a batch is learned at its own mode, not at the modes of its rows one after another."""
        return {"check_learn_many_matches_learn_one"}

    def learn_one(self, x: dict[Hashable, Any], y: base.typing.ClfTarget) -> None:
        """Learns one example."""
        self.learn_many(pd.DataFrame([x]), pd.Series([y]))

    def learn_many(self, X: pd.DataFrame, y: pd.Series) -> None:
        """Learns a batch; a new name gets a weight of zero and the prior."""
        self.add_features(list(X.columns))
        x = X.reindex(columns=self.names, fill_value=0.0).to_numpy(np.float64)
        self.update(x, y.to_numpy(np.float64))

    def predict_proba_one(self, x: dict[Hashable, Any], **kwargs: Any) -> dict[base.typing.ClfTarget, float]:
        """Returns the probability of each class."""
        known = np.array([[float(x.get(name, 0.0)) for name in self.names]])
        p = float(self.probability(known)[0])
        return {False: 1.0 - p, True: p}

    def predict_proba_many(self, X: pd.DataFrame) -> pd.DataFrame:
        """Returns probabilities, a column for each class."""
        x = X.reindex(columns=self.names, fill_value=0.0).to_numpy(np.float64)
        p = self.probability(x)
        return pd.DataFrame({False: 1.0 - p, True: p}, index=X.index)

    def probability(self, x: Array) -> Array:
        """x: (rows, names) -> (rows,)."""
        return sigmoid(logit(np.ascontiguousarray(x.T), self.weights[1:], self.weights[0]))

    def update(self, x: Array, y: Array, weight: Array | None = None) -> None:
        """Learns a batch. x: (rows, names), finite; y: (rows,) of 0 and 1; weight: (rows,), at most MOST_WEIGHT."""
        design, n = _design(x), len(y)
        varies = design.max(axis=0) > (design.min(axis=0) if n > 1 else 0.0)
        varies[0] = True
        still = np.where(varies, 0.0, design[0])  # the same in every row
        (moving,) = np.nonzero(varies)
        self.precision *= self.forget
        np.fill_diagonal(self.precision, self.precision.diagonal() + (1.0 - self.forget) * self.least)
        self._begin(moving, design)
        places = np.ix_(moving, moving)
        before, prior, offset = self.weights[moving], self.precision[places], _dot(still, self.weights)
        posterior = _Posterior(design.T[moving].T, y, weights_or_ones(y, weight), before, prior, offset, self.worth)
        self.weights[moving], self.precision[places] = posterior.mode()

    def _begin(self, moving: NDArray[np.intp], design: Array) -> None:
        """Sets the prior of weights whose feature varies for the first time."""
        new = moving[self.precision[moving, moving] == 0.0]
        if len(new):
            some = design[:, new]
            mean = some.sum(axis=0) / len(some)  # exact: multiples of FEATURE_STEP
            variance = np.maximum((some * some).sum(axis=0) / len(some) - mean * mean, LEAST_VARIANCE)
            self.least[new] = np.where(new == 0, INTERCEPT_PRECISION, self.prior_precision * variance)
            self.precision[new, new] = self.least[new]

    def add_features(self, names: list[Hashable]) -> None:
        new = [name for name in names if name not in set(self.names)]
        if not new:
            return
        self.names += new
        known, size = len(self.weights), len(self.names) + 1
        self.weights = np.concatenate([self.weights, np.zeros(size - known)])
        wider = np.zeros((size, size))
        wider[:known, :known] = self.precision
        self.precision, self.least = wider, np.concatenate([self.least, np.zeros(size - known)])

    def restore(self, weights: Array, precision: Array, least: Array) -> None:
        """Restores a state; names that came after it have a weight of zero and no prior yet."""
        known, size = len(weights), 1 + len(self.names)
        self.weights, self.least = grown(weights, size), grown(least, size)
        self.precision = np.zeros((size, size))
        self.precision[:known, :known] = precision.reshape(known, known)


def logit(columns: Array, weights: Array, intercept: float) -> Array:
    """columns: (features, n) -> (n,), within LOGIT_LIMIT."""
    clipped: Array = np.clip(linear(columns, weights, intercept), -LOGIT_LIMIT, LOGIT_LIMIT)
    return clipped


def linear(columns: Array, weights: Array, intercept: float) -> Array:
    """columns: (features, n) -> (n,); summed in the order of the features, so a row's bits depend on it alone."""
    if (found := arrays.linear(columns, weights, intercept)) is not None:
        return found
    z = np.full(columns.shape[1], float(intercept))
    for column, weight in zip(columns, weights.tolist(), strict=True):
        if weight != 0.0:
            z += column * weight
    return z


def solve(matrix: Array, right: Array) -> Array:
    """Returns matrix^-1 right of a symmetric positive definite matrix, by elimination in a fixed order (no LAPACK:
    its bits vary).
    """
    if (found := arrays.solve(matrix, right)) is not None:
        return found
    a = np.column_stack([matrix, right])
    n = len(right)
    for i in range(n - 1):
        a[i + 1 :, i + 1 :] -= (a[i + 1 :, i] / a[i, i])[:, None] * a[i, i + 1 :]
    x = a[:, n].copy()
    for i in reversed(range(n)):
        x[i] /= a[i, i]
        x[:i] -= a[:i, i] * x[i]
    return x


def _design(x: Array) -> Array:
    """(rows, 1 + names), contiguous by column: a column of ones, then the features on the grid of FEATURE_STEP."""
    columns = np.ones((1 + x.shape[1], len(x)))
    np.clip(x.T, -FEATURE_LIMIT, FEATURE_LIMIT, out=columns[1:])
    return _rounded(columns, FEATURE_STEP).T


@dataclass(frozen=True, slots=True)
class _Posterior:
    """The posterior of a batch: its likelihood, and the Gaussian prior around the weights before it."""

    design: Array  # (rows, 1 + names), contiguous by column
    y: Array  # (rows,)
    weight: Array  # (rows,)
    before: Array  # (1 + names,)
    prior: Array  # (1 + names, 1 + names), a precision
    offset: float  # log-odds of the constant features, the same for every row
    worth: float  # exponent of a row's likelihood

    def mode(self) -> tuple[Array, Array]:
        """Returns the weights at the least loss, and the precision there."""
        weights, precision = self.before, self.prior
        loss = self.loss(weights)
        for _ in range(NEWTON_STEPS):
            gradient, curvature = self.sums(weights)
            precision = self.prior + curvature
            start, step = loss, solve(precision, gradient)
            weights, loss = self.descend(weights, step, start)
            if start - loss < max(LEAST_GAIN, LEAST_SHARE * start):
                break
        return weights, precision

    def loss(self, weights: Array) -> float:
        """Returns the negative log posterior, up to a constant; the sum over rows is exact."""
        move, total = weights - self.before, 0.0
        for part, y, weight in self._parts():
            margin = linear(part.T[1:], weights[1:], weights[0] + self.offset) * (2.0 * y - 1.0)
            row = weight * (np.maximum(-margin, 0.0) + log(1.0 + exp(-np.abs(margin))))
            total += float((np.rint(row / RESIDUAL_STEP) * RESIDUAL_STEP).sum())
        return self.worth * total + 0.5 * _dot(move, self._pull(move))

    def sums(self, weights: Array) -> tuple[Array, Array]:
        """Returns the gradient of the loss, and the rows' curvature without the prior; sums over rows are exact."""
        gradient, curvature = np.zeros(len(weights)), np.zeros((len(weights), len(weights)))
        for part, y, weight in self._parts():
            p = sigmoid(logit(part.T[1:], weights[1:], weights[0] + self.offset))
            residual = np.rint(weight * (p - y) / RESIDUAL_STEP) * RESIDUAL_STEP
            weighted = _rounded(part * (weight * (p * (1.0 - p)))[:, None], CURVATURE_STEP)
            gradient += residual @ part
            curvature += weighted.T @ part
        pull = self._pull(weights - self.before)
        return self.worth * gradient + pull, self.worth * (curvature + curvature.T) / 2.0

    def descend(self, weights: Array, step: Array, loss: float) -> tuple[Array, float]:
        """Returns `weights` less the first of step, step / 2, step / 4, ... that does not raise the loss, and the loss:
        far from the mode whole Newton steps may diverge.
        """
        for halvings in range(MOST_HALVINGS):
            there = weights - step * 0.5**halvings
            reached = self.loss(there)
            if reached < loss + LEAST_GAIN:
                return there, reached
        return weights, loss

    def _parts(self) -> Iterator[tuple[Array, Array, Array]]:
        for start in range(0, len(self.y), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            yield self.design[rows], self.y[rows], self.weight[rows]

    def _pull(self, move: Array) -> Array:
        return np.asarray(np.cumsum(self.prior * move, axis=1)[:, -1])


def _rounded(x: Array, step: float) -> Array:
    """Rounds to multiples of a power of two, in place."""
    x /= step
    np.rint(x, out=x)
    x *= step
    return x


def _dot(a: Array, b: Array) -> float:
    return float(np.cumsum(a * b)[-1])  # sequential: a fixed order of additions
