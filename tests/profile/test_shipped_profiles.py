"""The shipped profiles against the published figures, number by number: transcribed here from the published sheets."""

from __future__ import annotations

import pytest

from features.deduplication import KEPT_DAYS
from schemas.instants import DAY_US, SECOND_US
from streams.interventions.actions import Segmentation, plan
from streams.interventions.gate import RULES as GATE
from streams.profile.layers import shipped
from streams.profile.loading import load_profile
from streams.profile.profile import Profile

BOTH = ("after-sales", "e-commerce")
TIERS = {  # name: above, share of the customers, budget in CNY, expected saved share
    "extreme": (0.7, 0.03, 800, 0.45),
    "high": (0.5, 0.08, 300, 0.60),
    "medium": (0.3, 0.12, 50, 0.70),
    "low": (0.0, 0.77, 10, 0.95),
}
WINDOWS = {7: 0.62, 14: 0.55, 21: 0.38, 30: 0.22}  # days to the first contact: share saved
STAGES = {"city": (20_000, 1), "five-cities": (100_000, 5), "country": (200_000, 0)}  # customers, scopes; 0: all
POINTS = {  # name: after days, published risk; the first has no published days
    "first-not-reviewed": (7, 0.25),
    "no-second-purchase": (7, 0.42),
    "no-activity-joined": (15, 0.58),
    "complaint-open": (30, 0.73),
    "no-purchase": (90, 0.89),
}
CAUSES = ["distance", "price", "service", "vehicle_sold"]


@pytest.fixture(params=BOTH)
def profile(request: pytest.FixtureRequest) -> Profile:
    return load_profile(request.param)


@pytest.fixture
def shop() -> Profile:
    return load_profile("e-commerce")


@pytest.fixture
def workshop() -> Profile:
    return load_profile("after-sales")


def test_the_shipped_profiles_are_reached_by_name() -> None:
    assert shipped() == ["3c", "after-sales", "apparel", "beauty", "e-commerce", "fresh-food"]
    assert [load_profile(name).name for name in shipped()] == shipped()


def test_the_tiers_are_the_published_ones(profile: Profile) -> None:
    assert {t.name: (t.above, t.share, t.budget, t.expected_saved) for t in profile.tiers} == TIERS


def test_the_shares_of_the_tiers_are_everybody(profile: Profile) -> None:
    assert sum(tier.share for tier in profile.tiers) == pytest.approx(1.0)


def test_the_windows_save_what_was_published(profile: Profile) -> None:
    assert {w.within_us // DAY_US: w.saved for w in profile.case.windows} == WINDOWS


def test_a_case_opens_above_one_half_and_is_due_in_seven_days(profile: Profile) -> None:
    assert (profile.case.threshold, profile.case.window_us) == (0.5, 7 * DAY_US)


def test_past_thirty_days_a_case_is_missed(profile: Profile) -> None:
    assert profile.case.last_window_us == 30 * DAY_US


def test_a_backlog_is_worked_at_the_pace_of_the_cases_that_the_sheet_has_on_a_normal_day(profile: Profile) -> None:
    (country,) = [stage for stage in profile.roll_out.stages if stage.name == "country"]
    with_a_case = sum(tier.share for tier in profile.tiers if tier.above >= profile.case.threshold)
    assert profile.case.backlog_a_day == int(country.customers * with_a_case / 365)


def test_a_saved_customer_counts_again_at_30_days_and_6_months(profile: Profile) -> None:
    assert (profile.case.bought_again_within_us, profile.case.stayed_within_us) == (30 * DAY_US, 180 * DAY_US)


def test_of_the_saved_45_percent_buy_again_and_60_percent_stay(profile: Profile) -> None:
    assert (profile.goals.bought_again, profile.goals.stayed) == (0.45, 0.60)


def test_a_case_rearms_below_the_margin_after_a_month(profile: Profile) -> None:
    assert (profile.case.margin, profile.case.cool_down_us) == (0.05, 30 * DAY_US)


def test_nobody_is_told_too_late_to_be_of_use(profile: Profile) -> None:
    case = profile.case
    assert (case.acknowledge_within_us, case.contact_within_us) == (DAY_US, 3 * DAY_US)


def test_money_is_in_yuan_and_a_customer_worth_4000(profile: Profile) -> None:
    assert (profile.currency, profile.customer_value) == ("CNY", 4000)


def test_the_pilot_passes_above_085_half_saved_and_200_percent(workshop: Profile) -> None:
    assert (workshop.goals.auc, workshop.goals.saved, workshop.goals.roi) == (0.85, 0.50, 2.0)


def test_below_40_percent_saved_the_strategy_goes_back_to_design(workshop: Profile) -> None:
    assert workshop.stop_loss.least_saved == 0.40


@pytest.mark.parametrize("name", shipped())
def test_a_strategy_that_reaches_its_goal_is_never_stopped(name: str) -> None:
    assert load_profile(name).stop_loss.least_saved < load_profile(name).goals.saved


def test_annual_churn_was_18_and_is_to_be_12_percent_and_38_and_28_in_shops(workshop: Profile, shop: Profile) -> None:
    assert (workshop.goals.churn_a_year_before, workshop.goals.churn_a_year_after) == (0.18, 0.12)
    assert (shop.goals.churn_a_year_before, shop.goals.churn_a_year_after) == (0.38, 0.28)


def test_a_shop_is_to_save_35_percent(shop: Profile) -> None:
    assert shop.goals.saved == 0.35


def test_warnings_less_precise_than_85_percent_raise_an_alert(profile: Profile) -> None:
    assert profile.goals.precision == 0.85


def test_a_signal_is_answered_within_10_seconds(profile: Profile) -> None:
    assert profile.goals.response_us == 10 * SECOND_US


def test_the_roll_out_goes_from_one_city_to_five_to_the_country(profile: Profile) -> None:
    assert {stage.name: (stage.customers, len(stage.scopes)) for stage in profile.roll_out.stages} == STAGES


def test_the_price_sensitive_get_at_most_two_sms_a_week_and_nobody_more_than_four_a_month(profile: Profile) -> None:
    caps = [(cap.channel, cap.segment, cap.most, cap.within_us) for cap in profile.gate.caps]
    assert caps == [("sms", "price-sensitive", 2, 7 * DAY_US), ("sms", None, 4, 30 * DAY_US)]


def test_every_published_cause_has_a_remedy(profile: Profile) -> None:
    assert [remedy.cause for remedy in profile.remedies] == CAUSES


def test_a_sold_vehicle_closes_the_case(profile: Profile) -> None:
    assert [remedy.cause for remedy in profile.remedies if remedy.close] == ["vehicle_sold"]


def test_a_customer_who_left_over_service_gets_no_coupon(profile: Profile) -> None:
    remedy = next(remedy for remedy in profile.remedies if remedy.cause == "service")
    assert "no coupon" in remedy.offer


def test_new_is_up_to_three_purchases_and_mature_from_ten(profile: Profile) -> None:
    assert (profile.segments.new_purchases, profile.segments.mature_purchases) == (3, 10)


def test_high_value_is_five_purchases_and_2000_and_at_risk_below_a_behaviour_of_20(profile: Profile) -> None:
    segments = profile.segments
    assert (segments.high_value_frequency, segments.high_value_monetary, segments.at_risk_behaviour) == (5, 2000, 20)


def test_five_coupons_a_month_make_a_customer_price_sensitive(profile: Profile) -> None:
    assert profile.segments.coupons_a_month == 5


@pytest.mark.parametrize(("name", "recency", "silent"), [("after-sales", 180, 180), ("e-commerce", 30, 90)])
def test_recent_and_silent_in_days(name: str, recency: int, silent: int) -> None:
    segments = load_profile(name).segments
    assert (segments.high_value_recency_us, segments.silent_after_us) == (recency * DAY_US, silent * DAY_US)


def test_the_five_touch_points_have_their_published_days_and_risks(shop: Profile) -> None:
    published = [point for point in shop.touch_points if point.risk is not None]
    assert {point.name: (point.after_us // DAY_US, point.risk) for point in published} == POINTS


def test_the_four_signals_have_no_published_risk(shop: Profile) -> None:
    others = {point.name for point in shop.touch_points if point.risk is None}
    assert others == {"cart-not-paid", "three-coupons", "refund", "late-delivery"}


@pytest.mark.parametrize(
    ("tier", "content"), [(0, "a year's service"), (1, "500 CNY and a car"), (2, "100 CNY and points")]
)
def test_the_packages_hold_what_is_printed(workshop: Profile, tier: int, content: str) -> None:
    assert content in workshop.tiers[tier].offer


def test_touches_need_nobody_and_cost_no_more_than_the_automated_tier(shop: Profile) -> None:
    tier = shop.automated_tier
    assert tier is not None
    assert {c for point in shop.touch_points for c in point.channels} <= {"app", "sms", "wechat", "mail"}
    assert all(point.budget <= tier.budget for point in shop.touch_points)
    assert len({(point.scene, point.offer, point.script) for point in shop.touch_points}) == len(shop.touch_points)


def test_the_medium_tier_is_automated(profile: Profile) -> None:
    assert profile.touches.medium_tier
    assert next(tier.who for tier in profile.tiers if tier.name == "medium") == "automated"


def test_the_shop_escalates_from_a_mail_to_a_discount_to_a_call(shop: Profile) -> None:
    mail = shop.tiers[1]
    assert (mail.name, mail.channels[0]) == ("high", "mail")
    assert "recommendation" in mail.offer
    assert [step.name for step in shop.steps] == ["discount", "call"]
    assert shop.steps[0].offer == "time-limited discount with free delivery"
    assert shop.steps[1].channels == ("phone",)
    assert all(0 < step.after_us < shop.case.window_us for step in shop.steps)


@pytest.mark.parametrize(
    ("segment", "offer"),
    [
        ("high-value-at-risk", "own adviser and custom rights, at once"),
        ("high-value", "own adviser and custom rights"),
        ("price-sensitive", "stepped coupons and flash sales"),
        ("new", "second-purchase scene"),
    ],
)
def test_segments_of_the_shop_get_what_was_published(shop: Profile, segment: str, offer: str) -> None:
    assert plan(shop, shop.tiers[1], Segmentation((segment,), "growing", None)).offer == offer


def test_the_director_visits_in_after_sales_and_the_adviser_calls(workshop: Profile) -> None:
    tiers = workshop.tiers
    assert [(t.who, t.channels[0]) for t in tiers[:2]] == [("director", "visit"), ("service advisor", "phone")]


def test_a_twentieth_is_held_out(profile: Profile) -> None:
    assert profile.gate.holdout_share == 0.05
    assert "holdout" in GATE


def test_quiet_hours_are_from_nine_to_eight(profile: Profile) -> None:
    assert (profile.gate.quiet_from, profile.gate.quiet_until) == (21 * 60, 8 * 60)
    assert "mail" not in profile.gate.quiet_channels


def test_no_budget_and_no_team_is_shipped(profile: Profile) -> None:
    assert not profile.limits.shared


def test_everybody_is_scored_daily_and_observed_weekly(profile: Profile) -> None:
    time = profile.time
    assert (time.sweep_every_us, time.observe, time.tick_us) == (DAY_US, "weekly", None)


def test_an_event_may_be_five_minutes_ahead(profile: Profile) -> None:
    assert profile.time.max_skew_us == 300 * SECOND_US


def test_an_event_may_be_late_as_long_as_ids_are_kept(profile: Profile) -> None:
    assert profile.time.latest_us == KEPT_DAYS * DAY_US


def test_visits_prove_that_a_customer_is_still_here(profile: Profile) -> None:
    assert profile.label.retention_events == ("service_visit",)


def test_the_model_waits_for_a_thousand_labels(profile: Profile) -> None:
    model = profile.model
    assert (model.min_labels, model.min_labels_of_a_class) == (1000, 100)


def test_the_learner_forgets_nothing(profile: Profile) -> None:
    assert (profile.model.prior_precision, profile.model.forget_a_week) == (10.0, 0.9)


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
