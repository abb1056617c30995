"""The lift of an arm: what it measures, whatever the shares were, and what the covariate may do to its interval."""

from __future__ import annotations

import numpy as np
import pytest

from features.portable_math import Array
from streams.experiments.lift import FEW, Estimate, Lift

RUNS, DAYS, A_DAY = 40, 60, 100


def lift_of(
    effect: float, held: list[float], *, season: float = 0.0, tells: float = 0.5, sees: float = 1.0
) -> tuple[Lift, Array]:
    """A lift after DAYS days. held: shares held out, one after another; tells: slope of the outcome in the covariate;
    sees: 0: the lift does not see it; also returns the plain difference of the shares.
    """
    rng = np.random.default_rng(7)
    lift = Lift(DAYS * A_DAY, 0.9, 0.1, (RUNS,))
    for day in range(DAYS):
        part = day * len(held) // DAYS
        x = rng.uniform(0.0, 1.0, (RUNS, A_DAY))
        drawn = rng.random((RUNS, A_DAY)) >= held[part]
        share = 0.4 + tells * (0.5 - x) + (season if part else 0.0) + effect * drawn
        outcome = (rng.random((RUNS, A_DAY)) < share).astype(np.float64)
        p = np.full((RUNS, 1), held[part])
        lift.add(sees * x, outcome, (drawn, ~drawn), (1.0 - p, p))
    return lift, lift.hits[0] / lift.cases[0] - lift.hits[1] / lift.cases[1]


def width(estimate: Estimate) -> Array:
    return estimate.high - estimate.low


def test_it_is_the_effect() -> None:
    estimate = lift_of(0.1, [0.1])[0].estimate()
    assert abs(estimate.value.mean() - 0.1) < 0.01
    assert ((estimate.low < 0.1) & (estimate.high > 0.1)).all()


def test_a_share_that_changes_with_the_season_fools_the_plain_difference_and_not_the_scores() -> None:
    lift, plain = lift_of(0.0, [0.4, 0.1], season=0.2)
    assert plain.mean() > 0.05
    assert abs(lift.estimate().value.mean()) < 0.01


def test_few_cases_of_an_arm_have_the_exact_interval() -> None:
    lift = Lift(1000, 0.9, 0.1)
    drawn = np.arange(100) >= 10
    p = np.full(100, 0.1)
    lift.add(np.full(100, 0.6), np.ones(100), (drawn, ~drawn), (1.0 - p, p))
    estimate = lift.estimate()
    assert (bool(estimate.exact), float(estimate.value)) == (True, 0.0)
    assert -0.3 < float(estimate.low) < 0.0 < float(estimate.high) < 0.47


def test_with_enough_cases_the_interval_is_that_of_the_scores() -> None:
    lift = lift_of(0.0, [0.1])[0]
    assert (np.minimum(*lift.cases) > FEW).all()
    assert not lift.estimate().exact.any()


def test_without_cases_nothing_is_known() -> None:
    estimate = Lift(1000, 0.9, 0.1).estimate()
    assert np.isnan(estimate.value)
    assert (float(estimate.low), float(estimate.high)) == (-1.0, 1.0)


@pytest.mark.parametrize(("tells", "least", "most"), [(0.8, 0.0, 0.95), (0.0, 0.98, 1.02)])
def test_a_covariate_that_tells_narrows_and_one_that_does_not_hardly_widens(
    tells: float, least: float, most: float
) -> None:
    estimates = [lift_of(0.1, [0.1], tells=tells, sees=sees)[0].estimate() for sees in (1.0, 0.0)]
    ratio = width(estimates[0]) / width(estimates[1])
    assert least < ratio.min()
    assert ratio.max() < most


def test_cases_may_come_in_any_batches_of_an_order_and_only_what_was_known_before_is_used() -> None:
    rng = np.random.default_rng(1)
    x, drawn = rng.uniform(0.5, 1.0, 50), rng.random(50) < 0.5
    outcome, half = (rng.random(50) < 1.0 - x).astype(np.float64), np.full(50, 0.5)
    alone = Lift(100, 0.5, 0.5)
    alone.add(x[:1], outcome[:1], (drawn[:1], ~drawn[:1]), (half[:1], half[:1]))
    mean = 0.5  # nothing is known before the first case
    treated = mean + (outcome[0] - mean) / 0.5 if drawn[0] else mean
    control = mean if drawn[0] else mean + (outcome[0] - mean) / 0.5
    assert float(alone.total) == pytest.approx(treated - control)
