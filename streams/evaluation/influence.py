"""What the last model makes of each feature: how much it moves the log-odds, and its curve. The model is additive, so
that is all of it (online_model/scorer.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.catalogue import FEATURES, NAMES
from features.matrix import scaled
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot
from streams.evaluation.metrics import equal_mass
from streams.evaluation.observation_rows import Floats, Rows

NEWEST, POINTS = 20_000, 12  # observations that are looked at; points of a curve at most


@dataclass(frozen=True, slots=True)
class Influence:
    """A feature. importance: mean of |contribution|, in log-odds; values: means of equally filled bins, in the
    feature's unit; contributions: means there, in log-odds against the average customer.
    """

    name: str
    unit: str
    importance: float
    values: list[float]
    contributions: list[float]


def influence(model: Snapshot | None, rows: Rows) -> list[Influence]:
    """Returns all features, the most important first; [] without a model, or with examples of another release."""
    if model is None or rows.feature_names() != list(NAMES) or not len(rows.label):
        return []
    raw = rows.newest(NEWEST)
    parts = Scorer(model).contributions(scaled(raw))
    found = [feature(i, raw[i], parts[i]) for i in range(len(NAMES))]
    return sorted(found, key=lambda one: -one.importance)


def feature(number: int, raw: Floats, part: Floats) -> Influence:
    """raw: values, in the unit; part: contributions, (n,) each."""
    _, place = np.unique(equal_mass(raw, POINTS), return_inverse=True)
    count, values, contributions = (np.bincount(place, weights) for weights in (None, raw, part))
    return Influence(
        NAMES[number],
        FEATURES[number].unit,
        float(np.abs(part).mean()),
        [float(value) for value in values / count],
        [float(value) for value in contributions / count],
    )
