"""Whether the model may open cases: what it says of the newest matured instants, before it learns them.

A round is an instant with all its customers. AUC is taken within each: who of those who are here now will leave. Its
lower bound has two parts. Customers of an instant are drawn once (they come again in the next), so the error of
sampling them is that of one instant (Hanley and McNeil 1982, 10.1148/radiology.143.1.7063747). Instants differ, and of
consecutive ones, whose horizons overlap, only the new share is independent evidence. Customers count by their weight
(`treatment`), and as many as that is effectively.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

from features.portable_math import Array
from online_model.expert_weights import mean_loss
from online_model.treatment import effective_sample_size, weights_or_ones

KEPT = 0.5 ** (1.0 / 4.0)  # of a round's weight from week to week: half is gone after four
SURE = 1.6448536269514722  # standard errors: one-sided 95 %


class Hold(StrEnum):
    """Why no case may be opened."""

    NOTHING = ""
    LABELS = "too few labels of both classes have matured"
    AUC = "the lower bound of AUC on recent labels is below model.least_auc"
    PRIOR = "the prior is better on recent labels"


@dataclass(frozen=True, slots=True)
class ReadinessRules:
    """What has to be passed."""

    min_labels: int
    min_labels_of_a_class: int
    least_auc: float

    def enough(self, labels: int, positives: int) -> bool:
        """Whether anything but the prior may be served."""
        least = self.min_labels_of_a_class
        return labels >= self.min_labels and least <= positives <= labels - least


@dataclass(slots=True)
class RecentMetrics:
    """Sums over rounds, older ones fading."""

    weight: float = 0.0
    squared_weight: float = 0.0
    auc: float = 0.0
    squared_auc: float = 0.0
    sampling: float = 0.0  # variances
    gain: float = 0.0  # mean log loss of the prior less that of the model

    def update(self, model: Array, prior: Array, y: Array, weight: Array | None = None) -> None:
        """model, prior: (n,) log-odds of customers of an instant; y, weight: (n,). One class alone says nothing."""
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
        """The lower bound; None before the first round. fresh: the share of a round's horizon that is new."""
        if not self.weight:
            return None
        mean = self.auc / self.weight
        rounds = max(self.weight * self.weight / self.squared_weight * new_share, 1.0)
        between = max(self.squared_auc / self.weight - mean * mean, 0.0) / rounds
        return mean - SURE * float(np.sqrt(self.sampling / self.weight + between))

    def hold(self, readiness: ReadinessRules, labels: int, positives: int, new_share: float) -> Hold:
        """The first reason that holds."""
        least = self.least_auc(new_share)
        if not readiness.enough(labels, positives) or least is None:
            return Hold.LABELS
        if least < readiness.least_auc:
            return Hold.AUC
        return Hold.PRIOR if self.gain <= 0.0 else Hold.NOTHING


def weighted_auc(score: Array, y: Array, weight: Array | None = None) -> float:
    """AUC: the weighted share of pairs of both classes in the right order, ties counted half."""
    weight = weights_or_ones(y, weight)
    values, place = np.unique(score, return_inverse=True)
    ones = np.bincount(place, weight * y, len(values))
    zeros = np.bincount(place, weight * (1.0 - y), len(values))
    below = np.cumsum(zeros) - zeros
    pairs = np.cumsum(ones * (below + zeros / 2.0))[-1]  # weighted, it may not be exact: one after another
    return float(pairs / (ones.sum() * zeros.sum()))


def sampling_variance(auc: float, positives: float, negatives: float) -> float:
    """Of an AUC, by the customers that it is taken on."""
    q1, q2, square = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc), auc * auc
    spread = auc * (1.0 - auc) + (positives - 1) * (q1 - square) + (negatives - 1) * (q2 - square)
    return spread / (positives * negatives)
