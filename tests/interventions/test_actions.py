"""The action for a customer: the remedy of the cause, then the segment's offer, then the tier's own action."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import NAMES
from features.portable_math import Array
from schemas.instants import DAY_US
from streams.interventions.actions import (
    LIFECYCLES,
    PLACE,
    Segmentation,
    action,
    automated_plan,
    lifecycle,
    lifecycles,
    plan,
    segmentation,
)
from streams.profile.loading import load_profile
from streams.profile.profile import Profile

WORKSHOP, SHOP = load_profile("after-sales"), load_profile("e-commerce")
PERSONS = {"director", "service advisor", "service manager", "head of customer service", "own adviser"}


def raw(**features: float) -> Array:
    """Features of a customer with five visits, the last ten days ago, who has spent 1,000; the others are 0."""
    usual: dict[str, Any] = {"retained_recency": 10.0, "retained_count": 5.0, "spend_total": 1000.0}
    values = np.zeros(len(NAMES))
    for name, value in (usual | features).items():
        values[PLACE[name]] = value
    return values


def segments(behaviour: float | None = None, **features: float) -> tuple[str, ...]:
    return segmentation(SHOP, raw(**features), _rfm_b(behaviour)).segments


def _rfm_b(behaviour: float | None) -> dict[str, float] | None:
    return None if behaviour is None else {"recency": 50.0, "frequency": 50.0, "monetary": 50.0, "behaviour": behaviour}


def cause(**features: float) -> str | None:
    return segmentation(SHOP, raw(**features), None).cause


def of(profile: Profile, cause: str | None = None, segments: tuple[str, ...] = (), tier: int = 0) -> Any:
    return plan(profile, profile.tiers[tier], Segmentation(segments, "growing", cause))


@pytest.mark.parametrize("profile", [WORKSHOP, SHOP])
@pytest.mark.parametrize("tier", range(4))
def test_a_customer_who_left_over_service_gets_a_person_and_no_coupon(profile: Profile, tier: int) -> None:
    remedy = of(profile, "service", ("price-sensitive", "new"), tier)
    assert remedy.who in PERSONS
    assert set(remedy.channels) <= {"phone", "visit"}
    assert "no coupon" in remedy.offer
    assert not {"coupon", "voucher", "discount"} & set(remedy.offer.replace("no coupon", "").split())


@pytest.mark.parametrize("profile", [WORKSHOP, SHOP])
@pytest.mark.parametrize(("named", "offer"), [("distance", "nearest"), ("price", "voucher"), ("service", "apology")])
def test_each_cause_has_its_own_remedy(profile: Profile, named: str, offer: str) -> None:
    assert offer in of(profile, named).offer


@pytest.mark.parametrize("cause", ["distance", "price", "service", "product", "other", None])
def test_an_extreme_case_keeps_the_director_whatever_the_cause(cause: str | None) -> None:
    extreme = of(WORKSHOP, cause)
    assert (extreme.who, set(extreme.channels)) == ("director", {"visit", "phone"})
    assert extreme.channels[0] == "visit"


@given(
    st.sampled_from([WORKSHOP, SHOP]),
    st.integers(0, 3),
    st.sampled_from(["distance", "price", "service", "product", "other", None]),
    st.sets(st.sampled_from(["high-value", "high-value-at-risk", "price-sensitive", "new"])),
)
def test_no_remedy_takes_a_case_down(profile: Profile, tier: int, cause: str | None, segments: set[str]) -> None:
    who = of(profile, cause, tuple(sorted(segments)), tier).who
    assert profile.case.rank(who) >= profile.case.rank(profile.tiers[tier].who)


def test_a_remedy_without_channels_of_its_own_uses_those_of_the_tier() -> None:
    assert of(WORKSHOP, "price", tier=1).channels == WORKSHOP.tiers[1].channels
    assert of(WORKSHOP, "price", tier=1).who == "service advisor"


@pytest.mark.parametrize("profile", [WORKSHOP, SHOP])
def test_a_sold_vehicle_closes_and_nothing_else_does(profile: Profile) -> None:
    causes = ("distance", "price", "service", "vehicle_sold", "product", "other", None)
    assert [named for named in causes if of(profile, named).closes] == ["vehicle_sold"]


@pytest.mark.parametrize("named", ["product", "other", None])
def test_a_cause_without_a_remedy_gets_the_action_of_the_tier(named: str | None) -> None:
    tier = WORKSHOP.tiers[1]
    assert of(WORKSHOP, named, tier=1).offer == tier.offer


def test_the_cause_goes_before_the_segment() -> None:
    assert "voucher" in of(SHOP, "price", ("high-value",)).offer


def test_the_first_segment_that_has_an_offer_decides() -> None:
    assert of(SHOP, None, ("high-value-at-risk", "high-value")).offer == "own adviser and custom rights, at once"
    assert of(SHOP, None, ("price-sensitive", "new")).offer == "stepped coupons and flash sales"


@given(
    st.sampled_from([WORKSHOP, SHOP]),
    st.sampled_from(["distance", "price", "service", "vehicle_sold", "product", "other", None]),
    st.sets(st.sampled_from(["high-value", "high-value-at-risk", "price-sensitive", "new"])),
)
def test_a_touch_of_the_automated_tier_has_no_person(profile: Profile, cause: str | None, segments: set[str]) -> None:
    tier = profile.automated_tier
    assert tier is not None
    automated = automated_plan(profile, tier, Segmentation(tuple(sorted(segments)), "growing", cause))
    if cause == "service":  # a coupon for a customer who left because of service does harm
        assert automated is None
    else:
        assert automated is not None
        assert automated.who == "automated"
        assert set(automated.channels) <= {"app", "sms", "wechat", "mail"}
        assert not automated.script.startswith("Call")


def test_a_step_is_fitted_to_the_customer_like_a_tier() -> None:
    fitted = plan(SHOP, SHOP.steps[0], Segmentation((), "growing", "service"))
    assert (fitted.who, fitted.channels) == ("head of customer service", ("phone",))


def test_the_action_names_who_how_and_what() -> None:
    said = action(WORKSHOP, of(WORKSHOP, None, tier=1), "phone")
    tier = WORKSHOP.tiers[1]
    texts = {"offer": tier.offer, "script": tier.script}
    chinese = {f"{name}_zh": WORKSHOP.texts_zh[text] for name, text in texts.items()}
    assert said == {"who": tier.who, "channel": "phone"} | texts | chinese


def test_the_cause_that_surveys_name_most_is_the_cause() -> None:
    assert cause(cause_price=0.5, cause_distance=0.9) == "distance"


def test_what_was_named_long_ago_is_no_cause() -> None:
    assert cause(cause_price=0.09) is None


def test_an_open_complaint_is_about_service() -> None:
    assert cause(complaints_open=1.0) == "service"


@pytest.mark.parametrize("named", ["price", "distance", "product", "other"])
def test_while_a_complaint_is_open_nothing_else_is_remedied(named: str) -> None:
    assert cause(complaints_open=1.0, **{f"cause_{named}": 0.5}) == "service"


def test_a_vehicle_that_was_sold_needs_no_apology() -> None:
    assert cause(complaints_open=1.0, cause_vehicle_sold=0.5) == "vehicle_sold"


@pytest.mark.parametrize("segment", ["high-value-at-risk", "high-value", "price-sensitive", "new"])
def test_an_unanswered_case_gets_the_step_and_not_the_first_offer_again(segment: str) -> None:
    for step in SHOP.steps:
        again = plan(SHOP, step, Segmentation((segment,), "growing", None))
        assert (again.offer, again.script, again.channels) == (step.offer, step.script, step.channels)


def test_the_last_step_is_a_call_whatever_the_segment_or_the_cause() -> None:
    for named in ("distance", "price", "service", None):
        assert plan(SHOP, SHOP.steps[-1], Segmentation(("high-value",), "growing", named)).channels == ("phone",)


HIGH_VALUE = {"retained_recency": 30.0, "retained_count": 5.0, "spend_total": 2000.0}


def test_high_value_is_recent_frequent_and_worth_it() -> None:
    assert "high-value" in segments(**HIGH_VALUE)


@pytest.mark.parametrize("short", [{"retained_recency": 30.01}, {"retained_count": 4.0}, {"spend_total": 1999.99}])
def test_a_customer_short_of_one_of_the_three_is_not_of_high_value(short: dict[str, float]) -> None:
    assert "high-value" not in segments(**HIGH_VALUE | short)


@pytest.mark.parametrize(("behaviour", "at_risk"), [(20.0, True), (20.1, False), (None, False)])
def test_high_value_at_risk_needs_a_low_behaviour_percentile(behaviour: float | None, at_risk: bool) -> None:
    assert ("high-value-at-risk" in segments(behaviour, **HIGH_VALUE)) is at_risk


def test_the_more_urgent_segment_stands_first() -> None:
    assert segments(10.0, **HIGH_VALUE)[:2] == ("high-value-at-risk", "high-value")


@pytest.mark.parametrize(("a_month", "sensitive"), [(5.5, True), (4.5, False)])
def test_five_coupons_a_month_make_a_customer_price_sensitive(a_month: float, sensitive: bool) -> None:
    every_days = 30.0 / a_month
    steady = sum(2.0 ** -((k + 0.5) * every_days / 28.0) for k in range(2000))  # claimed for ever, evenly
    assert ("price-sensitive" in segments(coupon_28d=steady)) is sensitive


@pytest.mark.parametrize(("purchases", "new"), [(1.0, True), (3.0, True), (4.0, False)])
def test_up_to_three_purchases_a_customer_is_new(purchases: float, new: bool) -> None:
    assert ("new" in segments(retained_count=purchases)) is new


@pytest.mark.parametrize(
    ("purchases", "days", "group"),
    [(1, 0, "new"), (3, 90, "new"), (4, 0, "growing"), (9, 90, "growing"), (10, 0, "mature"), (50, 90, "mature"),
     (1, 90.01, "silent"), (50, 91, "silent"), (50, 180, "silent"), (50, 180.01, "churned"), (1, 400, "churned")],
)  # fmt: skip
def test_lifecycle_groups_follow_purchases_and_silence(purchases: float, days: float, group: str) -> None:
    assert lifecycle(SHOP, raw(retained_count=purchases, retained_recency=days)) == group


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1e6), st.floats(0, 100) | st.none())
def test_every_customer_has_an_action_with_a_person_and_a_channel(
    recency: float, count: float, spend: float, behaviour: float | None
) -> None:
    features = raw(retained_recency=recency, retained_count=count, spend_total=spend)
    who = segmentation(SHOP, features, _rfm_b(behaviour))
    for tier in SHOP.tiers:
        fitted = plan(SHOP, tier, who)
        assert fitted.who
        assert fitted.channels


EIGHT = [
    (90, 90, 90, "important-value"), (90, 10, 90, "important-growth"), (10, 90, 90, "important-keep"),
    (10, 10, 90, "important-win-back"), (90, 90, 10, "general-value"), (90, 10, 10, "general-growth"),
    (10, 90, 10, "general-keep"), (10, 10, 10, "general-win-back"), (50, 50, 49.99, "general-value"),
]  # fmt: skip


@pytest.mark.parametrize(("recency", "frequency", "monetary", "group"), EIGHT)
def test_rfm_has_eight_groups_by_halves(recency: float, frequency: float, monetary: float, group: str) -> None:
    rfm_b = {"recency": recency, "frequency": frequency, "monetary": monetary, "behaviour": 50.0}
    assert segmentation(SHOP, raw(), rfm_b).rfm_group == group


def test_before_the_population_is_known_there_is_no_group() -> None:
    assert segmentation(SHOP, raw(), None).rfm_group is None


def test_the_groups_of_many_customers_are_those_of_each() -> None:
    purchases, days = np.array([1.0, 3, 4, 9, 10, 50, 50]), np.array([1.0, 90, 90, 90, 90, 91, 181])
    places = lifecycles(SHOP, purchases, days * DAY_US)
    each = [lifecycle(SHOP, raw(retained_count=n, retained_recency=d)) for n, d in zip(purchases, days, strict=True)]
    assert [LIFECYCLES[place] for place in places] == each
    assert set(each) == set(LIFECYCLES)
