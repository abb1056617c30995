"""A snapshot compiled for scoring: features -> probabilities and contributions, the same bits on every machine."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from features.population import RFM_B, RfmB, percentiles, rfmb
from features.portable_math import Array, sigmoid
from online_model.additive_functions import LookupTable, experts, weighted_sum
from online_model.estimator import LOGIT_LIMIT
from online_model.mixture import expert_log_odds
from online_model.snapshot import Snapshot


class Scorer:
    """P(leaves) of customers under one snapshot.

    average: log-odds of the average active customer. A customer's log-odds are exactly the average plus the sum of the
    contributions, in any order of addition.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        p, self.snapshot = snapshot.parameters, snapshot
        self._ranks, self.knows_population = percentiles(snapshot.population), bool(snapshot.population.any())
        compiled = experts(p)
        self._learning = [
            (name, own, compiled if own is p else experts(own)) for name, own in snapshot.learning.items()
        ]
        self._served = weighted_sum(compiled, p.weights * p.slope, p.level + snapshot.shift).centred_at(snapshot.mean)
        self.average = self._served.constant

    @cached_property
    def _table(self) -> LookupTable:
        return LookupTable(self._served)

    def rfmb(self, raw: Array) -> RfmB:
        """raw: (features, n) in their units -> percentiles among the active customers, 0 to 100."""
        return rfmb(raw, self._ranks)

    def complete(self, raw: Array) -> RfmB:
        """Sets the features that need the population, in place. raw: (features, n) in their units, of
        `matrix.values` -> percentiles of the customers.
        """
        found = self.rfmb(raw)
        raw[RFM_B] = found.score
        return found

    def score(self, raw: Array) -> Array:
        """raw: (features, n), completed -> (n,): the same bits as `probability` of the scaled features, but faster."""
        return _served(self._table.log_odds(raw))

    def probability(self, scaled: Array) -> Array:
        """scaled: (features, n), completed features scaled by `matrix.scaled` -> (n,)."""
        return _served(self.log_odds(scaled))

    def log_odds(self, scaled: Array) -> Array:
        """(features, n) -> (n,)."""
        return self._served.log_odds(scaled)

    def contributions(self, scaled: Array) -> Array:
        """(features, n) -> (features, n): contributions in log-odds, against the average active customer."""
        out = np.zeros(scaled.shape)
        out[self._served.live] = self._served.parts(scaled)
        return out

    def expert_log_odds(self, scaled: Array) -> dict[str, Array]:
        """(features, n) -> `MixtureOfExperts.expert_log_odds` of each model variant with enough labels. They are stored
        with the observation: experts are weighted, and variants compared, by their predictions of the time.
        """
        return {name: expert_log_odds(compiled, own, scaled) for name, own, compiled in self._learning}


def _served(log_odds: Array) -> Array:
    return sigmoid(np.clip(log_odds, -LOGIT_LIMIT, LOGIT_LIMIT))
