"""A snapshot compiled for scoring: rows of scaled features to probabilities, vectorised, the same bits everywhere."""

from __future__ import annotations

from features.arithmetic import Array, sigmoid
from online_model.estimator import logit
from online_model.prior import gamma_poisson
from online_model.snapshot import Snapshot


class Scorer:
    """P(leaves) of customers under one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def probability(self, raw: Array, scaled: Array) -> Array:
        """raw, scaled: (features, n) as of `catalogue.values` and `scaled` -> (n,); the prior until the model
        is ready.
        """
        if not self.snapshot.ready:
            return gamma_poisson(raw, self.snapshot.prior, self.snapshot.horizon_days)
        return sigmoid(logit(scaled, self.snapshot.weights, self.snapshot.intercept))

    def contributions(self, scaled: Array) -> Array:
        """(features, n) in log-odds against the average active customer; with that one's logit they add up to
        the score.
        """
        return self.snapshot.weights[:, None] * (scaled - self.snapshot.mean[:, None])
