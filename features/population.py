"""Percentiles of a customer among all active customers: recency, frequency, money, behaviour, and the score RFM-B.

Partitions count their customers in fixed bins. The counts are added, so a percentile depends neither on the number of
partitions nor on the order in which they report.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalogue import MIDDLE_RANK, NAMES
from features.portable_math import Array, log

# recency, frequency, monetary, behaviour: its feature, its weight in RFM-B, whether higher is better
COMPONENTS = (
    ("retained_recency", 0.35, False),
    ("retained_count", 0.30, True),
    ("spend_total", 0.20, True),
    ("activity_28d", 0.15, True),
)
BINS = 256
BINS_A_LOG = 16.0  # bins are equally wide in log(1 + value): 6 % of the value each, the last from 8 million up
RFM_B = NAMES.index("rfm_b")
_FEATURES = np.array([NAMES.index(name) for name, _, _ in COMPONENTS])
_SHARES = [share for _, share, _ in COMPONENTS]

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RfmB:
    """Percentiles of n customers, 0 to 100, higher is better; `score` is their weighted mean."""

    recency: Array
    frequency: Array
    monetary: Array
    behaviour: Array
    score: Array


def count(raw: Array) -> Counts:
    """Returns customers by bin, (components, bins). raw: (features, n) in their units."""
    bins = _bins(raw) + np.arange(len(COMPONENTS))[:, None] * BINS
    return np.bincount(bins.ravel(), minlength=len(COMPONENTS) * BINS).reshape(len(COMPONENTS), BINS)


def zero_counts() -> Counts:
    """Returns the counts of no customers."""
    return np.zeros((len(COMPONENTS), BINS), np.int64)


def percentiles(counts: Counts) -> Array:
    """Returns the percentile of a customer in each bin, (components, bins): customers below it and half of the bin."""
    if not counts.any():
        return np.full(counts.shape, MIDDLE_RANK)  # no customer has been counted yet
    below = np.cumsum(counts, axis=1) - counts
    rank = 100.0 * (below + counts / 2.0) / counts.sum(axis=1, keepdims=True)
    return np.stack([row if better else 100.0 - row for row, (_, _, better) in zip(rank, COMPONENTS, strict=True)])


def rfmb(raw: Array, table: Array) -> RfmB:
    """Returns the percentiles of n customers. raw: (features, n) in their units; table: a result of `percentiles`."""
    r, f, m, b = (row[bins] for row, bins in zip(table, _bins(raw), strict=True))
    score = np.zeros(raw.shape[1])
    for share, part in zip(_SHARES, (r, f, m, b), strict=True):
        score += share * part
    return RfmB(r, f, m, b, score)


def _bins(raw: Array) -> NDArray[np.intp]:
    """Returns the bin of each customer, (components, n)."""
    values = log(np.ascontiguousarray(raw[_FEATURES]) + 1.0) * BINS_A_LOG
    return np.clip(values, 0.0, BINS - 1.0).astype(np.intp)
