"""Metrics of one set of predictions. score, probability: (n,), higher: more likely to leave; label: (n,) of 0 and 1.

Each is NaN where it is undefined: no rows, or for AUC and lift one class only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.portable_math import log
from online_model.prequential import CALIBRATION_BINS, LEAST_PROBABILITY
from streams.evaluation.observation_rows import Floats, Ints

Labels = NDArray[np.int8]
TWENTIETHS = 20


@dataclass(frozen=True, slots=True)
class Bin:
    """A calibration bin: predictions of similar probability."""

    count: int
    predicted: float  # mean probability
    happened: float  # share that left


def losses(probability: Floats, label: Labels) -> Floats:
    """Returns the negative log-likelihood of each prediction in nats, (n,)."""
    of_truth = np.where(label == 1, probability, 1.0 - probability)
    return -log(np.maximum(of_truth, LEAST_PROBABILITY))


def squared_errors(probability: Floats, label: Labels) -> Floats:
    """Returns the squared error of each prediction, (n,)."""
    return np.square(probability - label)


def log_loss(probability: Floats, label: Labels) -> float:
    """Returns the mean log loss in nats."""
    return float(losses(probability, label).mean()) if len(label) else float("nan")


def brier(probability: Floats, label: Labels) -> float:
    """Returns the mean squared error."""
    return float(squared_errors(probability, label).mean()) if len(label) else float("nan")


def ranks(values: Floats) -> Floats:
    """Returns mid-ranks from 0 to n, (n,); ties share theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - counts / 2)[place])


def auc(score: Floats, label: Labels) -> float:
    """Returns the share of pairs (leaver, stayer) in the right order; ties count half."""
    positives = int(label.sum())
    negatives = len(label) - positives
    if not positives or not negatives:
        return float("nan")
    return float((ranks(score)[label == 1].sum() - positives * positives / 2) / (positives * negatives))


def equal_mass(values: Floats, bins: int) -> Ints:
    """Returns the equally filled bin, lowest first, of each value, (n,); equal values share a bin."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    return np.asarray((first * bins // max(len(values), 1))[place])


def equal_mass_within(group: Ints, values: Floats, bins: int) -> Ints:
    """Returns equally filled bins within each group, (n,); `group` is ascending."""
    return np.concatenate([equal_mass(part, bins) for part in np.split(values, starts(group)[1:])])


def starts(group: Ints) -> Ints:
    """Returns where each group starts; `group` is ascending, (n,)."""
    return np.flatnonzero(np.diff(group, prepend=-1))


def reliability(probability: Floats, label: Labels) -> list[Bin]:
    """Returns calibration bins of equal mass."""
    return _bins(equal_mass(probability, CALIBRATION_BINS), probability, label)


def by_probability(probability: Floats, label: Labels) -> list[Bin]:
    """Returns calibration bins of equal width, twentieths, without empty ones: where cases open there are few."""
    return _bins(np.minimum((probability * TWENTIETHS).astype(np.int64), TWENTIETHS - 1), probability, label)


def _bins(part: Ints, probability: Floats, label: Labels) -> list[Bin]:
    count, predicted, observed = (np.bincount(part, values) for values in (None, probability, label))
    return [Bin(int(n), float(s / n), float(c / n)) for n, s, c in zip(count, predicted, observed, strict=True) if n]


def ece(probability: Floats, label: Labels) -> float:
    """Returns the expected calibration error: mean |predicted - observed share| over bins of equal mass."""
    if not len(label):
        return float("nan")
    bins = reliability(probability, label)
    return sum(one.count * abs(one.predicted - one.happened) for one in bins) / len(label)


def gains(score: Floats, label: Labels, week: Ints, shares: Floats) -> Floats:
    """Returns the share of all leavers among the `shares` of customers with the highest scores of each week, (shares,).

    A tie at the cut counts with its mean. Lift is gain / share. `week` is ascending.
    """
    cuts = starts(week)[1:]
    parts = zip(np.split(score, cuts), np.split(label, cuts), strict=True)
    found = sum((_found(s, y, shares) for s, y in parts), np.zeros(len(shares)))
    leavers = int(label.sum())
    return found / leavers if leavers else np.full(len(shares), np.nan)


def _found(score: Floats, label: Labels, shares: Floats) -> Floats:
    """Returns the leavers among the highest `shares` of one week; linear within a tie."""
    _, place, counts = np.unique(-score, return_inverse=True, return_counts=True)
    taken = np.cumsum(counts) / len(score)
    found = np.cumsum(np.bincount(place, label, len(counts)))
    return np.asarray(np.interp(shares, np.append(0.0, taken), np.append(0.0, found)))
