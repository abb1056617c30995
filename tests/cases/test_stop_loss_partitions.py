"""The stop-loss in a shop of several partitions: from the judged cases of all of them to crossings that wait."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from schemas.alerts import AlertKind
from schemas.instants import WEEK_US, format_instant, parse_instant
from streams.cases.casebook import Casebook
from streams.cases.columns import NO_CASE, PENDING, SENT
from streams.cases.customer_cases import PendingCandidate
from streams.cases.emitter import Emitter
from streams.cases.outbox import Outbox
from streams.engine.observations import mark
from streams.engine.reports import Report
from streams.inputs.schedule import next_grid
from streams.interventions.customer_attributes import AttributesTable
from streams.interventions.opening import Withheld
from streams.interventions.stop_loss import Judged
from streams.profile.loading import load_profile
from streams.profile.profile import Profile
from streams.units.engine_unit import EngineUnit
from streams.units.learner_unit import LearnerUnit
from tests.cases import shops
from tests.cases.promises import Outputs
from tests.cases.shops import Policy
from tests.cases.test_cases_partitions import inputs, new, run, same
from tests.units import topics
from tests.units.topics import Owner, Topics

SHOPS = [Policy(limited=False, seed=6, least_saved=0.7), Policy(limited=True, seed=6, least_saved=0.7)]


@cache
def calm(policy: Policy) -> Outputs:
    return run(policy, inputs(policy, policy.seed), 1)


@pytest.mark.parametrize("policy", SHOPS)
def test_cases_open_until_enough_were_judged_and_too_few_saved(policy: Policy) -> None:
    outputs = calm(policy)
    outputs.check()
    held = [monday_us for monday_us, is_held in outputs.held_weeks() if is_held]
    judged = [us for over_us, known_us, _ in outputs.judged if (us := max(over_us, known_us)) <= held[0]]
    assert len(judged) >= outputs.profile.stop_loss.least_judged
    assert any(case["decided_at"] > format_instant(min(judged)) for case in outputs.parsed("interventions"))
    unlimited = calm(replace(policy, least_saved=0.0))
    assert outputs.stopped_in(held[0])
    assert unlimited.opened_in(held[0])


@pytest.mark.parametrize(
    ("policy", "partitions"), [(SHOPS[0], 1), (SHOPS[0], 2), (SHOPS[0], 3), (SHOPS[0], 4), (SHOPS[1], 3)]
)
def test_partitions_and_deaths_change_nothing(policy: Policy, partitions: int) -> None:
    outputs = new(policy, inputs(policy, policy.seed), partitions)
    topics.finish_by_new_owners(shops.owners(outputs.topics, outputs.profile), 300)
    same(outputs, calm(policy))


@pytest.mark.parametrize("policy", SHOPS)
def test_what_is_held_says_when_the_next_model_comes(policy: Policy) -> None:
    withheld = [one for one in calm(policy).parsed("interventions-withheld") if one["withheld_reason"] == "stop_loss"]
    assert withheld
    assert all(parse_instant(one["retry_at"]) == next_grid(parse_instant(one["decided_at"])) for one in withheld)


def until(policy: Policy, topic: str, reason: str | None, n: int) -> tuple[Outputs, list[Any]]:
    """A shop on its way, when so much has been written, and who owns its units."""
    outputs = new(policy, inputs(policy, policy.seed), 2)
    owners = shops.owners(outputs.topics, outputs.profile)
    while sum(one.get("withheld_reason") == reason for one in outputs.parsed(topic)) < n:
        assert sum([owner.work(5) for owner in owners])
        for owner in owners:
            owner.commit()
    return outputs, owners


def stopped(policy: Policy) -> tuple[Outputs, list[Any]]:
    """The stop-loss has held some crossings."""
    return until(policy, "interventions-withheld", "stop_loss", 5)


def redesign(policy: Policy, outputs: Outputs, owners: list[Any]) -> Profile:
    """Goes on to the end under a new policy version."""
    profile = shops.profile(replace(policy, least_saved=0.69))
    others = shops.owners(outputs.topics, profile)
    others[2] = owners[2]  # the teacher stays
    topics.finish(others)
    return profile


@pytest.mark.parametrize("policy", SHOPS)
def test_a_new_policy_version_opens_cases_again(policy: Policy) -> None:
    outputs, owners = stopped(policy)
    before = len(outputs.parsed("interventions"))
    redesigned = redesign(policy, outputs, owners)
    opened = sorted(outputs.parsed("interventions"), key=lambda case: case["decided_at"])[before:]
    assert {case["policy_version"] for case in opened} == {redesigned.version}


def test_who_waited_for_a_new_policy_version_has_a_turn_at_the_next_monday() -> None:
    outputs, owners = stopped(SHOPS[0])  # in the other shop all who waited have lapsed, or are not worth a case by then
    waited = {
        one["customer_id"] for one in outputs.parsed("interventions-withheld") if one["withheld_reason"] == "stop_loss"
    }
    before = len(outputs.parsed("interventions"))
    redesign(SHOPS[0], outputs, owners)
    opened = sorted(outputs.parsed("interventions"), key=lambda case: case["decided_at"])[before:]
    assert waited & {case["customer_id"] for case in opened}, "nobody who had waited got a case"


@pytest.mark.parametrize("policy", SHOPS)
def test_cases_count_for_the_version_that_their_message_carried(policy: Policy) -> None:
    outputs, owners = until(policy, "interventions", None, 6)
    redesign(policy, outputs, owners)
    sent = {case["intervention_id"]: case["policy_version"] for case in outputs.parsed("interventions")}
    wanted: dict[str, list[int]] = {version: [0, 0] for version in sent.values()}
    for name, version in sent.items():
        ends = [update for update in outputs.updates[name] if update.get("state") in ("saved", "lost")]
        if ends and "contacted_at" in ends[0]:
            wanted[version][0] += 1
            wanted[version][1] += ends[0]["state"] == "saved"
    last = json.loads(outputs.topics.records["models", 0][-1].value or b"")
    assert last["judged"] == {version: counts for version, counts in wanted.items() if counts[0]}
    assert len(last["judged"]) == 2, "cases of one version alone were judged"


@pytest.mark.parametrize("policy", SHOPS)
def test_on_call_is_told_of_the_hold_and_of_how_many_wait(policy: Policy) -> None:
    outputs, owners = stopped(policy)
    units: list[EngineUnit] = [owner.unit for owner in owners[:2]]
    alerts = [alert for unit in units for alert in unit.alerts if alert.kind is AlertKind.STOP_LOSS]
    waiting = [
        sum(np.isfinite(row[PENDING - len(NO_CASE)]) for row in unit.engine.table.rows[: len(unit.engine.table)])
        for unit in units
    ]
    assert sum(waiting) > 0
    assert [
        alert.text.endswith(f" were saved, below 70%: no case opens; {n} crossings wait")
        for alert, n in zip(alerts, waiting, strict=True)
    ] == [True, True]
    assert all(outputs.profile.version in alert.text for alert in alerts)


def test_a_grant_that_comes_when_cases_are_held_waits_with_its_share() -> None:
    profile, row = load_profile("e-commerce", ["gate.consent_when_unknown=true"]), NO_CASE.copy()
    book, outbox, counts = Casebook(profile, 1), Outbox(), Counter[str]()
    row[PENDING], row[SENT] = 5.0, 0.9
    message = {
        "intervention_id": "i", "crossed_at": format_instant(5), "probability": 0.9, "customer_value": 4000.0,
        "budget": {"amount": 1.0},
    }  # fmt: skip
    pending = PendingCandidate(message, "mail", ("mail",), 1.0)
    book.set_candidate(0, pending)
    answer = {"intervention_id": "i", "rule": None, "retry_at": None}
    Emitter(profile, book, AttributesTable(), outbox, counts).grant("c", 0, row, 7, answer, Withheld.STOP_LOSS)
    ((_, _, body),) = outbox.withheld
    found = json.loads(body)
    assert (found["withheld_reason"], found["retry_at"]) == ("stop_loss", format_instant(next_grid(7)))
    assert found.items() >= message.items()
    assert (outbox.interventions, book.of(0).cases, book.of(0).granted) == ([], [], pending)
    assert row[PENDING] == 5.0


def test_the_learner_sums_over_partitions_and_weeks_whoever_owns_it() -> None:
    monday_us = parse_instant("2024-04-01T00:00:00Z")
    counts: list[list[Judged]] = [[{"a": (2, 1)}, {"a": (1, 1), "b": (1, 0)}], [{}, {"a": (4, 0)}]]
    logs = Topics(2)
    owner = Owner(lambda: LearnerUnit(load_profile("e-commerce"), 2, "event"), logs)
    for week, said in enumerate(counts):
        instant_us = monday_us + week * WEEK_US
        marks = [mark(instant_us, p, replace(Report.empty(), judged=one)) for p, one in enumerate(said)]
        logs.append("labelled-examples", 0, [(None, body) for body in marks])
        owner.work(10)
        owner.commit()
        owner.die()
    judged = [json.loads(record.value or b"")["judged"] for record in logs.records["models", 1]]
    assert judged == [{"a": [3, 2], "b": [1, 0]}, {"a": [7, 2], "b": [1, 0]}]
