"""The parameters of the mixture of experts: all that a score needs but the customer's features."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from features.portable_math import Array
from online_model.array_codec import grown, pack, unpack
from online_model.bins import BINS, HIGHEST, LOWEST

EXPERTS = ("base", "prior", "hinges", "steps")
MIX, SERVED = (
    len(EXPERTS),
    len(EXPERTS) + 1,
)  # rows of a mixture's log-odds after those of the experts: their mix, and slope * mix + level
KNOTS = 2  # of each feature: a third costs twice the time and gained at most 0.003 of log loss


@dataclass(frozen=True)
class Parameters:
    """Arrays in the order of the features. log-odds = level + slope * sum of weight * expert."""

    base: float  # log-odds of the running base rate
    prior: Array  # (2,): intercept, weight of the prior's one feature
    prior_place: int  # index of that feature
    hinges: Array  # (1 + features * (1 + KNOTS),): intercept; a feature's slope, then its change at each knot
    knots: Array  # (features, KNOTS), on the edges of bins; NaN: not set
    steps: Array  # (1 + features * bins,): intercept, tables
    low: Array  # (features,): the least and greatest learned value; low > high: none yet
    high: Array
    weights: Array  # (EXPERTS,)
    slope: float
    level: float

    def grown(self, features: int) -> Parameters:
        """Returns the parameters for this number of features, of which the last ones have no effect yet."""
        return replace(
            self,
            hinges=grown(self.hinges, 1 + features * (1 + KNOTS)),
            knots=grown(self.knots, features, np.nan),
            steps=grown(self.steps, 1 + features * BINS),
            low=grown(self.low, features, np.inf),
            high=grown(self.high, features, -np.inf),
        )

    def of_prior(self, hinges: float = 0.0) -> Parameters:
        """Returns the parameters as served until there are enough labels. hinges: their weight; the rest is the
        prior's, over all its range.
        """
        low, high = self.low.copy(), self.high.copy()
        low[self.prior_place], high[self.prior_place] = LOWEST, HIGHEST
        weights = np.array([{"prior": 1.0 - hinges, "hinges": hinges}.get(name, 0.0) for name in EXPERTS])
        return replace(self, weights=weights, low=low, high=high, slope=1.0, level=0.0)

    def packed(self) -> dict[str, Any]:
        """Returns a body for JSON; `unpacked` restores every bit."""
        return {
            f.name: pack(value) if isinstance(value := getattr(self, f.name), np.ndarray) else value
            for f in fields(self)
        }

    @staticmethod
    def unpacked(body: dict[str, Any], features: int) -> Parameters:
        """Returns the parameters that `packed` wrote, for this number of features."""
        read: dict[str, Any] = {
            name: unpack(value) if isinstance(value, dict) else value for name, value in body.items()
        }
        read["knots"] = read["knots"].reshape(features, KNOTS)
        return Parameters(**read)
