"""Touch points: each begins to hold at its instant, is sent once, and again after it ended."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import NAMES
from features.table import Table
from features.view import View
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, SERVICE_VISIT, Rows, empty_rows
from schemas.instants import DAY_US, HOUR_US
from schemas.outputs import Touch
from streams.engine.engine import Engine
from streams.interventions.touches import SEEN, SIGNS, Published, active_points, points_due, points_of, seen
from streams.profile.loading import load_profile
from tests.features.world import LAYOUT, START_US, applied
from tests.online_model.worlds import lines

SETTINGS = ["gate.holdout_share=0", "touches.medium_tier=false", "gate.consent_when_unknown=true"]
PROFILE = load_profile("e-commerce", SETTINGS)
ALL = dict.fromkeys(SEEN, 0)  # published since ever
Event = tuple[float, str]  # day, visit or an activity type
VISIT = "visit"


def rows(events: list[Event]) -> Rows:
    made = empty_rows(len(events))
    for number, (row, (day, what)) in enumerate(zip(made, events, strict=True)):
        row["id"], row["time_us"], row["count"] = number + 1, START_US + round(day * DAY_US), 1
        row["kind"] = SERVICE_VISIT if what == VISIT else APP_ACTIVITY
        row["code"] = 0 if what == VISIT else ACTIVITY_TYPES.index(what)
    return made


def holding(events: list[Event], day: float, more_us: int = 0, published: Published = ALL) -> set[str]:
    """The touch points that hold for a customer with these events at an instant."""
    at_us = START_US + round(day * DAY_US) + more_us
    view = View(LAYOUT, applied([rows(events)]), np.array([float(at_us)]))
    return {point.name for _, point in points_of(PROFILE, float(points_due(PROFILE, view, published)[0]))}


BEGINS = [
    ("first-not-reviewed", [(0.0, VISIT)], 7.0),
    ("no-second-purchase", [(0.0, VISIT)], 7.0),
    ("no-activity-joined", [(0.0, VISIT)], 15.0),
    ("no-activity-joined", [(0.0, VISIT), (3.0, "campaign_joined")], 18.0),
    ("complaint-open", [(0.0, VISIT), (2.0, "complaint_opened")], 32.0),
    ("no-purchase", [(0.0, VISIT), (4.0, VISIT)], 94.0),
    ("cart-not-paid", [(0.0, VISIT), (4.0, "add_to_cart")], 5.0),
    ("three-coupons", [(0.0, VISIT), *[(4.0, "coupon_claimed")] * 3], 4 + 1 / 24),
    ("refund", [(0.0, VISIT), (4.0, "refund_requested")], 5.0),
    ("late-delivery", [(0.0, VISIT), (4.0, "delivery_late")], 4 + 1 / 24),
]


@pytest.mark.parametrize(("point", "events", "day"), BEGINS)
def test_each_begins_to_hold_at_its_instant_and_not_a_microsecond_earlier(
    point: str, events: list[Event], day: float
) -> None:
    assert point not in holding(events, day, more_us=-1)
    assert point in holding(events, day)
    assert point in holding(events, day + 1)


ENDS = [
    ("first-not-reviewed", (8.0, "review_posted")),
    ("first-not-reviewed", (8.0, VISIT)),
    ("no-second-purchase", (8.0, VISIT)),
    ("no-activity-joined", (16.0, "campaign_joined")),
    ("complaint-open", (33.0, "complaint_resolved")),
    ("no-purchase", (91.0, VISIT)),
    ("cart-not-paid", (6.0, VISIT)),
    ("cart-not-paid", (6.0, "purchase")),
]
BEGAN_WITH = {"complaint-open": (2.0, "complaint_opened"), "cart-not-paid": (4.0, "add_to_cart")}


@pytest.mark.parametrize(("point", "event"), ENDS)
def test_each_ends_with_what_had_been_missing(point: str, event: Event) -> None:
    before: list[Event] = [(0.0, VISIT), *([BEGAN_WITH[point]] if point in BEGAN_WITH else [])]
    assert point in holding(before, event[0])
    assert point not in holding([*before, event], event[0])


LASTS = [("cart-not-paid", "add_to_cart", 7), ("refund", "refund_requested", 14), ("late-delivery", "delivery_late", 7)]


@pytest.mark.parametrize(("point", "what", "days"), LASTS)
def test_what_happened_is_a_sign_for_some_days_only(point: str, what: str, days: int) -> None:
    events = [(0.0, VISIT), (4.0, what)]
    assert point in holding(events, 4.0 + days)
    assert point not in holding(events, 4.0 + days, more_us=1)


def coupons(*days: float) -> list[Event]:
    return [(0.0, VISIT), *((day, "coupon_claimed") for day in days)]


def test_three_coupons_within_thirty_days_are_a_sign_and_within_thirty_one_are_none() -> None:
    assert "three-coupons" in holding(coupons(1, 20, 31), 31)
    assert "three-coupons" not in holding(coupons(1, 20, 31.01), 31.01)


def test_two_coupons_are_no_sign_and_the_newest_three_of_many_are() -> None:
    assert "three-coupons" not in holding(coupons(30, 31), 31.5)
    assert "three-coupons" in holding(coupons(1, 3, 5, 60, 61, 62), 62)


def test_what_is_put_into_the_cart_after_a_purchase_is_not_paid() -> None:
    assert "cart-not-paid" in holding([(0.0, "add_to_cart"), (0.5, VISIT), (1.0, "add_to_cart")], 2)


def test_a_review_of_before_the_first_purchase_is_none_of_it() -> None:
    assert "first-not-reviewed" in holding([(0.0, "review_posted"), (1.0, VISIT)], 8)


def test_a_customer_without_a_purchase_gets_no_touch_point_of_purchases() -> None:
    assert holding([(0.0, "browse")], 400) == {"no-activity-joined"}


def test_of_two_complaints_one_of_which_is_resolved_one_is_open() -> None:
    events = [(0.0, VISIT), (1.0, "complaint_opened"), (2.0, "complaint_opened"), (3.0, "complaint_resolved")]
    assert "complaint-open" in holding(events, 32)


def since(kind: str, day: float) -> dict[str, int]:
    """Everything is published since ever, `kind` since a day."""
    return ALL | {kind: START_US + round(day * DAY_US)}


RESTS_ON = {name: missing for name, (_, missing) in SIGNS.items() if missing}
EVERY_SIGN: list[Event] = [(0.0, VISIT), (0.0, "complaint_opened")]


@pytest.mark.parametrize(("point", "kind"), RESTS_ON.items())
def test_nothing_rests_on_the_absence_of_what_the_company_does_not_publish(point: str, kind: str) -> None:
    unpublished = {name: us for name, us in ALL.items() if name != kind}
    assert holding(EVERY_SIGN, 99) - holding(EVERY_SIGN, 99, published=unpublished) == {point}


def test_a_first_purchase_of_before_reviews_came_may_have_been_reviewed() -> None:
    assert "first-not-reviewed" not in holding([(0.0, VISIT)], 99, published=since("review_posted", 0.1))
    assert "first-not-reviewed" in holding([(0.1, VISIT)], 99, published=since("review_posted", 0.1))


def test_a_complaint_of_before_resolutions_came_may_have_been_resolved() -> None:
    published = since("complaint_resolved", 1)
    assert "complaint-open" not in holding([(0.0, "complaint_opened")], 99, published=published)
    assert "complaint-open" in holding([(1.0, "complaint_opened")], 99, published=published)


def test_days_without_a_campaign_count_from_when_campaigns_came() -> None:
    published = since("campaign_joined", 20)
    assert "no-activity-joined" not in holding([(0.0, VISIT)], 35, more_us=-1, published=published)
    assert "no-activity-joined" in holding([(0.0, VISIT)], 35, published=published)


@given(st.lists(st.sampled_from([VISIT, "browse", *SEEN]), max_size=6), st.integers(1, 4), st.randoms())
def test_partitions_together_have_seen_what_one_has(whats: list[str], partitions: int, chance: random.Random) -> None:
    tables = [Table(LAYOUT.empty) for _ in range(partitions + 1)]
    for number, what in enumerate(whats):
        for table in (tables[0], chance.choice(tables[1:])):
            (slot,) = table.slots([f"c{number}"])
            table.rows[slot] = applied([rows([(0.0, what)])])[:, 0]
    one, *others = [seen(table, LAYOUT) for table in tables]
    assert one == frozenset().union(*others) == set(whats) & set(SEEN)


def test_the_workshop_has_no_touch_points() -> None:
    assert load_profile("after-sales").touch_points == ()


def test_all_points_are_those_that_there_is_code_for() -> None:
    assert {point.name for point in PROFILE.touch_points} == set(SIGNS)


@given(st.sets(st.integers(0, 8)))
def test_bits_stand_for_points_in_the_order_of_the_profile(chosen: set[int]) -> None:
    bits = float(sum(1 << i for i in chosen))
    assert points_of(PROFILE, bits) == [(1 << i, PROFILE.touch_points[i]) for i in sorted(chosen)]


def test_a_points_share_is_the_sum_of_what_its_features_add() -> None:
    contributions = np.arange(len(NAMES), dtype=float)
    points = active_points(PROFILE, 0b111111111, contributions)
    published = [point for point in PROFILE.touch_points if point.risk is not None]
    assert len(published) == 5
    for shown, point in zip(points, published, strict=True):
        assert shown.contribution == sum(NAMES.index(name) for name in point.features)
        assert (shown.name, shown.risk, shown.scene) == (point.name, point.risk, point.scene)


class Shop:
    """An engine with one customer, scored daily at 08:00 in Shanghai; its model predicts that customers stay."""

    def __init__(self, *overrides: str) -> None:
        profile = load_profile("e-commerce", [*SETTINGS, *overrides])
        self.engine = Engine(profile, 0, HOUR_US, waits_for_models=False)
        still = lines(np.zeros(len(NAMES)), -5.0, np.zeros(len(NAMES)))
        self.engine.serve_model(replace(still, published=ALL))
        self.engine.start(START_US - DAY_US)

    def until(self, day: float, events: list[Event] | None = None) -> list[tuple[float, str]]:
        """Steps to the end of a day; returns the touches since: when, in days, and why."""
        made = rows(events or [])
        made["slot"] = self.engine.table.slots(["c1"])[0]
        made["due_us"] = -(-made["time_us"] // HOUR_US) * HOUR_US
        self.engine.step(made, START_US + round(day * DAY_US), {})
        touches = self.engine.take_facts().touches
        self.bodies: list[dict[str, Any]] = [json.loads(body) for _, _, body in touches]
        days = [(at_us - START_US) / DAY_US for at_us, _, _ in touches]
        return [(day, body["trigger"]) for day, body in zip(days, self.bodies, strict=True)]


def test_a_point_is_touched_once_at_the_first_scoring_at_or_after_its_instant() -> None:
    shop = Shop()
    assert shop.until(30, [(0.3, VISIT)]) == [(8.0, "no-second-purchase")]


def test_a_scoring_at_exactly_the_instant_touches() -> None:
    assert Shop().until(7, [(0.0, VISIT)]) == [(7.0, "no-second-purchase")]


def test_one_touch_answers_all_points_that_hold_by_the_highest_risk() -> None:
    held = holding([(0.0, VISIT)], 7)
    assert held == {"first-not-reviewed", "no-second-purchase"}
    assert [why for _, why in Shop().until(60, [(0.0, VISIT)])] == ["no-second-purchase", "no-activity-joined"]


def test_a_point_that_begins_in_the_cool_down_is_touched_at_its_end_if_it_still_holds() -> None:
    assert Shop().until(60, [(0.0, VISIT)]) == [(7.0, "no-second-purchase"), (37.0, "no-activity-joined")]
    joined = Shop().until(50, [(0.0, VISIT), (36.0, "campaign_joined")])
    assert joined == [(7.0, "no-second-purchase")]


def test_a_point_that_has_ended_is_touched_again_when_it_begins_again() -> None:
    touched = Shop("touches.cool_down=1d").until(60, [(0.0, VISIT), (20.0, "campaign_joined")])
    assert [day for day, why in touched if why == "no-activity-joined"] == [15.0, 35.0]


def test_a_postponed_touch_keeps_its_rank() -> None:
    """At night the second purchase waits for the morning; the review, by mail, does not go before it."""
    quiet = ["gate.quiet_from=07:30", "gate.quiet_until=10:00", "touch_points.first-not-reviewed.channels=mail"]
    shop = Shop(*quiet, "touch_points.no-second-purchase.channels=app")
    assert shop.until(8, [(0.0, VISIT)]) == [(7.0 + 2 / 24, "no-second-purchase")]


def test_while_a_complaint_is_open_it_alone_is_spoken_of_and_what_still_holds_follows() -> None:
    events = [(0.0, VISIT), (2.0, "complaint_opened"), (95.0, "complaint_resolved")]
    assert Shop().until(100, events) == [(32.0, "complaint-open"), (95.0, "no-purchase")]


def test_what_was_touched_before_a_complaint_is_not_touched_again_after_it() -> None:
    events = [(0.0, VISIT), (8.0, "complaint_opened"), (44.0, "complaint_resolved")]
    found = [(7.0, "no-second-purchase"), (38.0, "complaint-open"), (68.0, "no-activity-joined")]
    assert Shop().until(70, events) == found


def test_a_touch_says_who_why_how_and_by_which_policy() -> None:
    shop = Shop()
    shop.until(7, [(0.0, VISIT)])
    body = shop.bodies[0]
    point = PROFILE.touch_points[1]
    assert body["customer_id"] == "c1"
    assert (body["trigger"], body["risk"], body["channel"]) == (point.name, point.risk, "app")
    for name, text in (("scene", point.scene), ("offer", point.offer), ("script", point.script)):
        assert (body[name], body[f"{name}_zh"]) == (text, PROFILE.texts_zh[text])
    assert body["budget"] == {"amount": point.budget, "currency": "CNY"}
    assert body["policy_version"] == shop.engine.profile.version
    assert Touch.model_validate(body)


def test_two_touches_have_two_ids() -> None:
    shop = Shop()
    shop.until(40, [(0.0, VISIT)])
    assert len({body["touch_id"] for body in shop.bodies}) == 2


def test_the_holdout_is_not_touched() -> None:
    assert Shop("gate.holdout_share=0.999999").until(30, [(0.0, VISIT)]) == []


def test_a_touch_counts_for_the_caps_of_its_channel() -> None:
    shop = Shop("touch_points.no-second-purchase.channels=sms")
    shop.until(7, [(0.0, VISIT)])
    assert [channel for _, channel in shop.engine.casebook.of(0).contacts] == ["sms"]
