"""Intervals: customers are drawn anew, with all their weeks, since the weeks of a customer are not independent.

A Poisson bootstrap: in each replicate a customer counts as often as a Poisson number of mean 1 says, which needs one
pass and no copies (Hanley and MacGibbon 2006, 10.1016/j.cmpb.2006.04.006). An interval is the middle 95 % of the replicates, moved so
that their mean stands on the estimate: that takes out the bias that calibration errors of resampled data have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from online_model.judge import CALIBRATION_BINS
from streams.evaluation.metrics import Labels, equal_mass, losses, squared_errors
from streams.evaluation.rows import Floats, Ints, Rows

REPLICATES = 200
SEED = 1
MIDDLE = (0.025, 0.975)
SCORE_BINS = 1024  # within a bin two scores count as a tie: costs AUC less than 1e-5


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its 95 % interval; NaN (null in JSON) where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Weighted sums and what a metric makes of them.

    key: (n,) a flat place in `shape`, whose first axis is the group; value: (n,), or None to sum the weights alone.
    metric: sums (shape) and weights (groups,) -> (groups,).
    """

    key: Ints
    value: Floats | None
    shape: tuple[int, ...]
    metric: Callable[[Floats, Floats], Floats]


def resample(tallies: Sequence[Tally], rows: Rows, group: Ints, seed: int = SEED) -> NDArray[np.float64]:
    """(tallies, 2, 1 + replicates, groups): each group alone, and all groups up to it; the first is the data itself.

    group: (rows,). The same seed draws the same customers, so differences of two calls are paired.
    """
    groups = count(group)
    into = np.full((len(tallies), 2, 1 + REPLICATES, groups), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        for i, drawn in enumerate(_draws(len(rows.names), seed)):
            weight = drawn[rows.customer]
            mass = np.bincount(group, weight, groups)
            for t, tally in enumerate(tallies):
                values = weight if tally.value is None else weight * tally.value
                sums = np.bincount(tally.key, values, int(np.prod(tally.shape))).reshape(tally.shape)
                into[t, 0, i] = tally.metric(sums, mass)
                into[t, 1, i] = tally.metric(np.cumsum(sums, axis=0), np.cumsum(mass))
    return into


def count(group: Ints) -> int:
    """How many groups there are."""
    return int(group.max(initial=-1)) + 1


def _draws(customers: int, seed: int) -> Iterator[Floats]:
    yield np.ones(customers)
    for i in range(REPLICATES):
        yield np.random.default_rng([seed, i]).poisson(1.0, customers).astype(np.float64)


def estimate(replicates: Floats, least: float = 0.0, most: float = np.inf) -> Estimate:
    """replicates: (1 + replicates,), the data itself first; the interval is cut to what the metric can be."""
    middle, drawn = float(replicates[0]), replicates[1:][np.isfinite(replicates[1:])]
    if not np.isfinite(middle) or len(drawn) < REPLICATES // 2:
        return Estimate(middle, float("nan"), float("nan"))
    low, high = np.quantile(drawn, MIDDLE) - drawn.mean() + middle
    return Estimate(middle, max(float(low), least), min(float(high), most))


def auc_tally(score: Floats, label: Labels, group: Ints) -> Tally:
    """Scores count as equal within one of SCORE_BINS equally filled bins."""
    part = equal_mass(score, SCORE_BINS)
    key = (group * 2 + label) * SCORE_BINS + part
    return Tally(key.astype(np.int32), None, (count(group), 2, SCORE_BINS), _auc)


def loss_tally(probability: Floats, label: Labels, group: Ints) -> Tally:
    """Log loss."""
    return Tally(group, losses(probability, label), (count(group),), np.divide)


def brier_tally(probability: Floats, label: Labels, group: Ints) -> Tally:
    """Brier score."""
    return Tally(group, squared_errors(probability, label), (count(group),), np.divide)


def calibration_tally(part: Ints, probability: Floats, label: Labels, group: Ints) -> Tally:
    """Expected calibration error over the bins `part`, (n,), of CALIBRATION_BINS."""
    key = group * CALIBRATION_BINS + part
    return Tally(key.astype(np.int32), probability - label, (count(group), CALIBRATION_BINS), _calibration)


def _auc(sums: Floats, mass: Floats) -> Floats:
    zeros, ones = sums[:, 0], sums[:, 1]
    wins = (ones * (2 * np.cumsum(zeros, axis=1) - zeros)).sum(axis=1)
    return np.asarray(wins / (2 * zeros.sum(axis=1) * ones.sum(axis=1)))


def _calibration(sums: Floats, mass: Floats) -> Floats:
    return np.asarray(np.abs(sums).sum(axis=1) / mass)
