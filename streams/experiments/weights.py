"""Adaptive shares of the arms: how likely each is the best one, from closed cases alone (Thompson sampling).

Outcomes are explained by the week in which a case opened and by its arm, so that an arm that was drawn more often in a
good season is not taken for a better one. Never less than the floor goes to an arm, so all stay measurable.
"""

from __future__ import annotations

import numpy as np

from features.portable_math import Array

DRAWS, SEED = 2048, 20
SPREAD = 0.1  # standard deviation of arms' shares before anything is known: ten points
PRIOR_CASES = 2.0  # of the overall share


def best_shares(n: Array, hits: Array) -> Array:
    """Returns the probability of each arm to be the best, (..., arms), in multiples of 1 / DRAWS. n, hits: (..., weeks,
    arms), closed cases and those whose customers returned.
    """
    weekly, hit = n.sum(-1), hits.sum(-1)
    known = np.divide(1.0, weekly, out=np.zeros_like(weekly), where=weekly > 0.0)
    share = (hit.sum(-1) + PRIOR_CASES / 2.0) / (weekly.sum(-1) + PRIOR_CASES)
    noise = (share * (1.0 - share))[..., None]
    within = n * known[..., None]
    precision = np.eye(n.shape[-1]) * n.sum(-2)[..., None, :] - np.swapaxes(n, -1, -2) @ within
    precision = precision / noise[..., None] + np.eye(n.shape[-1]) / SPREAD**2
    weighted = (hits - within * hit[..., None]).sum(-2) / noise
    mean = np.linalg.solve(precision, weighted[..., None])[..., 0]
    root = np.linalg.cholesky(np.linalg.inv(precision))
    drawn = np.random.default_rng(SEED).standard_normal((DRAWS, n.shape[-1]))
    best = (mean[..., None, :] + drawn @ np.swapaxes(root, -1, -2)).argmax(-1)
    return np.asarray((best[..., None] == np.arange(n.shape[-1])).mean(-2))


def with_floor(best: Array, floor: float) -> Array:
    """Returns the shares of the arms: the floor each, the rest by `best`, (..., arms); floor * arms is at most 1."""
    return np.asarray(floor + (1.0 - floor * best.shape[-1]) * best)
