"""The lift of one arm over another: the mean difference of inverse-probability scores, with an interval for any look.

The score of a case in an arm is m + (outcome - m) / propensity if the case was drawn into the arm, else m, where m is
what was expected (`arm_models`). Its mean over the draw is the case's outcome in that arm, whatever the shares were and
however they changed. While an arm has fewer than `FEW` closed cases, the interval is the exact one of both shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from streams.experiments.arm_models import ArmModel
from streams.experiments.intervals import ALPHA, half_width, share_bounds

FEW = 200  # closed cases of an arm below which a normal approximation is not trusted
MOST_VARIANCE = 0.25  # of an outcome that is 0 or 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimates and intervals of the experiments, (...) each; NaN where an arm has no case yet. exact: which kind."""

    value: Array
    low: Array
    high: Array
    exact: NDArray[np.bool_]


class Lift:
    """Sums over the closed cases of one comparison, in each experiment."""

    def __init__(self, planned: float, share: float, other: float, shape: tuple[int, ...] = ()) -> None:
        """planned: cases by the planned end, at which the interval is narrowest; share, other: of the two arms."""
        self.planned_variance = planned * MOST_VARIANCE * (1.0 / share + 1.0 / other)
        self.models = ArmModel(shape), ArmModel(shape)
        self.n, self.total, self.squares = (np.zeros(shape) for _ in range(3))
        self.means = [np.zeros(shape), np.zeros(shape)]  # sums of the scores of each arm
        self.cases = [np.zeros(shape), np.zeros(shape)]
        self.hits = [np.zeros(shape), np.zeros(shape)]

    def add(self, x: Array, outcome: Array, drawn: tuple[Array, Array], propensity: tuple[Array, Array]) -> None:
        """Adds cases that closed together, all possible in both arms. x: the churn probability at opening; outcome: 0
        or 1; drawn: whether the case is of the arm, and its propensity: (..., cases) each.
        """
        scores = []
        for arm, (model, of_arm, p) in enumerate(zip(self.models, drawn, propensity, strict=True)):
            expected = model.predict(x)
            scores.append(expected + of_arm * (outcome - expected) / p)
            self.means[arm] = self.means[arm] + scores[arm].sum(-1)
            self.cases[arm] = self.cases[arm] + of_arm.sum(-1)
            self.hits[arm] = self.hits[arm] + (of_arm * outcome).sum(-1)
        for model, of_arm in zip(self.models, drawn, strict=True):
            model.learn(x, outcome, of_arm)
        gain = scores[0] - scores[1]
        self.n = self.n + gain.shape[-1]
        self.total, self.squares = self.total + gain.sum(-1), self.squares + (gain * gain).sum(-1)

    def estimate(self, alpha: float = ALPHA) -> Estimate:
        """Returns the lift so far, with an interval that holds at every look together."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = self.total / self.n
            half = half_width(self.n, self.squares / self.n - value**2, self.planned_variance, alpha)
        exact = np.minimum(*self.cases) < FEW
        if not exact.any():
            return Estimate(value, value - half, value + half, exact)
        (low, high), (other_low, other_high) = (
            share_bounds(hits, n, alpha / 2.0) for hits, n in zip(self.hits, self.cases, strict=True)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            plain = self.hits[0] / self.cases[0] - self.hits[1] / self.cases[1]
        return Estimate(
            np.where(exact, plain, value),
            np.where(exact, low - other_high, value - half),
            np.where(exact, high - other_low, value + half),
            exact,
        )
