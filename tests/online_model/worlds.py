"""Features, labels and snapshots for the tests of the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.catalogue import NAMES
from features.population import RFM_B, zero_counts
from features.portable_math import Array
from online_model.drift import DriftRules
from online_model.examples import Examples
from online_model.learner import Learner, Rules
from online_model.parameters import EXPERTS, KNOTS, SERVED
from online_model.readiness import Hold, ReadinessRules
from online_model.snapshot import MODEL, Snapshot
from online_model.treatment import treatment_codes

RULES = Rules(
    prior_probability=0.2,
    horizon_days=14.0,
    prior_precision=10.0,
    forget_a_week=0.99,
    readiness=ReadinessRules(min_labels=100, min_labels_of_a_class=10, least_auc=0.55),
    drift=DriftRules(reference_weeks=4, psi=0.25, missing_jump=0.2, least_counted=200, loss_delta=0.002),
)
WEEK_US = 7 * 86_400_000_000


def features(rng: np.random.Generator, n: int) -> Array:
    """(features, n) in their units, with scales from 0.1 to 10,000."""
    size = 10.0 ** rng.uniform(-1, 4, (len(NAMES), 1))
    raw: Array = rng.exponential(1.0, (len(NAMES), n)) * size * rng.integers(0, 2, (len(NAMES), n))
    raw[RFM_B] = rng.uniform(0, 100, n)
    return raw


def examples(seed: int, n: int = 200, week: int = 0) -> Examples:
    """Returns examples of n customers: random features and predictions, and labels that depend on two features."""
    rng = np.random.default_rng(seed)
    raw = features(rng, n)
    z = np.log1p(raw[0]) - np.log1p(raw[1]) + rng.normal(size=n)
    customers = [f"c{number:05d}" for number in rng.permutation(n).tolist()]
    said = {MODEL: rng.normal(size=(1 + SERVED, n))}
    label, treatment = (z > 0).astype(np.uint8), np.zeros(n, np.uint8)
    return Examples(
        week * WEEK_US, week, customers, rng.uniform(0.01, 0.99, n), said, raw, label, treatment, np.ones(n)
    )


def treated(week: int, n: int = 4000, saved: float = 0.5, holdout_share: float = 0.2) -> Examples:
    """Returns examples of which half cross; the holdout is left alone, the others are called, and many of them stay."""
    rng, one = np.random.default_rng(week), examples(week, n, week)
    crossed = one.features[0] > np.median(one.features[0])
    held_out = rng.random(n) < holdout_share
    called = crossed & ~held_out
    label = np.where(called & (rng.random(n) < saved), 0, one.label).astype(np.uint8)
    propensity = np.where(crossed & held_out, holdout_share, 1.0)
    return replace(one, label=label, treatment=treatment_codes(crossed, held_out, called), propensity=propensity)


def learner(weeks: int = 0) -> Learner:
    """Returns a learner that has learned this number of weeks."""
    new = Learner(RULES)
    for week in range(weeks):
        new.learn(week * WEEK_US, [examples(week, week=week)], zero_counts() + 1)
    return new


def snapshot(seed: int = 1) -> Snapshot:
    """Returns a ready linear model, with weights of any sign, some of them 0."""
    rng, n = np.random.default_rng(seed), len(NAMES)
    return lines(np.where(rng.integers(0, 2, n), rng.normal(0, 0.3, n), 0.0), 0.7, rng.uniform(0, 3, n))


def lines(weights: Array, intercept: float, mean: Array) -> Snapshot:
    """Returns a ready linear model: the hinges alone have a weight, and they have no knots."""
    first, n = Snapshot.initial(0.2), len(NAMES)
    alone = np.array([float(name == "hinges") for name in EXPERTS])
    parameters = replace(
        first.parameters,
        hinges=np.append(intercept, np.stack([weights, *np.zeros((KNOTS, n))], axis=1)),
        low=np.full(n, -8.0),
        high=np.full(n, 24.0),
        weights=alone,
        slope=1.0,
        level=0.0,
    )
    return replace(first, version=3, hold=Hold.NOTHING, learned=True, parameters=parameters, mean=mean, labels=5000)
