"""How far each expert is trusted, by what it said at the time: a round is an instant with all its customers.

Observations of one instant share their fate (a deadline, a strike, a season), so a round counts by its mean loss, as at
most ENOUGH independent observations, however many customers there are; since horizons of consecutive instants overlap,
only by the share of it that is new; and since one round may be luck, by at most so much of loss (MOST_APART,
MOST_BEHIND). Weights are exponential with fixed share (Herbster and Warmuth 1998, 10.1023/A:1007424614876), on the
experts' log-odds, in which log loss is convex, so that the pool is at most as bad as their weighted mean. Three steps:
the experts among themselves, always drawn back to where they began, since who was best in one world is not in the next;
their mix against the running base rate, which wins all where the others know nothing any more; and how that is
calibrated by all rounds so far: a slope, one factor on the log-odds, so that a pool too sure of whole instants becomes
modest, and a level added to them.
"""

from __future__ import annotations

import numpy as np

from features.portable_math import Array, exp, log
from online_model.estimator import RESIDUAL_STEP
from online_model.parameters import EXPERTS, MIX
from online_model.treatment import effective_sample_size, weights_or_ones

BASE = EXPERTS.index("base")
# Before any evidence. The prior is no member, and stays at 0: what it won now and then it lost again (log loss on one
# log 0.2756 without it, 0.2836 with it).
BEGIN = np.array([0.05, 0.0, 0.19, 0.76])
POOLED = tuple(name for name, share in zip(EXPERTS, BEGIN.tolist(), strict=True) if share)
ENOUGH, SHARE, MOST_APART = 3000.0, 0.3, 0.01  # of the experts among themselves
BASE_ENOUGH, BASE_SHARE, MOST_BEHIND = 50.0, 0.01, 0.13  # of their mix against the base rate
SLOPES, LEVELS = np.arange(0, 12) / 10.0, np.arange(-5, 6) / 10.0
BEGIN_SLOPE, SLOPE_ROUNDS = 1.0, 6.0
LEVEL_ROUNDS, MOST_MOVED = 2.0, 0.05  # of mean log loss, from the level 0: one round counts by at most so much
MOST_LOSS = 8.0  # log-odds beyond it count as this: one instant must not outweigh all others


class ExpertWeights:
    """Weights of experts and the slope of their weighted log-odds."""

    def __init__(self, new_share: float, pooled: tuple[str, ...] = POOLED) -> None:
        """fresh: the share of a round's horizon that no other round has seen; pooled: the members, of POOLED."""
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
        """The factor that would have been best."""
        return float(SLOPES[int(self.costs.argmin())])

    @property
    def level(self) -> float:
        """What would have been best to add, in log-odds."""
        return float(LEVELS[int(self.level_costs.argmin())])

    def update(self, said: Array, y: Array, weight: Array | None = None) -> None:
        """One round. said: (rows, n) log-odds at the time, of each expert, then of their mix; y, weight: (n,)."""
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
    """Exponential weights with fixed share. losses: of each, from what is between them all, cut to +- most."""
    cut = np.clip(losses, -most, most)
    weights = weights * exp(-worth * (cut - cut.min()))
    total = _sum(weights)
    return (1.0 - share) * weights / total + share * begin if total else weights


def mix(said: Array, weights: Array) -> Array:
    """said: (experts, n) log-odds -> their weighted sum (n,), before the slope; added in the order of the experts."""
    total = np.zeros(said.shape[1])
    for weight, row in zip(weights.tolist(), said, strict=True):
        total += weight * row
    return total


def mean_loss(z: Array, y: Array, weight: Array | None = None) -> float:
    """Weighted mean log loss of log-odds, in nats; the sum is exact, so the order of rows does not show."""
    weight = weights_or_ones(y, weight)
    margin = np.clip(z, -MOST_LOSS, MOST_LOSS) * (2.0 * y - 1.0)
    rows = weight * (np.maximum(-margin, 0.0) + log(1.0 + exp(-np.abs(margin))))
    return float((np.rint(rows / RESIDUAL_STEP) * RESIDUAL_STEP).sum() / weight.sum())


def _sum(values: Array) -> float:
    total = 0.0
    for value in values.tolist():
        total += value
    return total
