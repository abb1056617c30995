"""Metrics of one set of predictions. score, probability: (n,), higher is likelier to leave; label: (n,) of 0 and 1.

Each is NaN where it is not defined: no rows, or for AUC and lift one class only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.portable_math import log
from online_model.prequential import CALIBRATION_BINS, LEAST_PROBABILITY
from streams.evaluation.observation_rows import Floats, Ints

Labels = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of about the same probability."""

    count: int
    predicted: float  # mean probability
    happened: float  # share that left


def losses(probability: Floats, label: Labels) -> Floats:
    """Negative log-likelihood of each prediction, (n,), in nats."""
    of_truth = np.where(label == 1, probability, 1.0 - probability)
    return -log(np.maximum(of_truth, LEAST_PROBABILITY))


def squared_errors(probability: Floats, label: Labels) -> Floats:
    """What the Brier score is the mean of, (n,)."""
    return np.square(probability - label)


def log_loss(probability: Floats, label: Labels) -> float:
    """In nats."""
    return float(losses(probability, label).mean()) if len(label) else float("nan")


def brier(probability: Floats, label: Labels) -> float:
    """The mean squared error."""
    return float(squared_errors(probability, label).mean()) if len(label) else float("nan")


def ranks(values: Floats) -> Floats:
    """Places in the order from 0 to n, (n,), each in the middle of its own; equal values in theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - counts / 2)[place])


def auc(score: Floats, label: Labels) -> float:
    """The share of pairs of a leaver and a stayer in the right order; ties count half."""
    positives = int(label.sum())
    negatives = len(label) - positives
    if not positives or not negatives:
        return float("nan")
    return float((ranks(score)[label == 1].sum() - positives * positives / 2) / (positives * negatives))


def equal_mass(values: Floats, bins: int) -> Ints:
    """Which of `bins` equally filled bins, lowest first, each value is in, (n,); equal values are in the same one."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    return np.asarray((first * bins // max(len(values), 1))[place])


def equal_mass_within(group: Ints, values: Floats, bins: int) -> Ints:
    """The same within each group, (n,); `group` rises."""
    return np.concatenate([equal_mass(part, bins) for part in np.split(values, starts(group)[1:])])


def starts(group: Ints) -> Ints:
    """Where each group begins; `group` rises, (n,)."""
    return np.flatnonzero(np.diff(group, prepend=-1))


def reliability(probability: Floats, label: Labels) -> list[Bin]:
    """Bins of equal mass."""
    part = equal_mass(probability, CALIBRATION_BINS)
    count = np.bincount(part, minlength=CALIBRATION_BINS)
    predicted, observed = (np.bincount(part, values, CALIBRATION_BINS) for values in (probability, label))
    return [Bin(int(n), float(s / n), float(c / n)) for n, s, c in zip(count, predicted, observed, strict=True) if n]


def ece(probability: Floats, label: Labels) -> float:
    """Expected calibration error: the mean distance of what was said and what happened, over bins of equal mass."""
    if not len(label):
        return float("nan")
    bins = reliability(probability, label)
    return sum(one.count * abs(one.predicted - one.happened) for one in bins) / len(label)


def gains(score: Floats, label: Labels, week: Ints, shares: Floats) -> Floats:
    """The part of all leavers that are among the `shares` of customers with the highest scores of each week.

    (shares,). Of a tie as many are taken as there is room for, whichever: so their mean counts. Lift is gain / share.
    `week` rises.
    """
    cuts = starts(week)[1:]
    parts = zip(np.split(score, cuts), np.split(label, cuts), strict=True)
    found = sum((_found(s, y, shares) for s, y in parts), np.zeros(len(shares)))
    leavers = int(label.sum())
    return found / leavers if leavers else np.full(len(shares), np.nan)


def _found(score: Floats, label: Labels, shares: Floats) -> Floats:
    """Leavers among the highest `shares` of one week; between two ends of ties the line is straight."""
    _, place, counts = np.unique(-score, return_inverse=True, return_counts=True)
    taken = np.cumsum(counts) / len(score)
    found = np.cumsum(np.bincount(place, label, len(counts)))
    return np.asarray(np.interp(shares, np.append(0.0, taken), np.append(0.0, found)))
