"""Drift of features and scores from month to month over the whole replay, by the index of the drift alerts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features import histograms
from features.catalogue import NAMES as FEATURES
from features.histograms import Histograms, psi
from features.matrix import scaled
from schemas.instants import format_instant
from streams.evaluation.observation_rows import Ints, Rows

REFERENCE_MONTHS = 2  # how many previous months a month is compared with


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """Population stability index by month, of a feature or the score."""

    name: str
    psi: list[float]

    @property
    def worst(self) -> float:
        """The largest index of all months."""
        return max(self.psi, default=0.0)


@dataclass(frozen=True, slots=True)
class Drift:
    """Largest index first; empty where there are too few months or features are missing."""

    months: list[str]
    moved: list[FeatureDrift]


def drift(rows: Rows) -> Drift:
    """Compares each month with the REFERENCE_MONTHS months before it."""
    months = [format_instant(int(us))[:7] for us in rows.instants_us]
    names = sorted(set(months))
    if len(names) <= REFERENCE_MONTHS or rows.feature_names() != list(FEATURES):
        return Drift([], [])
    counts = _counts(rows, np.array([names.index(month) for month in months]), len(names))
    by_month = [
        psi(counts[i], counts[i - REFERENCE_MONTHS : i].sum(axis=0)).tolist()
        for i in range(REFERENCE_MONTHS, len(names))
    ]
    moved = [FeatureDrift(name, list(values)) for name, *values in zip(histograms.NAMES, *by_month, strict=True)]
    return Drift(names[REFERENCE_MONTHS:], sorted(moved, key=lambda one: (-one.worst, one.name)))


def _counts(rows: Rows, month_of: Ints, months: int) -> Histograms:
    """Returns histograms, (months, names, bins)."""
    raw, month = rows.matrix(), month_of[rows.week]
    counts = np.zeros((months, len(histograms.NAMES), histograms.BINS), np.int64)
    for i in range(months):
        some = month == i
        counts[i] = histograms.count(scaled(raw[some].T.astype(np.float64)), rows.probability[some])
    return counts
