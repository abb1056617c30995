"""Model variants: models that learn from the same examples, served (champion) or in the shadow (challenger)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson

from features.catalogue import NAMES
from features.portable_math import Array
from online_model.array_codec import grown, pack, unpack
from online_model.bins import BINS
from online_model.estimator import LogisticRegression
from online_model.expert_weights import POOLED
from online_model.mixture import MixtureOfExperts
from online_model.parameters import EXPERTS, KNOTS, SERVED
from online_model.readiness import RecentMetrics
from online_model.reservoir import Reservoir

PRIOR = EXPERTS.index("prior")


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The parameters in which model variants differ; all others are common."""

    prior_precision: float
    forget_a_week: float
    experts: tuple[str, ...] = POOLED


class ModelVariant:
    """A model with its recent metrics for readiness. `dumps` and `loads` keep every bit."""

    def __init__(
        self, hyperparameters: Hyperparameters, prior_probability: float, new_share: float, memory: Reservoir
    ) -> None:
        """new_share: as `Rules.new_share`; memory: the reservoir of all variants, filled before `learn` is called."""
        self.model = MixtureOfExperts(
            prior_probability=prior_probability,
            prior_precision=hyperparameters.prior_precision,
            forget=hyperparameters.forget_a_week,
            worth=new_share,
            pooled=hyperparameters.experts,
        )
        self.model.memory = memory
        self.model.add_features(list(NAMES))
        self.recent = RecentMetrics()

    def learn(self, x: Array, y: Array, weight: Array, said: Array | None) -> None:
        """Learns an instant. x: (features, n), scaled; y, weight: (n,), weights above 0; said: (rows, n), the
        `MixtureOfExperts.expert_log_odds` of the time; NaN: none of this customer; None: none at all.
        """
        if self.model.labels:
            now = self.model.expert_log_odds(x)
            self.recent.update(now[SERVED], now[PRIOR], y, weight)
        if said is not None and (spoke := ~np.isnan(said[0])).any():
            self.model.pool.update(said[:, spoke], y[spoke], weight[spoke])
        self.model.learn(x, y, weight)

    def dumps(self) -> bytes:
        """Returns the whole state as JSON."""
        m = self.model
        body = {
            "labels": [m.labels, m.positives],
            "range": [pack(part) for part in (m.low, m.high, m.knots)],
            "regressions": [[pack(one.weights), pack(one.precision), pack(one.least)] for one in self._regressions()],
            "steps": [m.steps.intercept, m.steps.fitted, pack(m.steps.tables)],
            "pool": [pack(m.pool.experts), m.pool.trust, pack(m.pool.costs), pack(m.pool.level_costs)],
            "recent": asdict(self.recent),
        }
        return orjson.dumps(body)

    def loads(self, data: bytes) -> None:
        """Restores what `dumps` returned."""
        body: dict[str, Any] = orjson.loads(data)
        m = self.model
        m.labels, m.positives = body["labels"]
        low, high, knots = map(unpack, body["range"])
        m.low, m.high = grown(low, len(NAMES), np.inf), grown(high, len(NAMES), -np.inf)
        m.knots = grown(knots.reshape(-1, KNOTS), len(NAMES), np.nan)
        for one, (weights, precision, least) in zip(self._regressions(), body["regressions"], strict=True):
            one.restore(unpack(weights), unpack(precision), unpack(least))
        m.steps.intercept, m.steps.fitted, tables = body["steps"]
        m.steps.tables = grown(unpack(tables).reshape(-1, BINS), len(NAMES))
        experts, m.pool.trust, *costs = body["pool"]
        m.pool.experts, m.pool.costs, m.pool.level_costs = unpack(experts), *map(unpack, costs)
        self.recent = RecentMetrics(**body["recent"])

    def _regressions(self) -> tuple[LogisticRegression, ...]:
        return self.model.prior, self.model.hinges
