"""What is expected of a case in an arm: a line in its churn probability, from the cases closed before.

Subtracted from the outcome it takes the variance that the covariate explains out of a score, and since it knows nothing
of the case itself the score stays unbiased, however wrong the line is (augmented inverse-probability weighting).
"""

from __future__ import annotations

import numpy as np

from features.portable_math import Array

PRIOR_CASES, PRIOR_MEAN = 1.0, 0.5  # one case of which half returned, before any is known
RIDGE = 1.0  # keeps the slope near 0 until cases show one; sums of squares of probabilities


class ArmModel:
    """The line of one arm, in each experiment."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        """shape: (...) of the experiments."""
        self.n, self.y = np.full(shape, PRIOR_CASES), np.full(shape, PRIOR_CASES * PRIOR_MEAN)
        self.x, self.xx, self.xy = (np.zeros(shape) for _ in range(3))

    def predict(self, x: Array) -> Array:
        """Returns the expected outcome within [0, 1]. x: (..., cases)."""
        mean_x, mean_y = self.x / self.n, self.y / self.n
        slope = (self.xy - self.n * mean_x * mean_y) / (self.xx - self.n * mean_x**2 + RIDGE)
        line = mean_y[..., None] + slope[..., None] * (x - mean_x[..., None])
        return np.asarray(np.clip(line, 0.0, 1.0))

    def learn(self, x: Array, y: Array, of_arm: Array) -> None:
        """Adds closed cases. x, y: (..., cases); of_arm: whether a case is of this arm."""
        weight = of_arm.astype(np.float64)
        self.n = self.n + weight.sum(-1)
        self.x, self.y = self.x + (weight * x).sum(-1), self.y + (weight * y).sum(-1)
        self.xx, self.xy = self.xx + (weight * x * x).sum(-1), self.xy + (weight * x * y).sum(-1)
