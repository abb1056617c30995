"""The shipped profiles against the published figures, number by number."""

from __future__ import annotations

import pytest

from schemas.instants import DAY_US, SECOND_US
from streams.interventions.profile import Profile, load_profile, shipped

BOTH = ("after-sales", "e-commerce")
TIERS = {  # name: above, budget in CNY, expected saved share
    "extreme": (0.7, 800, 0.45),
    "high": (0.5, 300, 0.60),
    "medium": (0.3, 50, 0.70),
    "low": (0.0, 10, 0.95),
}
WINDOWS = {7: 0.62, 14: 0.55, 21: 0.38, 30: 0.22}  # days to the first contact: share saved


@pytest.fixture(params=BOTH)
def profile(request: pytest.FixtureRequest) -> Profile:
    return load_profile(request.param)


def test_both_profiles_are_shipped() -> None:
    assert shipped() == list(BOTH)


def test_the_tiers_are_the_published_ones(profile: Profile) -> None:
    assert {t.name: (t.above, t.budget, t.expected_saved) for t in profile.tiers} == TIERS


def test_the_windows_save_what_was_published(profile: Profile) -> None:
    assert {w.within_us // DAY_US: w.saved for w in profile.case.windows} == WINDOWS


def test_a_case_opens_above_one_half_and_is_due_in_seven_days(profile: Profile) -> None:
    assert (profile.case.threshold, profile.case.window_us) == (0.5, 7 * DAY_US)


def test_a_case_rearms_below_the_margin_after_a_month(profile: Profile) -> None:
    assert (profile.case.margin, profile.case.cool_down_us) == (0.05, 30 * DAY_US)


def test_money_is_in_yuan(profile: Profile) -> None:
    assert (profile.currency, profile.customer_value) == ("CNY", 4000)


def test_everybody_is_scored_daily_and_observed_weekly(profile: Profile) -> None:
    time = profile.time
    assert (time.sweep_every_us, time.observe, time.tick_us) == (DAY_US, "weekly", None)


def test_an_event_may_be_five_minutes_ahead(profile: Profile) -> None:
    assert profile.time.max_skew_us == 300 * SECOND_US


def test_visits_prove_that_a_customer_is_still_here(profile: Profile) -> None:
    assert profile.label.retention_events == ("service_visit",)


def test_the_model_waits_for_a_thousand_labels(profile: Profile) -> None:
    model = profile.model
    assert (model.min_labels, model.min_labels_of_a_class) == (1000, 100)


def test_the_learner_forgets_nothing(profile: Profile) -> None:
    assert (profile.model.prior_precision, profile.model.forget_a_week) == (10.0, 1.0)


def test_scores_are_published_when_they_move_by_two_hundredths(profile: Profile) -> None:
    assert profile.scores.min_change == 0.02


@pytest.mark.parametrize(
    ("name", "horizon", "lapsed_after", "least_tenure"),
    [("after-sales", 180, 365, 30), ("e-commerce", 90, 180, 7)],
)
def test_horizons_in_days(name: str, horizon: int, lapsed_after: int, least_tenure: int) -> None:
    p = load_profile(name)
    days = (p.label.horizon_us, p.label.lapsed_after_us, p.case.least_tenure_us)
    assert days == (horizon * DAY_US, lapsed_after * DAY_US, least_tenure * DAY_US)


@pytest.mark.parametrize(("name", "prior"), [("after-sales", 0.18), ("e-commerce", 0.25)])
def test_the_prior_is_a_published_risk(name: str, prior: float) -> None:
    assert load_profile(name).model.prior_probability == prior


def test_the_director_visits_in_after_sales_and_the_adviser_calls() -> None:
    tiers = load_profile("after-sales").tiers
    assert [(t.who, t.channel) for t in tiers[:2]] == [("director", "visit"), ("service advisor", "phone")]


def test_the_shop_answers_high_risk_with_its_limited_discount() -> None:
    assert load_profile("e-commerce").tiers[1].offer == "time-limited discount with free delivery"
