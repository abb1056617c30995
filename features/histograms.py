"""Histograms of the features and scores of all customers at an instant, in fixed bins.

Counts of partitions are added, so a histogram depends neither on their number nor on the order in which they report.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.aggregates import RecentDays
from features.catalogue import FEATURES
from features.portable_math import Array, log
from features.signals import RETAINED

SCORE = "score"
TENURE_INSTEAD = "days since the first event of any kind"
DAYS = RecentDays(RETAINED, 0)
TENURE = next(i for i, one in enumerate(FEATURES) if one.name == "tenure")
# not watched: calendar and market are the same for all customers of a scope, tenure grows by a week a week without any
# drift, and regularity says of the newest days what recency and frequency say of all events
NO_DRIFT = ("calendar", "market")
UNWATCHED = {TENURE, *(i for i, one in enumerate(FEATURES) if one.topic in NO_DRIFT or one.uses[:1] == (DAYS,))}
WATCHED = tuple(i for i in range(len(FEATURES)) if i not in UNWATCHED)
# days since an event, or the tenure without events: log((1 + days) / (1 + tenure)) does not grow by time alone
AGEING = tuple(WATCHED.index(i) for i in WATCHED if FEATURES[i].missing == TENURE_INSTEAD)
NAMES = (*(FEATURES[i].name for i in WATCHED), SCORE)
BINS = 256
LIMIT = 32.0  # of scaled features: a bin is a quarter of a unit wide, a factor of 1.28 on the log scale
GROUPS = 10  # of equal size in the reference; ten is usual for this index
SMOOTHING = 0.5  # added to each group, so that an empty group has a logarithm

Histograms = NDArray[np.int64]


def count(x: Array, probability: Array) -> Histograms:
    """Returns customers by bin, (names, bins). x: (features, n) scaled; probability: of scored customers, at most n."""
    found = zero_histograms()
    for row, i in enumerate(WATCHED):  # row by row: a row fits into the cache
        found[row] = _in_bins(x[i] - x[TENURE] if row in AGEING else x[i])
    found[-1] = _in_bins(probability * (2.0 * LIMIT) - LIMIT)
    return found


def _in_bins(values: Array) -> NDArray[np.int64]:
    """Returns counts by bin, (bins,). An ageing feature equal to the tenure is exactly 0, the lower edge of a bin."""
    at = (values + LIMIT) * (BINS / (2.0 * LIMIT))
    return np.bincount(np.clip(at, 0.0, BINS - 1.0).astype(np.intp), minlength=BINS)


def zero_histograms() -> Histograms:
    """Returns the histograms of no customers."""
    return np.zeros((len(NAMES), BINS), np.int64)


def psi(now: Histograms, reference: Histograms) -> Array:
    """Returns the population stability index of each row, (rows,): the sum of (a - e) * log(a / e) over the shares in
    tenths of the reference. Values outside of the reference count in its first or last group.
    """
    below = np.cumsum(reference, axis=1) - reference
    middle = (2 * below + reference) * GROUPS // (2 * np.maximum(reference.sum(axis=1, keepdims=True), 1))
    group = np.minimum(middle, GROUPS - 1) + np.arange(len(reference))[:, None] * GROUPS
    a, e = (_shares(counts, group) for counts in (now, reference))
    return np.cumsum((a - e) * log(a / e), axis=1)[:, -1]


def _shares(counts: Histograms, group: NDArray[np.int64]) -> Array:
    """Returns the shares of the groups, (rows, groups)."""
    rows = len(counts)
    found = np.bincount(group.ravel(), counts.ravel(), rows * GROUPS).reshape(rows, GROUPS) + SMOOTHING
    return np.asarray(found / (counts.sum(axis=1, keepdims=True) + SMOOTHING * GROUPS))
