"""Learning who would leave if left alone, while customers are called, in a simulation whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from features.matrix import scaled
from features.portable_math import Array
from online_model.examples import Examples
from online_model.learner import Learner
from online_model.snapshot import MODEL
from online_model.treatment import Codes, Treatment, weights
from tests.online_model.silence import CROSSING, HORIZON, World
from tests.online_model.worlds import RULES

SHARE, LATE, SEEDS = 0.3, 15, range(4)
STUDENT = 3.182  # two-sided 95 % with three degrees of freedom
SURE = 1.96


def at_risk(examples: Sequence[Examples]) -> tuple[Array, Codes, Codes, Array]:
    """Returns the last weeks' customers at risk, by long silence: (features, n), labels, treatment codes, customers."""
    masks = [one.features[0] >= CROSSING for one in examples[-LATE:]]
    parts = list(zip(examples[-LATE:], masks, strict=True))
    label, treatment = (
        np.concatenate([getattr(one, name)[mask] for one, mask in parts]) for name in ("label", "treatment")
    )
    who = np.concatenate([np.array([int(c[1:]) for c in one.customers])[mask] for one, mask in parts])
    return np.concatenate([one.features[:, mask] for one, mask in parts], axis=1), label, treatment, who


def share_left(examples: Sequence[Examples], share: float) -> tuple[float, float]:
    """Returns the weighted share of leavers and its standard error, clustered by customer."""
    _, label, treatment, who = at_risk(examples)
    weight = weights(treatment, np.where(treatment == Treatment.HELD_OUT, share, 1.0))
    mean = float((weight * label).sum() / weight.sum())
    _, place = np.unique(who, return_inverse=True)
    return mean, float(np.sqrt((np.bincount(place, weight * (label - mean)) ** 2).sum()) / weight.sum())


def learned(examples: Sequence[Examples], share: float) -> Learner:
    learner = Learner(replace(RULES, horizon_days=7.0 * HORIZON, leaves_out_treated=share > 0.0))
    for one in examples:
        learner.learn(
            one.observed_us, [replace(one, said={MODEL: learner.model.expert_log_odds(scaled(one.features))})]
        )
    return learner


@pytest.fixture(scope="module")
def said() -> dict[str, Array]:
    """(seeds,): each learner's mean probability of customers at risk, in a simulation that it has not learned."""
    x = scaled(at_risk(World(1.0).examples(99))[0])
    found: dict[str, list[float]] = {"naive": [], "weighted": [], "untreated": []}
    for seed in SEEDS:
        treated, untreated = World(SHARE).examples(seed), World(1.0).examples(seed)
        for name, examples, share in (
            ("naive", treated, 0.0), ("weighted", treated, SHARE), ("untreated", untreated, 0.0),
        ):  # fmt: skip
            found[name].append(float(learned(examples, share).model.probability(x).mean()))
    return {name: np.array(values) for name, values in found.items()}


def interval(values: Array) -> tuple[float, float]:
    """Returns the mean over seeds, and half the width of its 95 % interval."""
    return float(values.mean()), float(STUDENT * values.std(ddof=1) / np.sqrt(len(values)))


def test_the_naive_learner_is_too_low(said: dict[str, Array]) -> None:
    bias, wide = interval(said["naive"] - said["untreated"])
    assert bias + wide < -0.08


def test_the_weighted_learner_equals_a_learner_without_contacts(said: dict[str, Array]) -> None:
    bias, wide = interval(said["weighted"] - said["untreated"])
    assert abs(bias) <= wide < 0.05


def test_the_weighted_churn_of_those_left_alone_is_the_churn_without_contacts() -> None:
    (found, error), (truth, other) = (share_left(World(s, 8000).examples(7), s) for s in (SHARE, 1.0))
    assert abs(found - truth) <= SURE * np.hypot(error, other) < 0.02


def test_a_draw_forgotten_while_customers_are_still_silent_hides_leavers() -> None:
    (found, error), (truth, other) = (share_left(World(s, 8000, memory=4).examples(7), s) for s in (SHARE, 1.0))
    assert found < truth - 0.05 - SURE * np.hypot(error, other)
