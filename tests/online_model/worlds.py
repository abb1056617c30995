"""Features, labels and snapshots for the tests of the model."""

from __future__ import annotations

import numpy as np

from features.arithmetic import Array
from features.catalogue import NAMES
from online_model.learner import Examples, Learner, Readiness
from online_model.snapshot import Snapshot

READINESS = Readiness(prior_probability=0.2, horizon_days=90.0, min_labels=100, min_labels_of_a_class=10)
WEEK_US = 7 * 86_400_000_000


def features(rng: np.random.Generator, n: int) -> Array:
    """(features, n) in their units, from next to nothing to thousands."""
    size = 10.0 ** rng.uniform(-1, 4, (len(NAMES), 1))
    raw: Array = rng.exponential(1.0, (len(NAMES), n)) * size * rng.integers(0, 2, (len(NAMES), n))
    return raw


def examples(seed: int, n: int = 200, week: int = 0) -> Examples:
    """What n customers looked like, and labels that depend on it."""
    rng = np.random.default_rng(seed)
    raw = features(rng, n)
    z = np.log1p(raw[0]) - np.log1p(raw[1]) + rng.normal(size=n)
    customers = [f"c{number:05d}" for number in rng.permutation(n).tolist()]
    return Examples(week * WEEK_US, week, customers, rng.uniform(0.01, 0.99, n), raw, (z > 0).astype(np.uint8))


def learner(weeks: int = 0) -> Learner:
    """One that has learned some weeks."""
    new = Learner(READINESS, prior_precision=10.0, forget=0.99)
    for week in range(weeks):
        new.learn(week * WEEK_US, [examples(week, week=week)])
    return new


def snapshot(seed: int = 1) -> Snapshot:
    """A ready model with weights of any sign, some of them 0."""
    rng, n = np.random.default_rng(seed), len(NAMES)
    weights = rng.normal(0, 0.3, n) * rng.integers(0, 2, n)
    return Snapshot(WEEK_US, 3, True, 0.2, 90.0, 0.7, weights, rng.uniform(0, 3, n), 5000, 0.75, 1 / 3)
