"""The model as a River pipeline: features by name, in their units -> scale -> classify -> probability."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from river import base, compose

from features.catalogue import NAMES
from features.matrix import scaled
from features.portable_math import sigmoid
from online_model.expert_weights import LEVELS, SLOPES
from online_model.mixture import MixtureOfExperts
from online_model.snapshot import Snapshot


class CatalogueScale(base.MiniBatchTransformer):
    """Scales features by the catalogue: the scale is fixed, so that weights of different weeks are comparable."""

    def transform_one(self, x: dict[str, Any]) -> dict[str, float]:  # type: ignore[override]  # names are text here
        """Returns the scaled features; a missing feature counts as 0 in its unit."""
        column = np.array([[float(x.get(name, 0.0))] for name in NAMES])
        return dict(zip(NAMES, scaled(column)[:, 0].tolist(), strict=True))

    def transform_many(self, X: pd.DataFrame) -> pd.DataFrame:
        """Returns scaled columns in the order of the catalogue."""
        raw = X.reindex(columns=list(NAMES), fill_value=0.0).to_numpy(np.float64)
        return pd.DataFrame(scaled(np.ascontiguousarray(raw.T)).T, columns=list(NAMES), index=X.index)


def pipeline(snapshot: Snapshot) -> compose.Pipeline:
    """Returns a snapshot as a River pipeline; it predicts what the compiled scorer predicts."""
    p = snapshot.parameters
    classifier = MixtureOfExperts(prior_probability=float(sigmoid(np.array([p.base]))[0]))
    classifier.names = list(NAMES)
    classifier.low, classifier.high, classifier.knots = p.low, p.high, p.knots
    classifier.prior.weights, classifier.hinges.weights = p.prior, p.hinges
    classifier.steps.intercept, classifier.steps.tables = float(p.steps[0]), p.steps[1:].reshape(len(NAMES), -1)
    classifier.pool.experts, classifier.pool.trust = p.weights, 1.0
    classifier.shift = snapshot.shift
    classifier.pool.costs = (SLOPES - p.slope) ** 2
    classifier.pool.level_costs = (LEVELS - p.level) ** 2
    return compose.Pipeline(("scale", CatalogueScale()), ("classify", classifier))
