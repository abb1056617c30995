"""The message of an intervention."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import pytest

from online_model.reasons import Explanation, Reason
from schemas.instants import DAY_US, HOUR_US, parse_instant
from streams.interventions import message as message_module
from streams.interventions.actions import Segmentation, plan
from streams.interventions.customer_attributes import CustomerAttributes
from streams.interventions.gate import Passed
from streams.interventions.message import Crossing, compose, sent_at, tier_of, window_of, withheld
from streams.interventions.strategies import Choice, Option
from streams.interventions.touches import ActivePoint
from streams.profile.loading import load_profile

PROFILE = load_profile("after-sales")
CROSSED_US = parse_instant("2024-03-01T00:00:00Z")
REASONS = [
    Reason(
        "recency", "days_since_visit", 212.0, "days", 1.25, "The last visit was 212 days ago.", "212 天前来过。", ()
    ),
    Reason("complaint", "open_complaints", 1.0, "complaints", 0.5, "A complaint is open.", "有一件投诉。", ()),
    Reason("survey", "survey_level", 3.0, "points", 0.25, "The last answers average 3.", "评分是 3 分。", ()),
]
WHY = Explanation(log_odds=0.125, average=-2.0, other=0.125, reasons=REASONS, reasons_against=[])
RFM_B = {"recency": 40.0, "frequency": 60.0, "monetary": 50.0, "behaviour": 35.0, "score": 47.25}
SEGMENTATION = Segmentation(("price-sensitive",), "growing", None, RFM_B)
CROSSING = Crossing(
    customer_id="C-7",
    crossed_at_us=CROSSED_US,
    decided_at_us=CROSSED_US,
    emitted_at_us=CROSSED_US,
    probability=0.53,
    previous_probability=0.41,
    explanation=WHY,
    model_version=12,
    attributes=CustomerAttributes("city-1", agent_id="a-7"),
    value=None,
    segmentation=SEGMENTATION,
    choice=Choice(
        Option("default", plan(PROFILE, PROFILE.tiers[1], SEGMENTATION), PROFILE.tiers[1].budget),
        {"default": 0.95},
        Passed("phone"),
    ),
)


def message(delay_us: int = 0, channel: str = "phone", **changes: Any) -> dict[str, Any]:
    at_us = CROSSED_US + delay_us
    return compose(PROFILE, replace(CROSSING, **{"decided_at_us": at_us, "emitted_at_us": at_us} | changes), channel)


def test_the_whole_message() -> None:
    high = PROFILE.tiers[1]
    assert message() == {
        "intervention_id": "37c559c0-0b90-52d7-b3e8-979ce7e919ef",
        "customer_id": "C-7",
        "opened_by": "crossing",
        "crossed_at": "2024-03-01T00:00:00Z",
        "decided_at": "2024-03-01T00:00:00Z",
        "emitted_at": "2024-03-01T00:00:00Z",
        "window_ends_at": "2024-03-08T00:00:00Z",
        "window": "7d",
        "probability": 0.53,
        "previous_probability": 0.41,
        "tier": "high",
        "action": {
            "who": high.who,
            "channel": "phone",
            "offer": high.offer,
            "offer_zh": PROFILE.chinese(high.offer),
            "script": high.script,
            "script_zh": PROFILE.chinese(high.script),
        },
        "budget": {"amount": 300.0, "currency": "CNY"},
        "expected_saved": 0.6,
        "expected_net_value": 972.0,  # 4000 * 0.53 * 0.6 - 300
        "propensity": 0.95,  # the probability of being sent: the rest is held out
        "customer_value": 4000.0,
        "scope": "city-1",
        "who": "service advisor",
        "agent_id": "a-7",
        "strategy": "default",
        "strategy_propensity": 0.95,
        "strategies": {"default": 0.95},
        "cause": None,
        "segments": ["price-sensitive"],
        "lifecycle": "growing",
        "rfm_b": RFM_B,
        "rfm_group": None,
        "touch_points": [],
        "signals": [],
        "log_odds": 0.125,
        "average_log_odds": -2.0,
        "other_contributions": 0.125,
        "reasons": REASONS,
        "reasons_against": [],
        "model_version": 12,
        "policy_version": PROFILE.version,
    }


def test_the_same_crossing_gives_the_same_message() -> None:
    messages = [compose(load_profile("after-sales"), CROSSING, "phone") for _ in range(2)]
    assert messages[0] == messages[1]
    assert list(messages[0]) == list(messages[1])


def test_a_later_decision_in_the_same_window_changes_its_instants_alone() -> None:
    at_once, later = message(), message(6 * DAY_US)
    assert {key for key in later if later[key] != at_once[key]} == {"decided_at", "emitted_at"}


def test_the_namespace_is_what_its_comment_says() -> None:
    assert uuid5(NAMESPACE_DNS, "interventions.keepline") == message_module.NAMESPACE


def test_the_id_is_of_the_customer_and_the_crossing_alone() -> None:
    other = message(
        DAY_US,
        probability=0.9,
        previous_probability=None,
        explanation=replace(WHY, reasons=REASONS[:1]),
        model_version=13,
    )
    assert other["intervention_id"] == message()["intervention_id"]


def test_the_id_is_a_version_5_uuid() -> None:
    assert UUID(message()["intervention_id"]).version == 5


def test_another_crossing_has_another_id() -> None:
    assert message(crossed_at_us=CROSSED_US - 1)["intervention_id"] != message()["intervention_id"]


def test_another_customer_has_another_id() -> None:
    assert message(customer_id="C-8")["intervention_id"] != message()["intervention_id"]


def test_a_first_score_has_no_previous_probability() -> None:
    assert message(previous_probability=None)["previous_probability"] is None


@pytest.mark.parametrize(
    ("probability", "tier"),
    [
        (1.0, "extreme"),
        (0.7001, "extreme"),
        (0.7, "high"),
        (0.5001, "high"),
        (0.5, "medium"),
        (0.3001, "medium"),
        (0.3, "low"),
        (0.0, "low"),
    ],
)
def test_a_tier_is_for_what_lies_above_its_boundary(probability: float, tier: str) -> None:
    assert tier_of(PROFILE, probability).name == tier


@pytest.mark.parametrize(
    ("delay_us", "window"),
    [
        (0, "7d"),
        (7 * DAY_US, "7d"),
        (7 * DAY_US + 1, "14d"),
        (14 * DAY_US, "14d"),
        (20 * DAY_US, "21d"),
        (30 * DAY_US, "30d"),
    ],
)
def test_a_window_holds_delays_up_to_its_end(delay_us: int, window: str) -> None:
    assert message(delay_us)["window"] == window


def test_past_the_last_window_there_is_none() -> None:
    assert window_of(PROFILE, 30 * DAY_US + 1) is None


def test_what_was_missed_is_told_with_the_last_window() -> None:
    assert message(31 * DAY_US, "")["window"] == "30d"


def test_the_window_ends_seven_days_after_the_crossing_however_late_it_is_sent() -> None:
    assert message(20 * DAY_US + HOUR_US)["window_ends_at"] == "2024-03-08T00:00:00Z"


@pytest.mark.parametrize(
    ("days", "saved"),
    [(0, 0.6), (10, round(0.6 * 55 / 62, 4)), (20, round(0.6 * 38 / 62, 4)), (30, round(0.6 * 22 / 62, 4))],
)
def test_a_later_window_saves_in_proportion_to_its_rate(days: int, saved: float) -> None:
    assert message(days * DAY_US)["expected_saved"] == saved


def test_a_later_window_is_worth_less() -> None:
    assert message(10 * DAY_US)["expected_net_value"] == round(4000 * 0.53 * 0.6 * 55 / 62 - 300, 2)


def test_an_action_may_cost_more_than_it_saves() -> None:
    assert message(value=100.0)["expected_net_value"] == -268.2


def test_the_value_of_the_customer_goes_before_that_of_the_profile() -> None:
    rich = message(value=10_000.0)
    assert (rich["customer_value"], rich["expected_net_value"]) == (10_000.0, 2880.0)


def test_the_action_goes_by_the_channel_that_the_gate_chose() -> None:
    assert message(channel="visit")["action"]["channel"] == "visit"


def test_what_is_not_sent_names_the_first_channel_of_its_plan() -> None:
    assert message(channel="")["action"]["channel"] == PROFILE.tiers[1].channels[0]


def test_touch_points_that_hold_are_told_with_their_share() -> None:
    point = ActivePoint("no-purchase", 0.89, 0.4, "Welcome back", "欢迎回来")
    assert message(touch_points=[point])["touch_points"] == [point]


def test_without_a_profile_of_the_customer_scope_and_agent_are_unknown() -> None:
    unknown = message(attributes=CustomerAttributes())
    assert (unknown["scope"], unknown["agent_id"]) == (None, None)


@pytest.mark.parametrize(("retry_us", "retry_at"), [(None, None), (CROSSED_US + HOUR_US, "2024-03-01T01:00:00Z")])
def test_a_withheld_one_is_the_same_message_with_the_rule_and_the_instant(
    retry_us: int | None, retry_at: str | None
) -> None:
    refused = withheld(message(), "quiet_hours", retry_us)
    assert refused == message() | {"withheld_reason": "quiet_hours", "retry_at": retry_at}


def test_the_window_goes_by_the_instant_of_sending_not_by_that_of_the_decision() -> None:
    late = message(decided_at_us=CROSSED_US, emitted_at_us=CROSSED_US + 9 * DAY_US)
    assert (late["decided_at"], late["emitted_at"]) == ("2024-03-01T00:00:00Z", "2024-03-10T00:00:00Z")
    assert (late["window"], late["expected_saved"]) == ("14d", round(0.6 * 0.55 / 0.62, 4))


def test_a_message_that_waited_for_its_grant_says_what_is_right_when_it_is_sent() -> None:
    for days in (0, 6, 9, 20, 29):
        at_us = CROSSED_US + days * DAY_US
        assert sent_at(PROFILE, message(), at_us) == message(emitted_at_us=at_us, decided_at_us=CROSSED_US)


def test_the_agent_is_named_only_where_the_customer_s_own_agent_acts() -> None:
    own = CROSSING.choice.option
    option = replace(own, plan=replace(own.plan, who="director"))
    body = message(choice=replace(CROSSING.choice, option=option))
    assert (body["who"], body["action"]["who"], body["agent_id"]) == ("director", "director", None)
