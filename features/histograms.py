"""How the features and scores of all customers of an instant are distributed, counted in fixed bins.

Counts of partitions add up, so a histogram depends neither on their number nor on the order in which they report.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.catalogue import FEATURES
from features.portable_math import Array, log

SCORE = "score"
TENURE_INSTEAD = "days since the first event of any kind"
TENURE = next(i for i, one in enumerate(FEATURES) if one.name == "tenure")
# the calendar is the same for all, and everybody's tenure grows by a week a week: neither is a change of anybody
WATCHED = tuple(i for i, one in enumerate(FEATURES) if one.topic != "calendar" and i != TENURE)
# days since something, the tenure where there was nothing: log((1 + days) / (1 + tenure)) does not age by itself
AGEING = tuple(WATCHED.index(i) for i in WATCHED if FEATURES[i].missing == TENURE_INSTEAD)
NAMES = (*(FEATURES[i].name for i in WATCHED), SCORE)
BINS = 256
LIMIT = 32.0  # of scaled features: a bin is a quarter of a unit wide, a factor of 1.28 on the log scale
GROUPS = 10  # of a reference's customers, the usual number for this index
SMOOTHING = 0.5  # added to each group, so that an empty one has a logarithm

Histograms = NDArray[np.int64]


def count(x: Array, probability: Array) -> Histograms:
    """x: (features, n) scaled; probability: of those who have one, at most n -> (names, bins) customers."""
    found = zero_histograms()
    for row, i in enumerate(WATCHED):  # one after another: a row fits the cache
        found[row] = _in_bins(x[i] - x[TENURE] if row in AGEING else x[i])
    found[-1] = _in_bins(probability * (2.0 * LIMIT) - LIMIT)
    return found


def _in_bins(values: Array) -> NDArray[np.int64]:
    """(n,) -> (bins,). An ageing feature that is the tenure gives 0 to the bit, where a bin begins."""
    at = (values + LIMIT) * (BINS / (2.0 * LIMIT))
    return np.bincount(np.clip(at, 0.0, BINS - 1.0).astype(np.intp), minlength=BINS)


def zero_histograms() -> Histograms:
    """The counts of no customers."""
    return np.zeros((len(NAMES), BINS), np.int64)


def psi(now: Histograms, reference: Histograms) -> Array:
    """Population stability index of each row, (rows,): sum of (a - e) * log(a / e) over the shares in tenths of the
    reference. Values outside the reference fall into its first or last group.
    """
    below = np.cumsum(reference, axis=1) - reference
    middle = (2 * below + reference) * GROUPS // (2 * np.maximum(reference.sum(axis=1, keepdims=True), 1))
    group = np.minimum(middle, GROUPS - 1) + np.arange(len(reference))[:, None] * GROUPS
    a, e = (_shares(counts, group) for counts in (now, reference))
    return np.cumsum((a - e) * log(a / e), axis=1)[:, -1]


def _shares(counts: Histograms, group: NDArray[np.int64]) -> Array:
    """(rows, groups)."""
    rows = len(counts)
    found = np.bincount(group.ravel(), counts.ravel(), rows * GROUPS).reshape(rows, GROUPS) + SMOOTHING
    return np.asarray(found / (counts.sum(axis=1, keepdims=True) + SMOOTHING * GROUPS))
