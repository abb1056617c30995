"""Strategies: who may get which, and how one is drawn."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from pathlib import Path

import pytest
import xxhash

from schemas.errors import UsageError
from schemas.instants import DAY_US, parse_instant
from streams.interventions.actions import Segmentation, plan
from streams.interventions.customer_attributes import CustomerAttributes
from streams.interventions.gate import Passed, Recipient, Refused
from streams.interventions.strategies import DEFAULT, Choice, Option, choose, draw, options
from streams.profile.loading import load_profile
from streams.profile.profile import Profile
from streams.profile.strategy_sections import Exploration, Strategy

CALL = Strategy(name="call", tiers=("high",), share=2.0)
SMS = Strategy(name="sms", tiers=("high",), channels=("sms",), offer="a free check", budget=20.0)
MAIL = Strategy(name="mail", tiers=("high",), channels=("mail",))
BASE = load_profile("after-sales", ["gate.consent_when_unknown=true", "gate.holdout_share=0.1"])
PROFILE = BASE.model_copy(update={"strategies": (CALL, SMS, MAIL)})
ADAPTIVE = PROFILE.model_copy(update={"exploration": Exploration(mode="adaptive")})
HIGH, NOBODY = PROFILE.tiers[1], Segmentation((), "growing", None)
DAY = parse_instant("2024-03-06T04:00:00Z")  # noon in Shanghai, a Wednesday
NIGHT = parse_instant("2024-03-06T16:00:00Z")


def options_of(profile: Profile = PROFILE, segmentation: Segmentation = NOBODY, tier: int = 1) -> list[Option]:
    weights = {"high": {"call": 0.2, "sms": 0.3, "mail": 0.5}}
    base = profile.tiers[tier]
    return options(profile, base, plan(profile, base, segmentation), segmentation, weights)


def chosen(
    customer: str = "c-1", *, at_us: int = DAY, profile: Profile = PROFILE, consents: dict[str, bool] | None = None
) -> Choice:
    among = options_of(profile)
    attributes = CustomerAttributes("city-1", consent=tuple(sorted((consents or {}).items())))
    recipients = [Recipient(customer, attributes, NOBODY, one.plan, (), at_us) for one in among]
    return choose(profile, among, recipients, f"case of {customer}", quiet_hours=True)


def test_a_strategy_changes_only_what_it_names() -> None:
    call, sms, _ = options_of()
    assert (call.plan, call.budget) == (plan(PROFILE, HIGH, NOBODY), HIGH.budget)
    assert (sms.plan.channels, sms.plan.offer, sms.plan.script) == (("sms",), "a free check", HIGH.script)
    assert sms.budget == 20.0


def test_weights_are_the_profile_s_shares_or_those_of_the_model() -> None:
    assert [one.weight for one in options_of()] == [2.0, 1.0, 1.0]
    assert [one.weight for one in options_of(ADAPTIVE)] == [0.2, 0.3, 0.5]


def test_a_strategy_that_the_model_does_not_know_yet_has_all_share_as_the_profile_says() -> None:
    more = ADAPTIVE.model_copy(update={"strategies": (CALL, SMS, MAIL, Strategy(name="new", tiers=("high",)))})
    assert [one.weight for one in options_of(more)] == [2.0, 1.0, 1.0, 1.0]


def test_other_tiers_and_causes_with_a_remedy_keep_their_own_action() -> None:
    assert [one.name for one in options_of(tier=0)] == [DEFAULT]
    assert [one.name for one in options_of(segmentation=Segmentation((), "growing", "service"))] == [DEFAULT]


def test_a_strategy_for_a_cause_is_for_that_cause_alone() -> None:
    profile = BASE.model_copy(update={"strategies": (Strategy(name="free", tiers=("high",), causes=("price",)),)})
    names = {cause: [o.name for o in options_of(profile, replace(NOBODY, cause=cause))] for cause in ("price", None)}
    assert names == {"price": ["free"], None: [DEFAULT]}


def test_propensities_are_exact_after_the_masks_with_the_holdout_s_share() -> None:
    assert chosen().propensities == pytest.approx({"call": 0.45, "sms": 0.225, "mail": 0.225})
    assert chosen(consents={"sms": False}).propensities == pytest.approx({"call": 0.6, "mail": 0.3})
    assert chosen(at_us=NIGHT).propensities == pytest.approx({"mail": 0.9})


def test_a_held_out_customer_has_the_vector_of_the_others() -> None:
    held = next(c for i in range(200) if isinstance((c := chosen(f"c-{i}")).answer, Refused))
    sent = next(c for i in range(200) if isinstance((c := chosen(f"c-{i}")).answer, Passed))
    assert held.answer == Refused("holdout")
    assert held.propensities == sent.propensities


def test_without_any_channel_the_first_refusal_is_given() -> None:
    nothing = dict.fromkeys(("sms", "phone", "mail"), False)
    assert chosen("c-3", consents=nothing).answer == Refused("consent")


def test_the_shares_of_a_million_cases_are_the_propensities_within_3_standard_errors() -> None:
    n, counts = 1_000_000, {"call": 0, "sms": 0, "mail": 0}
    for i in range(n):  # the rule of docs/cases.md, without our code
        u = xxhash.xxh3_64_intdigest(f"strategies-1|2024-03-04T00:00:00Z|case-{i}".encode()) / 2**64
        counts["call" if u < 0.5 else "sms" if u < 0.75 else "mail"] += 1
    for name, share in {"call": 0.5, "sms": 0.25, "mail": 0.25}.items():
        assert abs(counts[name] / n - share) < 3 * sqrt(share * (1 - share) / n)


@pytest.mark.parametrize("i", range(50))
def test_a_program_that_knows_the_rule_alone_draws_the_same(i: int) -> None:
    text = f"strategies-1|2024-03-04T00:00:00Z|case of c-{i}"
    u = xxhash.xxh3_64_intdigest(text.encode()) / 2**64
    assert chosen(f"c-{i}").option.name == ("call" if u < 0.5 else "sms" if u < 0.75 else "mail")


def test_the_draw_of_a_case_is_the_same_all_week_and_another_one_in_the_next() -> None:
    monday = parse_instant("2024-03-04T00:00:00Z")
    week = {draw("s", monday + day * DAY_US, "case") for day in range(7)}
    assert len(week) == 1
    assert draw("s", monday + 7 * DAY_US, "case") not in week


@pytest.mark.parametrize(
    ("change", "said"),
    [("name = 'default'", "give it another name"), ("tiers = ['none']", "there is no tier none")],
)
def test_a_profile_with_a_wrong_strategy_is_refused(tmp_path: Path, change: str, said: str) -> None:
    lines = {"name": "name = 'one'", "tiers": "tiers = ['high']"} | {change.split()[0]: change}
    path = tmp_path / "own.toml"
    path.write_text("extends = 'after-sales'\nname = 'own'\n[[strategies]]\n" + "\n".join(lines.values()))
    with pytest.raises(UsageError, match=said):
        load_profile(str(path))
