"""Bootstrap intervals. Weeks of a customer are not independent, nor are the customers of a week (a deadline, a season).

So there are two kinds of replicates: customers are resampled with all their weeks, and weeks with all their customers.
Of the two intervals the wider one counts. A Poisson bootstrap: in each replicate a customer or a week has a Poisson
weight of mean 1, which needs one pass and no copies (Hanley and MacGibbon 2006, 10.1016/j.cmpb.2006.04.006). An
interval is the central 95 % of the replicates, shifted so that their mean equals the estimate: this removes the bias
that calibration errors of resampled data have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from online_model.prequential import CALIBRATION_BINS
from streams.evaluation.metrics import Labels, losses, ranks, squared_errors, starts
from streams.evaluation.observation_rows import Floats, Ints, Rows

REPLICATES = 200  # of each kind
SEED = 1
INTERVAL = (0.025, 0.975)
SCORE_BINS = 1024  # scores within a bin count as ties: an error of AUC of about 1e-5


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its 95 % interval; NaN (null in JSON) where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Weighted sums of each group, and the metric that they give.

    value: (n,), or None to sum the weights alone; cell: (n,), the index of the group's `cells` that a row adds to, or
    None where a group is one sum. metric: sums (groups, cells) or (groups,), and weights (groups,) -> (groups,).
    """

    value: Floats | None
    cell: Ints | None
    cells: int
    metric: Callable[[Floats, Floats], Floats]


def resample(tallies: Sequence[Tally], rows: Rows, group: Ints) -> Floats:
    """Returns (tallies, 2, 1 + 2 * REPLICATES, groups): each group alone, and all groups up to it. Replicate 0 is the
    data, then come those by customer, then those by week.

    group: (rows,), ascending. Groups without rows are left out. Every call draws the same weights, so that differences
    within a replicate are paired.
    """
    begins = starts(group)
    dense = np.searchsorted(group[begins], group)
    keys = [None if one.cell is None else dense * one.cells + one.cell for one in tallies]
    into = np.full((len(tallies), 2, 1 + 2 * REPLICATES, len(begins)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        for i, weight in enumerate(_weights(rows)):
            mass = np.add.reduceat(weight, begins)
            for t, (tally, key) in enumerate(zip(tallies, keys, strict=True)):
                sums = _sums(tally, key, weight, begins)
                into[t, 0, i] = tally.metric(sums, mass)
                into[t, 1, i] = tally.metric(np.cumsum(sums, axis=0), np.cumsum(mass))
    return into


def _sums(tally: Tally, key: Ints | None, weight: Floats, begins: Ints) -> Floats:
    values = weight if tally.value is None else weight * tally.value
    if key is None:
        return np.asarray(np.add.reduceat(values, begins))
    return np.asarray(np.bincount(key, values, len(begins) * tally.cells).reshape(len(begins), tally.cells))


def mean_by_week(values: Floats, week: Ints) -> Estimate:
    """Returns the mean of n values, with an interval by week. week: (n,), any numbers."""
    _, place = np.unique(week, return_inverse=True)
    sums, counts = np.bincount(place, values), np.bincount(place)
    if not len(counts):
        return Estimate(float("nan"), float("nan"), float("nan"))
    weight = np.stack([np.ones(len(counts)), *(_drawn(len(counts), 1, i) for i in range(REPLICATES))])
    with np.errstate(invalid="ignore"):
        means = weight @ sums / (weight @ counts)
    return Estimate(float(means[0]), *_interval(float(means[0]), means[1:]))


def _weights(rows: Rows) -> Iterator[Floats]:
    """Yields the weights of the rows in each replicate, (rows,)."""
    yield np.ones(len(rows.customer))
    for kind, (units, of) in enumerate(((len(rows.names), rows.customer), (len(rows.instants_us), rows.week))):
        for i in range(REPLICATES):
            yield np.take(_drawn(units, kind, i), of)


def _drawn(units: int, kind: int, replicate: int) -> Floats:
    """Returns the weights of customers (kind 0) or weeks (kind 1) in a replicate, (units,)."""
    return np.random.default_rng([SEED, replicate, kind]).poisson(1.0, units).astype(np.float64)


def estimate(replicates: Floats, least: float = 0.0, most: float = np.inf) -> Estimate:
    """Returns the estimate with its interval within [least, most]. replicates: (1 + 2 * REPLICATES,) of `resample`."""
    middle = float(replicates[0])
    kinds = [_interval(middle, drawn) for drawn in np.split(replicates[1:], 2)]
    low, high = max(kinds, key=lambda ends: -np.inf if np.isnan(ends[0]) else ends[1] - ends[0])
    return Estimate(middle, max(low, least), min(high, most))  # max and min keep a NaN that stands first


def _interval(middle: float, replicates: Floats) -> tuple[float, float]:
    drawn = replicates[np.isfinite(replicates)]
    if not np.isfinite(middle) or len(drawn) < REPLICATES // 2:
        return float("nan"), float("nan")
    low, high = np.quantile(drawn, INTERVAL) - drawn.mean() + middle
    return float(low), float(high)


def auc_tally(score: Floats, label: Labels) -> Tally:
    """Returns the tally of AUC; scores within one of SCORE_BINS equally filled bins count as ties."""
    part = (ranks(score) * (SCORE_BINS / max(len(score), 1))).astype(np.int64)
    return Tally(None, part + SCORE_BINS * (label == 1), 2 * SCORE_BINS, _auc)


def loss_tally(probability: Floats, label: Labels) -> Tally:
    """Returns the tally of log loss."""
    return Tally(losses(probability, label), None, 1, np.divide)


def brier_tally(probability: Floats, label: Labels) -> Tally:
    """Returns the tally of the Brier score."""
    return Tally(squared_errors(probability, label), None, 1, np.divide)


def calibration_tally(probability: Floats, label: Labels, part: Ints) -> Tally:
    """Returns the tally of expected calibration error over the bins `part`, (n,), of CALIBRATION_BINS."""
    return Tally(probability - label, part, CALIBRATION_BINS, _calibration)


def _auc(sums: Floats, mass: Floats) -> Floats:
    zeros, ones = sums[:, :SCORE_BINS], sums[:, SCORE_BINS:]
    wins = (ones * (2 * np.cumsum(zeros, axis=1) - zeros)).sum(axis=1)
    return np.asarray(wins / (2 * zeros.sum(axis=1) * ones.sum(axis=1)))


def _calibration(sums: Floats, mass: Floats) -> Floats:
    return np.asarray(np.abs(sums).sum(axis=1) / mass)
