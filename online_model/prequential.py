"""Prequential metrics: every label is compared with the probability that was served before it was known.

Predictions are counted in equal bins of probability. So the state has a fixed size for any length of stream, merges by
addition, and yields AUC and calibration to within the width of a bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array, log

BINS = 1 << 16
CALIBRATION_BINS = 15
LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics so far; None: not defined yet (no label, or one class only)."""

    labels: int
    positives: int
    base_rate: float | None
    auc: float | None
    log_loss: float | None
    brier: float | None
    ece: float | None


class PrequentialMetrics:
    """Counts of served probabilities by label, and sums of their losses."""

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros((2, BINS), np.int64)  # (label, bin of probability)
        self.loss = 0.0
        self.squared_error = 0.0

    def update(self, probability: Array, label: NDArray[np.uint8]) -> None:
        """Adds labels. probability: (n,) as served; label: (n,) of 0 and 1. Sums in the order given."""
        if not len(label):
            return
        bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
        self.counts += np.bincount(label.astype(np.int64) * BINS + bins, minlength=2 * BINS).reshape(2, BINS)
        of_truth = np.maximum(np.where(label == 1, probability, 1.0 - probability), LEAST_PROBABILITY)
        self.loss = float(np.cumsum(np.append(self.loss, -log(of_truth)))[-1])
        error = probability - label
        self.squared_error = float(np.cumsum(np.append(self.squared_error, error * error))[-1])

    def get(self) -> Metrics:
        """Returns the metrics so far."""
        negatives, positives = (int(n) for n in self.counts.sum(axis=1))
        labels = negatives + positives
        if not labels:
            return Metrics(0, 0, None, None, None, None, None)
        return Metrics(
            labels=labels,
            positives=positives,
            base_rate=positives / labels,
            auc=self._auc(negatives, positives) if negatives and positives else None,
            log_loss=self.loss / labels,
            brier=self.squared_error / labels,
            ece=self._calibration_error(labels),
        )

    def precision(self, threshold: float) -> float | None:
        """Returns the share of positives among labels whose probability was above the threshold, to within the width of
        a bin; None: there is no such label.
        """
        zeros, ones = self.counts[:, int(threshold * BINS) :].sum(axis=1).tolist()
        return ones / (zeros + ones) if zeros + ones else None

    def _auc(self, negatives: int, positives: int) -> float:
        """Returns the share of pairs in the right order; ties, which are pairs within a bin, count half."""
        zeros, ones = self.counts
        below = np.cumsum(zeros) - zeros
        return float((ones * (2 * below + zeros)).sum() / (2 * negatives * positives))

    def _calibration_error(self, labels: int) -> float:
        """Returns the expected calibration error over bins of (nearly) equal mass: the sum of
        share * |mean probability - share of ones|.
        """
        total, ones = self.counts.sum(axis=0), self.counts[1]
        middle = (np.arange(BINS) + 0.5) / BINS
        part = np.minimum((np.cumsum(total) - total) * CALIBRATION_BINS // labels, CALIBRATION_BINS - 1)
        predicted = np.bincount(part, total * middle, CALIBRATION_BINS)
        happened = np.bincount(part, ones, CALIBRATION_BINS)
        return float(np.abs(predicted - happened).sum() / labels)
