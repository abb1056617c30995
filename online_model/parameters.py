"""The parameters of the mixture of experts: all that a score is made with."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from features.portable_math import Array
from online_model.array_codec import pack, unpack

EXPERTS = ("base", "prior", "hinges", "steps")
MIX, SERVED = (
    len(EXPERTS),
    len(EXPERTS) + 1,
)  # rows of what a mixture says: behind its experts their mix, and slope * mix + level
KNOTS = 2  # of each feature: a third costs twice the time and gave at most 0.003 of log loss


@dataclass(frozen=True)
class Parameters:
    """Arrays in the order of the features. log-odds = level + slope * sum of weight * expert."""

    base: float  # log-odds of the running base rate
    prior: Array  # (2,): intercept, weight of the prior's one feature
    prior_place: int  # which feature that is
    hinges: Array  # (1 + features * (1 + KNOTS),): a feature's slope, then what it changes by at each knot
    knots: Array  # (features, KNOTS), on the edges of bins; NaN: none yet
    steps: Array  # (1 + features * bins,)
    low: Array  # (features,): the least and greatest value that has been learned from; low > high: none
    high: Array
    weights: Array  # (EXPERTS,)
    slope: float
    level: float

    def packed(self) -> dict[str, Any]:
        """For JSON; `unpacked` gives back the same bits."""
        return {
            f.name: pack(value) if isinstance(value := getattr(self, f.name), np.ndarray) else value
            for f in fields(self)
        }

    @staticmethod
    def unpacked(body: dict[str, Any], features: int) -> Parameters:
        """What `packed` gave, for so many features."""
        read: dict[str, Any] = {
            name: unpack(value) if isinstance(value, dict) else value for name, value in body.items()
        }
        read["knots"] = read["knots"].reshape(features, KNOTS)
        return Parameters(**read)
