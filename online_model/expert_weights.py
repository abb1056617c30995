"""Weights of the experts, by the log loss of their predictions: a round is an instant with all its customers.

Observations of one instant are dependent (a deadline, a strike, a season). So a round counts by its mean loss, as at
most ENOUGH independent observations, for any number of customers. Horizons of consecutive instants overlap, so a round
counts only by its new share. A single round may be luck, so its loss is clipped (MOST_APART, MOST_BEHIND).

Weights are exponential with fixed share (Herbster and Warmuth 1998, 10.1023/A:1007424614876), on the experts' log-odds.
Log loss is convex in log-odds, so the pool's loss is at most the weighted mean of the experts' losses. Three steps:
1. the experts against each other; fixed share pulls their weights back to the first ones: the best expert changes;
2. their mix against the running base rate, which takes over where the experts fail;
3. calibration by all rounds so far: a slope, which is one factor on the log-odds and shrinks an overconfident pool, and
   a level, which is added to them.
"""

from __future__ import annotations

import numpy as np

from features.portable_math import Array, exp, log
from online_model.estimator import RESIDUAL_STEP
from online_model.parameters import EXPERTS, MIX
from online_model.treatment import effective_sample_size, weights_or_ones

BASE = EXPERTS.index("base")
# Before any evidence. The prior stays at 0: its gains did not last (log loss on one log 0.2756 without it, 0.2836
# with it).
BEGIN = np.array([0.05, 0.0, 0.19, 0.76])
POOLED = tuple(name for name, share in zip(EXPERTS, BEGIN.tolist(), strict=True) if share)
ENOUGH, SHARE, MOST_APART = 3000.0, 0.3, 0.01  # of step 1, the experts
BASE_ENOUGH, BASE_SHARE, MOST_BEHIND = 50.0, 0.01, 0.13  # of step 2, the base rate
SLOPES, LEVELS = np.arange(0, 12) / 10.0, np.arange(-5, 6) / 10.0
BEGIN_SLOPE, SLOPE_ROUNDS = 1.0, 6.0
LEVEL_ROUNDS, MOST_MOVED = 2.0, 0.05  # MOST_MOVED: mean log loss against level 0, the most that a round counts
MOST_LOSS = 8.0  # log-odds are clipped here: one instant must not outweigh all others


class ExpertWeights:
    """Weights of the experts, and the slope and level of their weighted log-odds."""

    def __init__(self, new_share: float, pooled: tuple[str, ...] = POOLED) -> None:
        """new_share: the share of a round's horizon that the round before does not cover; pooled: members of POOLED."""
        self.new_share = new_share
        begin = np.where([name in pooled for name in EXPERTS], BEGIN, 0.0)
        begin /= _sum(begin)
        self.begin_trust = 1.0 - float(begin[BASE])
        begin[BASE] = 0.0
        self.begin: Array = begin / max(self.begin_trust, 1e-9)
        self.experts, self.trust = self.begin.copy(), self.begin_trust
        self.costs: Array = SLOPE_ROUNDS * (SLOPES - BEGIN_SLOPE) ** 2
        self.level_costs: Array = LEVEL_ROUNDS * LEVELS**2

    @property
    def weights(self) -> Array:
        """(EXPERTS,)."""
        weights: Array = self.trust * self.experts
        weights[BASE] += 1.0 - self.trust
        return weights

    @property
    def slope(self) -> float:
        """The factor of least loss so far."""
        return float(SLOPES[int(self.costs.argmin())])

    @property
    def level(self) -> float:
        """The offset of least loss so far, in log-odds."""
        return float(LEVELS[int(self.level_costs.argmin())])

    def update(self, said: Array, y: Array, weight: Array | None = None) -> None:
        """Adds a round. said: (rows, n) log-odds of the time, of each expert, then of their mix; y, weight: (n,)."""
        weight = weights_or_ones(y, weight)
        losses = np.array([mean_loss(row, y, weight) for row in said[: MIX + 1]])
        worth = min(ENOUGH, effective_sample_size(weight)) * self.new_share
        self.experts = _shared(self.experts, losses[:MIX] - losses[MIX], worth, MOST_APART, SHARE, self.begin)
        worth = min(BASE_ENOUGH, effective_sample_size(weight)) * self.new_share
        trust = np.array([1.0 - self.trust, self.trust])
        behind = np.array([0.0, losses[MIX] - losses[BASE]])
        begin = np.array([1.0 - self.begin_trust, self.begin_trust])
        self.trust = float(_shared(trust, behind, worth, MOST_BEHIND, BASE_SHARE, begin)[1])
        self.costs = self.costs + np.array([mean_loss(slope * said[MIX], y, weight) for slope in SLOPES.tolist()])
        calm = self.slope * said[MIX]
        costs = np.array([mean_loss(calm + level, y, weight) for level in LEVELS.tolist()])
        self.level_costs = self.level_costs + np.clip(costs - costs[len(LEVELS) // 2], -MOST_MOVED, MOST_MOVED)


def _shared(weights: Array, losses: Array, worth: float, most: float, share: float, begin: Array) -> Array:
    """Exponential weights with fixed share. losses: of each, less a common reference; clipped to +- most."""
    cut = np.clip(losses, -most, most)
    weights = weights * exp(-worth * (cut - cut.min()))
    total = _sum(weights)
    return (1.0 - share) * weights / total + share * begin if total else weights


def mix(said: Array, weights: Array) -> Array:
    """said: (experts, n) log-odds -> (n,), their weighted sum before the slope; added in the order of the experts."""
    total = np.zeros(said.shape[1])
    for weight, row in zip(weights.tolist(), said, strict=True):
        total += weight * row
    return total


def mean_loss(z: Array, y: Array, weight: Array | None = None) -> float:
    """Returns the weighted mean log loss of log-odds, in nats; the sum is exact in any order of rows."""
    weight = weights_or_ones(y, weight)
    margin = np.clip(z, -MOST_LOSS, MOST_LOSS) * (2.0 * y - 1.0)
    rows = weight * (np.maximum(-margin, 0.0) + log(1.0 + exp(-np.abs(margin))))
    return float((np.rint(rows / RESIDUAL_STEP) * RESIDUAL_STEP).sum() / weight.sum())


def _sum(values: Array) -> float:
    total = 0.0
    for value in values.tolist():
        total += value
    return total
