"""What a policy that was not run would have given: doubly robust, from the logged propensities.

(Dudik, Erhan, Langford and Li 2014, 10.1214/14-STS500.) Valid for policies that choose among arms that each case could
have been drawn into.
"""

from __future__ import annotations

from math import nan

import numpy as np

from features.portable_math import Array
from streams.experiments.arm_models import ArmModel
from streams.experiments.intervals import ALPHA, half_width
from streams.experiments.lift import MOST_VARIANCE


class PolicyValue:
    """The mean outcome under another policy."""

    def __init__(self, arms: int, planned: float, least_share: float) -> None:
        """planned: cases by the planned end; least_share: the smallest propensity that is common."""
        self.models = [ArmModel() for _ in range(arms)]
        self.planned_variance = planned * MOST_VARIANCE / least_share
        self.n = self.total = self.squares = 0.0

    def add(self, x: Array, outcome: Array, arm: Array, propensity: Array, policy: Array) -> None:
        """Adds cases that closed together. x, outcome: (cases,); arm: index of each; propensity: of the arm that was
        drawn; policy: (arms, cases), the probability with which the other policy would have drawn each.
        """
        expected = np.stack([model.predict(x) for model in self.models])
        case = np.arange(len(x))
        drawn = policy[arm, case] / propensity * (outcome - expected[arm, case])
        score = (policy * expected).sum(0) + drawn
        for i, model in enumerate(self.models):
            model.learn(x, outcome, arm == i)
        self.n += len(x)
        self.total, self.squares = self.total + float(score.sum()), self.squares + float((score * score).sum())

    def estimate(self, alpha: float = ALPHA) -> tuple[float, float, float]:
        """Returns the value and its interval, for any look; NaN without a case."""
        if not self.n:
            return nan, nan, nan
        value = self.total / self.n
        variance = np.asarray(self.squares / self.n - value**2)
        half = float(half_width(np.asarray(self.n), variance, self.planned_variance, alpha))
        return value, value - half, value + half
