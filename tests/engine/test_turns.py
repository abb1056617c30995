"""In event time: customers who were silent before a case might open have their turns, and tiers follow the risk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from features.catalogue import NAMES
from online_model.readiness import Hold
from schemas.columns import CUSTOMER_PROFILE, EVENT
from schemas.instants import DAY_US, format_instant
from streams.cases.columns import ATTRIBUTES, NEVER, PENDING, RETRY, VALUE, WIDTH
from streams.engine.backlog import last_ranks
from streams.engine.engine import Engine
from streams.interventions.customer_attributes import CustomerAttributes
from streams.interventions.opening import Withheld
from streams.profile.loading import load_profile
from tests.engine.test_engine import BUSY_DAYS, SILENT_DAYS, START_US, visits
from tests.online_model.worlds import lines

CROSSED = BUSY_DAYS + 11  # the first sweep after SILENT_DAYS
MONDAY = 108
Message = dict[str, Any]


class Story:
    """Customers who come daily for two months and then never; what is sent and said of them by day."""

    def __init__(
        self, *settings: str, values: tuple[float, ...] = (4000.0,), ready: int = 0, profile: str = "after-sales"
    ) -> None:
        """ready: the day from which cases may open."""
        known = load_profile(
            profile, ["case.least_tenure=1d", "case.backlog_a_day=2", "gate.consent_when_unknown=true", *settings]
        )
        self.made, self.ready = Engine(known, 0, DAY_US, waits_for_models=True), ready
        weights = np.where(np.array(NAMES) == "retained_recency", 5.0, 0.0)
        self.model = lines(weights, -5.0 * float(np.log1p(SILENT_DAYS)), np.zeros(len(NAMES)))
        self.made.serve_model(replace(self.model, hold=Hold.LABELS if ready else Hold.NOTHING))
        self.made.start(START_US)
        for day in range(BUSY_DAYS):
            visits(self.made, day, range(len(values)))
            self._models()
        self.made.table.rows[: len(values), VALUE - WIDTH] = values
        self.made.take_facts()
        self.sent: list[tuple[int, Message]] = []
        self.withheld: list[tuple[int, Message]] = []
        self.updates: list[tuple[int, Message]] = []

    def until(self, last: int) -> Story:
        first = ((self.made.now_us or 0) - START_US) // DAY_US + 1
        for day in range(first, last + 1):
            self.made.step(np.zeros(0, EVENT), START_US + day * DAY_US, {})
            self._models()
            facts = self.made.take_facts()
            for mine, found in (
                (self.sent, facts.interventions), (self.withheld, facts.withheld), (self.updates, facts.updates),
            ):  # fmt: skip
                mine += [(day, json.loads(body)) for _, _, body in found]
        return self

    def consents(self) -> None:
        """A customer profile of c0 that allows calls."""
        rows, at_us = np.zeros(1, EVENT), (self.made.now_us or 0) + DAY_US
        rows["kind"], rows["id"], rows["time_us"], rows["due_us"], rows["details"] = (
            CUSTOMER_PROFILE,
            1,
            at_us,
            at_us,
            1,
        )
        self.made.step(rows, at_us, {1: {"consent": {"phone": True}}})
        self._models()
        self.made.take_facts()

    def said(self, *statuses: str) -> list[Message]:
        return [body for _, body in self.updates if body["status"] in statuses]

    def _models(self) -> None:
        if (at_us := self.made.model_due_us) is not None:
            hold = Hold.NOTHING if at_us >= START_US + self.ready * DAY_US else Hold.LABELS
            ranks = last_ranks(self.made.report.backlog, 2)
            self.made.apply_model(replace(self.model, instant_us=at_us, hold=hold, backlog=ranks))
        if (at_us := self.made.grants_due_us) is not None:  # whoever asks is granted
            asked = [one for body in self.made.facts.candidates for one in json.loads(body)["candidates"]]
            self.made.facts.candidates.clear()
            self.made.apply_grants([one | {"rule": None, "retry_at": None} for one in asked], at_us)


def test_when_the_model_becomes_ready_the_backlog_has_its_turns_and_each_window_begins_with_its_case() -> None:
    story = Story("gate.holdout_share=0", values=tuple(5000.0 + 100 * i for i in range(7)), ready=MONDAY)
    story.until(MONDAY + 6)
    days = [(day - MONDAY, body["customer_id"]) for day, body in story.sent]
    assert days == [(0, "c5"), (0, "c6"), (1, "c3"), (1, "c4"), (2, "c1"), (2, "c2"), (3, "c0")]
    assert {body["opened_by"] for _, body in story.sent} == {"backlog"}
    assert {(body["window"], body["tier"]) for _, body in story.sent} == {("7d", "extreme")}
    assert all(
        body["crossed_at"] == body["decided_at"] == format_instant(START_US + day * DAY_US) for day, body in story.sent
    )
    assert {body["withheld_reason"] for _, body in story.withheld} == {"model_not_ready", "missed"}


def test_a_crossing_that_waited_keeps_its_day_and_one_at_a_ready_model_waits_for_nothing() -> None:
    late = Story("gate.holdout_share=0", ready=MONDAY - 21).until(MONDAY - 21)
    crossed_at = format_instant(START_US + CROSSED * DAY_US)
    ((day, body),) = late.sent
    assert (day, body["opened_by"], body["crossed_at"], body["window"]) == (87, "crossing", crossed_at, "21d")
    ((day, body),) = Story("gate.holdout_share=0").until(CROSSED).sent
    assert (day, body["opened_by"], body["crossed_at"]) == (CROSSED, "crossing", crossed_at)


def test_an_upgrade_sends_the_action_of_the_higher_tier_and_reminds_whoever_acts_now() -> None:
    story = Story("gate.holdout_share=0").until(CROSSED + 4)
    (upgraded,) = story.said("upgraded")
    assert (upgraded["tier"], upgraded["action"]["who"], upgraded["state"]) == ("extreme", "director", "open")
    assert upgraded["budget"]["amount"] == 800
    reminders = [(body["tier"], body["to"]) for body in story.said("overdue")]
    assert reminders == [("high", "service advisor"), ("extreme", "director")]


def test_an_upgrade_at_a_loss_is_told_once_and_made_up_for_from_the_backlog() -> None:
    story = Story("gate.holdout_share=0", values=(1900.0,)).until(MONDAY)
    (refused,) = story.said("upgrade_withheld")
    assert (refused["why"], refused["tier"]) == ("negative_net_value", "high")
    assert [(body["tier"], body["opened_by"]) for _, body in story.sent] == [
        ("high", "crossing"),
        ("extreme", "backlog"),
    ]
    assert min(body["expected_net_value"] for _, body in story.sent) >= 0


def test_a_case_at_a_loss_is_withheld_once() -> None:
    story = Story("gate.holdout_share=0", values=(100.0,)).until(MONDAY)  # less than any strategy costs
    assert [body["withheld_reason"] for _, body in story.withheld] == ["negative_net_value"]
    assert story.sent == []


def test_without_consent_a_customer_has_no_turn_until_a_profile_gives_it() -> None:
    story = Story("gate.holdout_share=0", "gate.consent_when_unknown=false").until(MONDAY)
    assert [body["withheld_reason"] for _, body in story.withheld] == ["consent"]
    story.consents()
    story.until(MONDAY + 7)
    assert [(day, body["opened_by"]) for day, body in story.sent] == [(MONDAY + 7, "backlog")]


def test_in_the_holdout_the_tier_follows_and_nothing_is_to_be_done() -> None:
    story = Story("gate.holdout_share=0.999999").until(CROSSED + 4)
    (followed,) = story.said("upgraded")
    assert (followed["tier"], followed["holdout"], followed["state"]) == ("extreme", True, "withheld")
    assert "action" not in followed
    assert story.sent == []


def waits_for_the_morning(folder: Path) -> Story:
    """c0 had a turn in the backlog, in the tier `high`, and the grant waits for the end of quiet hours; two hours later
    the customer is in the tier `extreme`.
    """
    limited = folder / "limited.toml"
    limited.write_text(
        'extends = "after-sales"\nname = "limited"\n'
        '[[tiers]]\nname = "extreme"\nabove = 0.652\n'
        '[[limits.teams]]\nname = "desk"\nwho = "director"\nagents = 1\ncases_a_day = 9\n'
    )
    night = ("gate.quiet_from=07:00", "gate.quiet_until=10:00")  # from 23:00 to 02:00 UTC
    story = Story("gate.holdout_share=0", *night, ready=MONDAY, profile=str(limited)).until(CROSSED)
    story.made.table.rows[0, [PENDING - WIDTH, RETRY - WIDTH]] = NEVER, START_US + (CROSSED + 1) * DAY_US
    story.ready = 0
    story.made.serve_model(story.model)
    return story.until(CROSSED + 1)


def test_a_case_of_the_backlog_stays_one_if_its_tier_changes_while_its_grant_waits(tmp_path: Path) -> None:
    story = waits_for_the_morning(tmp_path).until(CROSSED + 3)
    last_turn = format_instant(START_US + (CROSSED + 2) * DAY_US)  # the first grant was of the lower tier
    found = [(body["tier"], body["opened_by"]) for _, body in (*story.withheld[1:], *story.sent)]
    assert found == [("high", "backlog"), ("extreme", "backlog"), ("extreme", "backlog")]
    assert [body["crossed_at"] for _, body in story.sent] == [last_turn]


def test_nor_is_it_called_a_crossing_if_the_customer_comes_back_while_its_grant_waits(tmp_path: Path) -> None:
    story = waits_for_the_morning(tmp_path)
    story.made.table.rows[0, RETRY - WIDTH] = START_US + (CROSSED + 5) * DAY_US
    visits(story.made, CROSSED + 1, [0])
    (body,) = (json.loads(body) for _, _, body in story.made.take_facts().withheld)
    assert (body["withheld_reason"], body["opened_by"]) == ("no_longer_at_risk", "backlog")


def test_a_turn_whose_channel_was_closed_before_its_grant_came_begins_anew(tmp_path: Path) -> None:
    made = waits_for_the_morning(tmp_path).made
    pending, row = made.casebook.of(0).granted, made.table.rows[0, -WIDTH:]
    assert pending is not None
    row[ATTRIBUTES] = made.attributes_table.number(CustomerAttributes(consent=(("phone", False),)))
    made.casebook.set_candidate(0, pending)
    answer = {"intervention_id": pending.message["intervention_id"], "rule": None, "retry_at": None}
    at_us = START_US + (CROSSED + 1) * DAY_US
    made.emitter.grant("c0", 0, row, at_us, answer, Withheld.NOTHING)
    assert row[[PENDING, RETRY]].tolist() == [NEVER, at_us]


def test_whoever_has_had_the_extreme_case_has_no_turn_before_a_fall() -> None:
    assert len(Story("gate.holdout_share=0").until(MONDAY + 21).sent) == 1
