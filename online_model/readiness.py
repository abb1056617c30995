"""Readiness: whether the model may open cases, by its predictions of the newest matured instants before it learns them.

A round is an instant with all its customers; AUC is taken within a round. Its lower bound has two error terms. The same
customers return in each round, so the sampling error is that of one instant (Hanley and McNeil 1982,
10.1148/radiology.143.1.7063747). Rounds differ among themselves, and since horizons of consecutive rounds overlap, only
the new share of each is independent evidence. Customers count by their weight (`treatment`), and their number is the
effective sample size.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

from features.portable_math import Array
from online_model.expert_weights import mean_loss
from online_model.treatment import effective_sample_size, weights_or_ones

KEPT = 0.5 ** (1.0 / 4.0)  # share of a round's weight kept from week to week: the half-life is four weeks
SURE = 1.6448536269514722  # standard errors: one-sided 95 %


class Hold(StrEnum):
    """Why no case may be opened."""

    NOTHING = ""
    ONE_CLASS = "all labels so far are of one class: nobody has left, or nobody has stayed"
    LABELS = "too few labels of both classes have matured"
    AUC = "the lower bound of AUC on recent labels is below model.least_auc"
    AUC_OF_FEW = (
        "the lower bound of AUC on recent labels is below model.least_auc; contacts are reported, so of the customers "
        "with a case only the holdout counts (model.leave_out_treated, gate.holdout_share)"
    )
    PRIOR = "the prior is better on recent labels"


@dataclass(frozen=True, slots=True)
class ReadinessRules:
    """The thresholds of readiness."""

    min_labels: int
    min_labels_of_a_class: int
    least_auc: float

    def enough(self, labels: int, positives: int) -> bool:
        """Whether there are enough labels to serve the learned model instead of the prior."""
        least = self.min_labels_of_a_class
        return labels >= self.min_labels and least <= positives <= labels - least

    def share_of_enough(self, labels: int, positives: int) -> float:
        """Returns how much of what is enough there is, 0 to 1: of labels or of the rarer class, whichever is less."""
        rarer = min(positives, labels - positives)
        needs = (labels, self.min_labels), (rarer, self.min_labels_of_a_class)
        return min([1.0, *(have / need for have, need in needs if need)])


@dataclass(slots=True)
class RecentMetrics:
    """Exponentially decayed sums over rounds."""

    weight: float = 0.0
    squared_weight: float = 0.0
    auc: float = 0.0
    squared_auc: float = 0.0
    sampling: float = 0.0  # variances
    gain: float = 0.0  # mean log loss of the prior less that of the model

    def update(self, model: Array, prior: Array, y: Array, weight: Array | None = None) -> None:
        """Adds a round. model, prior: (n,) log-odds; y, weight: (n,). A round of one class is ignored."""
        weight = weights_or_ones(y, weight)
        positives, negatives = effective_sample_size(weight[y == 1.0]), effective_sample_size(weight[y == 0.0])
        if not (positives and negatives):
            return
        auc = weighted_auc(model, y, weight)
        for name, value in asdict(self).items():
            setattr(self, name, value * (KEPT * KEPT if name == "squared_weight" else KEPT))
        self.weight += 1.0
        self.squared_weight += 1.0
        self.auc += auc
        self.squared_auc += auc * auc
        self.sampling += sampling_variance(auc, positives, negatives)
        self.gain += mean_loss(prior, y, weight) - mean_loss(model, y, weight)

    def least_auc(self, new_share: float) -> float | None:
        """Returns the lower bound of AUC, None before the first round. new_share: of the horizon, new in a round."""
        if not self.weight:
            return None
        mean = self.auc / self.weight
        rounds = max(self.weight * self.weight / self.squared_weight * new_share, 1.0)
        between = max(self.squared_auc / self.weight - mean * mean, 0.0) / rounds
        return mean - SURE * float(np.sqrt(self.sampling / self.weight + between))

    def hold(self, readiness: ReadinessRules, labels: int, positives: int, new_share: float) -> Hold:
        """Returns the first reason for a hold, NOTHING if there is none."""
        least = self.least_auc(new_share)
        if labels >= readiness.min_labels and positives in (0, labels):
            return Hold.ONE_CLASS
        if not readiness.enough(labels, positives) or least is None:
            return Hold.LABELS
        if least < readiness.least_auc:
            return Hold.AUC
        return Hold.PRIOR if self.gain <= 0.0 else Hold.NOTHING


def weighted_auc(score: Array, y: Array, weight: Array | None = None) -> float:
    """Returns AUC: the weighted share of pairs of both classes in the right order; ties count half."""
    weight = weights_or_ones(y, weight)
    values, place = np.unique(score, return_inverse=True)
    ones = np.bincount(place, weight * y, len(values))
    zeros = np.bincount(place, weight * (1.0 - y), len(values))
    below = np.cumsum(zeros) - zeros
    pairs = np.cumsum(ones * (below + zeros / 2.0))[-1]  # weighted sums may round: a fixed order
    return float(pairs / (ones.sum() * zeros.sum()))


def sampling_variance(auc: float, positives: float, negatives: float) -> float:
    """Returns the variance of an AUC over samples of so many customers."""
    q1, q2, square = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc), auc * auc
    spread = auc * (1.0 - auc) + (positives - 1) * (q1 - square) + (negatives - 1) * (q2 - square)
    return spread / (positives * negatives)
