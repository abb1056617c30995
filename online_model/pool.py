"""How far each expert is trusted, by what it said at the time: a round is an instant with all its customers.

Observations of one instant share their fate (a deadline, a strike, a season), so a round counts by its mean loss, as at
most ENOUGH independent observations, however many customers there are; and since horizons of consecutive instants
overlap, only by the share of it that is new. Weights: fixed share (Herbster and Warmuth 1998, 10.1023/A:1007424614876)
on the experts' log-odds, in which log loss is convex, so that the pool is at most as bad as their weighted mean. Slope:
one factor on the pool's log-odds, by all rounds so far, so that a pool too sure of whole instants becomes modest.
"""

from __future__ import annotations

import numpy as np

from features.arithmetic import Array, exp, log
from online_model.estimator import RESIDUAL_STEP
from online_model.parameters import EXPERTS, MIX
from online_model.treatment import all_alike, effective

# Before any evidence: most to what needs few labels to be good. The prior is no member, and stays at 0: what it won now
# and then it lost again (log loss on one log 0.2756 without it, 0.2836 with it).
BEGIN = np.array([0.01, 0.0, 0.2, 0.79])
POOLED = tuple(name for name, share in zip(EXPERTS, BEGIN.tolist(), strict=True) if share)
ENOUGH = 3000.0
SHARE = 0.3
MOST_APART = 0.01  # of mean log loss, from the mix: more from one round is luck
SLOPES = np.arange(0, 23) / 20.0
BEGIN_SLOPE, SLOPE_ROUNDS = 1.0, 6.0
MOST_LOSS = 8.0  # log-odds beyond it count as this: one instant must not outweigh all others


class Pool:
    """Weights of experts and the slope of their weighted log-odds."""

    def __init__(self, fresh: float, pooled: tuple[str, ...] = POOLED) -> None:
        """fresh: the share of a round's horizon that no other round has seen; pooled: the members, of POOLED."""
        self.fresh = fresh
        begin = np.where([name in pooled for name in EXPERTS], BEGIN, 0.0)
        self.begin: Array = begin / _sum(begin)
        self.weights: Array = self.begin.copy()
        self.costs: Array = SLOPE_ROUNDS * (SLOPES - BEGIN_SLOPE) ** 2

    @property
    def slope(self) -> float:
        """The factor that would have been best."""
        return float(SLOPES[int(self.costs.argmin())])

    def update(self, said: Array, y: Array, weight: Array | None = None) -> None:
        """One round. said: (rows, n) log-odds at the time, of each expert, then of their mix; y, weight: (n,)."""
        weight = all_alike(y, weight)
        losses = np.array([mean_loss(row, y, weight) for row in said[: MIX + 1]])
        apart = np.clip(losses[:MIX] - losses[MIX], -MOST_APART, MOST_APART)
        self.weights = self.weights * exp(-min(ENOUGH, effective(weight)) * self.fresh * (apart - apart.min()))
        self.weights = (1.0 - SHARE) * self.weights / _sum(self.weights) + SHARE * self.begin
        self.costs = self.costs + np.array([mean_loss(slope * said[MIX], y, weight) for slope in SLOPES.tolist()])


def mix(said: Array, weights: Array) -> Array:
    """said: (experts, n) log-odds -> their weighted sum (n,), before the slope; added in the order of the experts."""
    total = np.zeros(said.shape[1])
    for weight, row in zip(weights.tolist(), said, strict=True):
        total += weight * row
    return total


def mean_loss(z: Array, y: Array, weight: Array | None = None) -> float:
    """Weighted mean log loss of log-odds, in nats; the sum is exact, so the order of rows does not show."""
    weight = all_alike(y, weight)
    margin = np.clip(z, -MOST_LOSS, MOST_LOSS) * (2.0 * y - 1.0)
    rows = weight * (np.maximum(-margin, 0.0) + log(1.0 + exp(-np.abs(margin))))
    return float((np.rint(rows / RESIDUAL_STEP) * RESIDUAL_STEP).sum() / weight.sum())


def _sum(values: Array) -> float:
    total = 0.0
    for value in values.tolist():
        total += value
    return total
