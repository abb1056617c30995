"""A snapshot compiled for scoring: rows of scaled features to probabilities, vectorised, the same bits everywhere."""

from __future__ import annotations

import numpy as np

from features.arithmetic import Array, sigmoid
from online_model.estimator import logit
from online_model.snapshot import Snapshot


class Scorer:
    """P(leaves) of customers under one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def probability(self, scaled: Array) -> Array:
        """scaled: (features, n) as of `catalogue.scaled` -> (n,); the prior until the model is ready."""
        if not self.snapshot.ready:
            return np.full(scaled.shape[1], self.snapshot.prior)
        return sigmoid(logit(scaled, self.snapshot.weights, self.snapshot.intercept))

    def contributions(self, scaled: Array) -> Array:
        """(features, n) in log-odds against the average active customer; with that one's logit they add up to
        the score.
        """
        return self.snapshot.weights[:, None] * (scaled - self.snapshot.mean[:, None])
