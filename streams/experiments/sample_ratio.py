"""Whether the split is the one that was asked for: evidence that may be looked at after every case.

Cases are drawn into an arm with known probabilities, which may differ. A wrong splitter multiplies the odds of every
draw by some factor; the evidence is the mean likelihood ratio over a grid of factors. It ever reaches 1 / alpha with a
probability of at most alpha if the splitter is right (Ville; the mixture: Lindon and Malek 2022, arXiv:2011.03567).
"""

from __future__ import annotations

import numpy as np

from features.portable_math import Array

ALPHA = 0.01
FACTORS = np.exp(np.linspace(-1.5, 1.5, 61))  # of the odds; about -0.25 is 8 % for 10 %
PRIOR = np.exp(-0.5 * (np.log(FACTORS) / 0.5) ** 2)
PRIOR = PRIOR / PRIOR.sum()


class SampleRatio:
    """The evidence against the split, in each experiment."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        """shape: (...) of the experiments."""
        self.log_ratio = np.zeros((*shape, len(FACTORS)))
        self.drawn, self.expected, self.n = (np.zeros(shape) for _ in range(3))

    def add(self, drawn: Array, propensity: Array) -> None:
        """Adds cases. drawn: whether a case is in the arm; propensity: with what probability it was to be; (..., n)."""
        self.log_ratio = self.log_ratio + drawn.sum(-1)[..., None] * np.log(FACTORS)
        for i, factor in enumerate(FACTORS):
            self.log_ratio[..., i] -= np.log1p(propensity * (factor - 1.0)).sum(-1)
        self.drawn, self.expected = self.drawn + drawn.sum(-1), self.expected + propensity.sum(-1)
        self.n = self.n + drawn.shape[-1]

    @property
    def log_evidence(self) -> Array:
        """The logarithm of the evidence, (...)."""
        most = self.log_ratio.max(-1)
        return np.asarray(most + np.log((PRIOR * np.exp(self.log_ratio - most[..., None])).sum(-1)))

    def is_wrong(self, alpha: float = ALPHA) -> Array:
        """Whether the alarm is on: a healthy splitter ever raises it with a probability of at most alpha."""
        return np.asarray(self.log_evidence >= np.log(1.0 / alpha))
