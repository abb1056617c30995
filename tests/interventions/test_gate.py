"""The gate: which rule refuses which customer, which channel is chosen, and when to retry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.instants import DAY_US, EPOCH, HOUR_US, parse_instant
from schemas.time_zones import zone as zone_of
from streams.interventions.actions import Plan, Segmentation
from streams.interventions.customer_attributes import LOST, CustomerAttributes
from streams.interventions.gate import (
    RULES,
    Passed,
    Recipient,
    Refused,
    consents,
    is_held_out,
    pass_contact_rules,
    pass_gate,
    pass_upgrade_rules,
    pass_without_holdout,
    quiet_hours_end_us,
    quiet_until_us,
    reached_holdout_rule,
)
from streams.profile.loading import load_profile

NO_HOLDOUT = "gate.holdout_share=0"
PROFILE = load_profile("after-sales", [NO_HOLDOUT])
ALL_HELD = load_profile("after-sales", ["gate.holdout_share=0.999999"])
PILOT = load_profile("after-sales", ["roll_out.stage=city", "gate.holdout_share=0.999999"])
NOON_US, NIGHT_US = parse_instant("2024-03-05T04:00:00Z"), parse_instant("2024-03-05T15:00:00Z")  # 12:00, 23:00
MORNING_US = parse_instant("2024-03-06T00:00:00Z")  # 08:00 in Shanghai
MINUTE_US = HOUR_US // 60
PLAN = Plan("service advisor", ("sms", "mail"), "package", "Call.")
SEGMENTATION = Segmentation(("price-sensitive",), "growing", None)
TWO_SMS = ((NOON_US - 6 * DAY_US, "sms"), (NOON_US - DAY_US, "sms"))
ALL = tuple((channel, True) for channel in ("app", "mail", "phone", "sms", "visit", "wechat"))
NO_MAIL_OR_SMS = (("mail", False), ("sms", False))


def recipient(at_us: int = NOON_US, channels: tuple[str, ...] = PLAN.channels, **attributes: Any) -> Recipient:
    attributes = {"consent": ALL} | attributes
    return Recipient("c1", CustomerAttributes(**attributes), SEGMENTATION, replace(PLAN, channels=channels), (), at_us)


def wrong_in_every_way() -> Recipient:
    """Outside the pilot, sold, without consent, held out, over the cap, at night."""
    who = recipient(NIGHT_US, ("sms",), scope="elsewhere", consent=NO_MAIL_OR_SMS)
    sent = ((NIGHT_US - 2 * DAY_US, "sms"), (NIGHT_US - DAY_US, "sms"))
    return replace(who, plan=replace(who.plan, closes=True), contacts=sent, net_value=-0.01)


def test_the_rules_stand_in_this_order() -> None:
    assert list(RULES) == [
        "roll_out", "vehicle_sold", "consent", "negative_net_value", "holdout", "frequency_cap", "quiet_hours",
    ]  # fmt: skip


def test_the_first_rule_that_refuses_is_the_one_that_is_named() -> None:
    who, rules = wrong_in_every_way(), []
    mended = [
        (PILOT, who),
        (PILOT, who := replace(who, attributes=replace(who.attributes, scope="city-1"))),
        (PILOT, who := replace(who, plan=replace(who.plan, closes=False))),
        (PILOT, who := replace(who, attributes=replace(who.attributes, consent=ALL))),
        (PILOT, who := replace(who, net_value=0.0)),
        (PROFILE, who),
        (PROFILE, replace(who, contacts=())),
    ]
    for profile, one in mended:
        answer = pass_gate(profile, one)
        rules.append(answer.rule if isinstance(answer, Refused) else "")
    assert rules == list(RULES)


def test_what_costs_more_than_it_is_expected_to_save_is_sent_neither_first_nor_as_an_upgrade() -> None:
    costly, no_case = replace(recipient(), net_value=-0.01), replace(recipient(), net_value=None)
    assert pass_gate(PROFILE, costly) == pass_upgrade_rules(PROFILE, costly) == Refused("negative_net_value")
    assert isinstance(pass_gate(PROFILE, no_case), Passed)
    assert not reached_holdout_rule(pass_gate(ALL_HELD, costly)), "the holdout has only whom a case would be sent to"


def test_whom_nothing_forbids_is_reached_by_the_first_channel() -> None:
    assert pass_gate(PROFILE, recipient()) == Passed("sms")


def test_the_preferred_channel_goes_first_where_it_is_left() -> None:
    assert pass_gate(PROFILE, recipient(preferred_channel="mail")) == Passed("mail")


def test_a_preferred_channel_that_the_plan_does_not_have_is_not_used() -> None:
    assert pass_gate(PROFILE, recipient(preferred_channel="visit")) == Passed("sms")


def test_a_preferred_channel_without_consent_is_not_used() -> None:
    assert pass_gate(PROFILE, recipient(preferred_channel="mail", consent=(("mail", False), ("sms", True)))) == Passed(
        "sms"
    )


@pytest.mark.parametrize(("scope", "passes"), [("city-1", True), ("city-2", False), (None, False)])
def test_the_pilot_is_for_its_own_city(scope: str | None, passes: bool) -> None:
    pilot = load_profile("after-sales", ["roll_out.stage=city", NO_HOLDOUT])
    answer = pass_gate(pilot, recipient(scope=scope))
    assert answer == (Passed("sms") if passes else Refused("roll_out"))


def test_a_stage_without_scopes_is_for_everybody() -> None:
    assert pass_gate(PROFILE, recipient(scope="anywhere")) == Passed("sms")


def test_whom_nothing_can_save_is_refused_for_good() -> None:
    who = recipient()
    assert pass_gate(PROFILE, replace(who, plan=replace(who.plan, closes=True))) == Refused("vehicle_sold")


def test_without_consent_for_a_channel_the_next_one_is_used() -> None:
    assert pass_gate(PROFILE, recipient(consent=(("mail", True), ("sms", False)))) == Passed("mail")


def test_without_consent_for_any_channel_it_is_refused_for_good() -> None:
    assert pass_gate(PROFILE, recipient(consent=NO_MAIL_OR_SMS)) == Refused("consent")


@pytest.mark.parametrize(("unknown", "answer"), [("true", Passed("sms")), ("false", Refused("consent"))])
def test_unknown_consent_is_treated_as_the_profile_sets_it(unknown: str, answer: Passed | Refused) -> None:
    assert pass_gate(
        load_profile("after-sales", [NO_HOLDOUT, f"gate.consent_when_unknown={unknown}"]), recipient(consent=())
    ) == (answer)


def test_a_channel_that_needs_no_consent_is_used_until_the_customer_says_no() -> None:
    profile = load_profile("after-sales", [NO_HOLDOUT, "gate.needs_consent=mail"])
    assert pass_gate(profile, recipient(consent=())) == Passed("sms")
    assert pass_gate(profile, recipient(consent=(("sms", False),))) == Refused("consent")


@pytest.mark.parametrize("name", ["after-sales", "e-commerce"])
@pytest.mark.parametrize("channel", [channel for channel, _ in ALL])
def test_who_has_said_nothing_is_contacted_by_no_channel_of_the_shipped_profiles(name: str, channel: str) -> None:
    assert not consents(load_profile(name), CustomerAttributes(), channel)


@pytest.mark.parametrize("channel", [channel for channel, _ in ALL])
def test_who_was_erased_or_whose_attributes_are_lost_is_contacted_by_no_channel_whatever_the_profile_says(
    channel: str,
) -> None:
    profile = load_profile("after-sales", ["gate.consent_when_unknown=true", "gate.needs_consent="])
    assert not consents(profile, CustomerAttributes(erased_us=NOON_US), channel)
    assert not consents(profile, LOST, channel)


def test_the_holdout_is_refused_for_good() -> None:
    assert pass_gate(ALL_HELD, recipient()) == Refused("holdout")


def test_a_customer_without_consent_is_refused_before_the_holdout() -> None:
    assert pass_gate(ALL_HELD, recipient(consent=NO_MAIL_OR_SMS)) == Refused("consent")


CUSTOMERS = [f"c{number}" for number in range(20_000)]


def held(*overrides: str) -> set[str]:
    profile = load_profile("after-sales", overrides)
    return {customer for customer in CUSTOMERS if is_held_out(profile, customer)}


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_the_holdout_is_near_its_share(share: float) -> None:
    four_sigma = 4 * (share * (1 - share) / len(CUSTOMERS)) ** 0.5
    assert abs(len(held(f"gate.holdout_share={share}")) / len(CUSTOMERS) - share) < four_sigma


def test_the_holdout_is_the_same_whatever_else_the_profile_says() -> None:
    assert held() == held("case.threshold=0.6", "name=other")


def test_a_larger_holdout_contains_the_smaller_one() -> None:
    assert held() < held("gate.holdout_share=0.1")


def test_another_salt_draws_another_holdout() -> None:
    before, after = held(), held("gate.holdout_salt=keepline-2")
    assert len(before & after) < 0.2 * len(before)


def test_no_share_holds_nobody_out() -> None:
    assert held(NO_HOLDOUT) == set()


@pytest.mark.parametrize(("customer", "is_held"), [("c0", True), ("c1", False)])
def test_the_draw_does_not_change_with_versions_of_anything(customer: str, is_held: bool) -> None:
    profile = load_profile("after-sales", ["gate.holdout_salt=fixed", "gate.holdout_share=0.5"])
    assert is_held_out(profile, customer) is is_held


def test_enough_messages_by_a_channel_leave_the_others() -> None:
    assert pass_gate(PROFILE, replace(recipient(), contacts=TWO_SMS)) == Passed("mail")


def test_a_full_cap_may_be_tried_again_when_the_oldest_is_old_enough() -> None:
    who = replace(recipient(channels=("sms",)), contacts=TWO_SMS)
    assert pass_gate(PROFILE, who) == Refused("frequency_cap", NOON_US + DAY_US)


def test_at_that_instant_it_goes_out() -> None:
    who = replace(recipient(NOON_US + DAY_US, ("sms",)), contacts=TWO_SMS)
    assert pass_gate(PROFILE, who) == Passed("sms")


def test_just_before_that_instant_it_does_not() -> None:
    who = replace(recipient(NOON_US + DAY_US - 1, ("sms",)), contacts=TWO_SMS)
    assert pass_gate(PROFILE, who) == Refused("frequency_cap", NOON_US + DAY_US)


def test_messages_by_other_channels_fill_no_cap() -> None:
    sent = tuple((us, "mail") for us, _ in TWO_SMS)
    assert pass_gate(PROFILE, replace(recipient(), contacts=sent)) == Passed("sms")


def test_a_cap_of_a_segment_is_for_that_segment_alone() -> None:
    who = replace(recipient(), contacts=TWO_SMS, segmentation=Segmentation((), "growing", None))
    assert pass_gate(PROFILE, who) == Passed("sms")


sent_before = st.lists(st.integers(0, 20 * DAY_US), max_size=8)


@given(sent_before, st.integers(1, 4))
def test_a_cap_is_never_exceeded_and_its_retry_is_the_first_instant_that_keeps_it(ago: list[int], most: int) -> None:
    profile = load_profile(
        "after-sales", [NO_HOLDOUT, f"gate.caps.sms-price-sensitive.most={most}", "gate.caps.sms.most=99"]
    )
    sent = tuple((NOON_US - us, "sms") for us in ago)
    answer = pass_gate(profile, replace(recipient(channels=("sms",)), contacts=sent))

    def within(at_us: int) -> int:
        return sum(at_us - 7 * DAY_US < us <= at_us for us, _ in sent)

    if isinstance(answer, Passed):
        assert within(NOON_US) < most
    else:
        assert answer.retry_us is not None
        assert within(answer.retry_us) < most <= within(answer.retry_us - 1)


def test_at_night_what_rings_waits_for_the_morning() -> None:
    assert pass_gate(PROFILE, recipient(NIGHT_US, ("sms",))) == Refused("quiet_hours", MORNING_US)


def test_at_night_mail_goes_out() -> None:
    assert pass_gate(PROFILE, recipient(NIGHT_US)) == Passed("mail")


def test_the_night_is_that_of_the_customer() -> None:
    assert pass_gate(PROFILE, recipient(NIGHT_US, time_zone="America/New_York")) == Passed("sms")


def test_quiet_hours_do_not_apply_to_candidates() -> None:
    assert pass_without_holdout(PROFILE, recipient(NIGHT_US, ("sms",)), quiet_hours=False) == Passed("sms")


def test_what_was_granted_at_night_waits_for_the_morning() -> None:
    assert quiet_until_us(PROFILE, CustomerAttributes(), "sms", NIGHT_US) == MORNING_US


@pytest.mark.parametrize(("channel", "at_us"), [("sms", NOON_US), ("mail", NIGHT_US)])
def test_what_may_go_out_does_not_wait(channel: str, at_us: int) -> None:
    assert quiet_until_us(PROFILE, CustomerAttributes(), channel, at_us) is None


def test_roll_out_and_holdout_do_not_apply_to_further_messages() -> None:
    assert pass_contact_rules(PILOT, recipient(scope="elsewhere")) == Passed("sms")


@pytest.mark.parametrize("rule", ["consent", "frequency_cap", "quiet_hours"])
def test_a_further_message_keeps_the_rules_of_contact(rule: str) -> None:
    who = {
        "consent": recipient(consent=NO_MAIL_OR_SMS),
        "frequency_cap": replace(recipient(channels=("sms",)), contacts=TWO_SMS),
        "quiet_hours": recipient(NIGHT_US, ("sms",)),
    }[rule]
    answer = pass_contact_rules(PROFILE, who)
    assert isinstance(answer, Refused)
    assert answer.rule == rule


def minute_of(zone: str, at_us: int) -> int:
    local = (EPOCH + timedelta(microseconds=at_us)).astimezone(zone_of(zone))
    return local.hour * 60 + local.minute


def is_quiet(quiet_from: int, quiet_until: int, minute: int) -> bool:
    if quiet_from <= quiet_until:
        return quiet_from <= minute < quiet_until
    return minute >= quiet_from or minute < quiet_until


ZONES = ["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
minutes = st.integers(0, 24 * 60 - 1)
FIRST_US, LAST_US = parse_instant("2010-01-01T00:00:00Z"), parse_instant("2030-01-01T00:00:00Z")
near_changes = st.sampled_from([parse_instant(f"{day}T00:00:00Z") for day in (
    "2024-03-10", "2024-11-03", "2024-03-31", "2024-10-27", "2024-04-06", "2024-10-05", "2011-12-29", "2011-12-30",
)])  # fmt: skip
instants = st.integers(FIRST_US, LAST_US) | st.builds(lambda us, more: us + more, near_changes, st.integers(0, DAY_US))


@given(minutes, minutes, st.sampled_from(ZONES), instants)
@example(21 * 60, 90, "America/New_York", parse_instant("2024-11-03T06:10:00Z"))  # 01:10 for the second time
@example(22 * 60, 150, "America/New_York", parse_instant("2024-03-10T06:00:00Z"))  # there is no 02:30 that night
@example(90, 8 * 60, "America/New_York", parse_instant("2024-11-03T05:45:00Z"))  # 01:45, then 01:00 again
def test_quiet_hours_end_at_the_first_minute_that_is_not_quiet(
    quiet_from: int, quiet_until: int, zone: str, at_us: int
) -> None:
    end_us = quiet_hours_end_us(quiet_from, quiet_until, zone, at_us)
    assert not is_quiet(quiet_from, quiet_until, minute_of(zone, end_us))
    assert at_us <= end_us <= at_us + 25 * HOUR_US
    inside = [at_us, *range(end_us - MINUTE_US, at_us, -17 * MINUTE_US)] if end_us > at_us else []
    assert all(is_quiet(quiet_from, quiet_until, minute_of(zone, us)) for us in inside)


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (Passed("phone"), True),
        (Refused("holdout"), True),
        (Refused("frequency_cap", 1), True),
        (Refused("quiet_hours", 1), True),
        (Refused("consent"), False),
        (Refused("vehicle_sold"), False),
        (Refused("roll_out"), False),
    ],
)
def test_the_draw_decides_where_nothing_before_it_refuses(answer: Passed | Refused, came: bool) -> None:
    assert reached_holdout_rule(answer) is came
