"""Other people's programs say the same. They need Python 3.12 (ville, tea-tasting, lifelines), else each is skipped."""

from __future__ import annotations

import numpy as np
import pytest

from streams.experiments.intervals import half_width, share_bounds
from streams.experiments.lift import Lift

RNG = np.random.default_rng(8)


def test_ville_has_the_same_exact_interval_of_a_share_at_every_look() -> None:
    proportions = pytest.importorskip("ville.proportions")
    outcomes = (RNG.random(150) < 0.3).astype(np.float64)
    theirs = proportions.BernoulliCS(alpha=0.05, intersect=False)
    for n, outcome in enumerate(outcomes, 1):
        theirs.update(outcome)
        low, high = share_bounds(np.array(outcomes[:n].sum()), np.array(float(n)), 0.05)
        assert (float(low), float(high)) == pytest.approx((theirs.lower_, theirs.upper_), abs=1e-6)


def test_ville_has_the_same_normal_mixture() -> None:
    boundaries = pytest.importorskip("ville._boundaries")
    for n in (50.0, 500.0, 5000.0):
        theirs = np.sqrt(0.2) * boundaries.normal_mixture(n, 0.05, boundaries.best_rho(1000, 0.05)) / n
        ours = half_width(np.array(n), np.array(0.2), 1000 * 0.2)
        assert float(ours) == pytest.approx(float(theirs), rel=1e-3)


def test_tea_tasting_s_fixed_horizon_interval_is_inside_ours_and_of_the_same_effect() -> None:
    tea_tasting = pytest.importorskip("tea_tasting")
    pandas = pytest.importorskip("pandas")
    drawn = RNG.random(4000) < 0.5
    outcome = (RNG.random(4000) < 0.3 + 0.1 * drawn).astype(np.float64)
    frame = pandas.DataFrame({"variant": drawn.astype(int), "outcome": outcome})
    theirs = tea_tasting.Experiment(lift=tea_tasting.Mean("outcome")).analyze(frame)["lift"]
    ours, half = Lift(4000, 0.5, 0.5), np.full(4000, 0.5)
    ours.add(np.zeros(4000), outcome, (drawn, ~drawn), (half, half))
    estimate = ours.estimate()
    assert float(estimate.value) == pytest.approx(theirs.treatment - theirs.control, abs=0.01)
    assert estimate.low < theirs.effect_size_ci_lower < theirs.effect_size_ci_upper < estimate.high


def test_lifelines_share_returned_by_the_closing_is_ours_for_any_speed() -> None:
    lifelines = pytest.importorskip("lifelines")
    days = RNG.exponential(60.0, 500)
    share = 1.0 - lifelines.KaplanMeierFitter().fit(np.minimum(days, 90.0), days <= 90.0).predict(90.0)
    ours = Lift(500, 0.5, 0.5)
    ours.add(
        np.zeros(500), (days <= 90.0) * 1.0, (np.ones(500, bool), np.zeros(500, bool)), (np.ones(500), np.ones(500))
    )
    assert float(ours.hits[0] / ours.cases[0]) == pytest.approx(share)
