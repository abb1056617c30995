"""Whether an arm loses its lift: each week's lift over the other arms of the same week, against the mean of the weeks
before.

Seasons move all arms alike, so they leave the difference alone. Under a lift that stays, the standardised differences
of a week from the mean before it (recursive residuals: Brown, Durbin and Evans 1975) are independent and normal. Bets
that they are negative are staked from every week on; their wealth ever reaches 1 / alpha with a probability of at most
alpha (Ville).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array

ALPHA = 0.05
FALLS = (0.5, 1.0, 2.0)  # standard deviations by which the bets expect a residual to lie below 0
LEAST_CASES = 5  # of each arm that a week must have


class Fatigue:
    """The wealth of the bets against one arm, in each experiment."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        """shape: (...) of the experiments."""
        self.weeks, self.precision, self.total = (np.zeros(shape) for _ in range(3))
        self.wealth = np.zeros((len(FALLS), *shape))
        self.unstaked = np.ones(shape)

    def add(self, arm: int, n: Array, hits: Array) -> None:
        """Adds the cases that opened in the next week. n, hits: (..., arms)."""
        if n.shape[-1] < 2:
            return
        enough = (n >= LEAST_CASES).all(-1)
        cases = np.maximum(n, 1.0)
        share = (hits + 0.5) / (n + 1.0)
        spread = share * (1.0 - share) / cases
        others = np.arange(n.shape[-1]) != arm
        lift = hits[..., arm] / cases[..., arm] - (hits / cases)[..., others].mean(-1)
        variance = spread[..., arm] + spread[..., others].mean(-1) / others.sum()
        self._bet(lift, variance, enough & (self.precision > 0.0))
        self.precision = self.precision + np.where(enough, 1.0 / variance, 0.0)
        self.total = self.total + np.where(enough, lift / variance, 0.0)

    @property
    def evidence(self) -> Array:
        """The wealth, (...)."""
        return np.asarray(self.unstaked + self.wealth.mean(0))

    def is_tired(self, alpha: float = ALPHA) -> Array:
        """Whether the alarm is on."""
        return np.asarray(self.evidence >= 1.0 / alpha)

    def _bet(self, lift: Array, variance: Array, open_: NDArray[np.bool_]) -> None:
        before = np.divide(self.total, self.precision, out=np.zeros_like(self.total), where=self.precision > 0.0)
        known = np.divide(1.0, self.precision, out=np.zeros_like(self.total), where=self.precision > 0.0)
        residual = (lift - before) / np.sqrt(variance + known)
        self.weeks = self.weeks + open_
        staked = np.where(open_, 1.0 / np.maximum(self.weeks * (self.weeks + 1.0), 1.0), 0.0)  # sums to at most 1
        for i, fall in enumerate(FALLS):
            odds = np.exp(-fall * residual - fall * fall / 2.0)
            self.wealth[i] = np.where(open_, (self.wealth[i] + staked) * odds, self.wealth[i])
        self.unstaked = self.unstaked - staked
