"""A complaint is a manager's task: opened at once, overdue after 24 hours, done when it is resolved."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from features.catalogue import NAMES
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, CUSTOMER_PROFILE, SERVICE_VISIT, Details, Rows, empty_rows
from schemas.instants import DAY_US, HOUR_US, format_instant
from schemas.outputs import Task as Message
from streams.cases.customer_cases import CustomerCases
from streams.engine.engine import Engine
from streams.interventions.tasks import Task
from streams.profile.layers import shipped
from streams.profile.loading import load_profile
from tests.features.world import START_US
from tests.online_model.worlds import lines

OPENED, RESOLVED, VISIT, PROFILE = "complaint_opened", "complaint_resolved", "visit", "profile"
Event = tuple[float, str]  # hours, what


class Desk:
    """An engine with one customer."""

    def __init__(self, profile: str = "after-sales", *overrides: str, tick_us: int = HOUR_US) -> None:
        self.tick_us, self.number, self.details = tick_us, 0, dict[int, Details]()
        self.engine = Engine(load_profile(profile, overrides), 0, tick_us, waits_for_models=False)
        self.engine.serve_model(lines(np.zeros(len(NAMES)), -5.0, np.zeros(len(NAMES))))
        self.engine.start(START_US - DAY_US)

    def rows(self, events: list[Event], counts: int, scope: str | None) -> Rows:
        made = empty_rows(len(events))
        for row, (hours, what) in zip(made, events, strict=True):
            self.number += 1
            row["id"], row["time_us"], row["count"] = self.number, START_US + round(hours * HOUR_US), counts
            row["kind"] = {VISIT: SERVICE_VISIT, PROFILE: CUSTOMER_PROFILE}.get(what, APP_ACTIVITY)
            row["code"] = ACTIVITY_TYPES.index(what) if what in ACTIVITY_TYPES else 0
            if what == PROFILE:
                self.details[self.number], row["details"] = ({"scope": scope} if scope else {}), self.number
        made["slot"] = self.engine.table.slots(["c1"])[0]
        made["due_us"] = -(-made["time_us"] // self.tick_us) * self.tick_us
        return made

    def until(
        self, hours: float, *events: Event, counts: int = 1, scope: str | None = None, late: bool = False
    ) -> list[tuple[float, str]]:
        """Steps to an instant; returns the messages since: when, in hours, and the status."""
        made = self.rows(list(events), counts, scope)
        if late:
            made["due_us"] = np.maximum(made["due_us"], (self.engine.now_us or 0) + self.tick_us)
        self.engine.step(made, START_US + round(hours * HOUR_US), self.details)
        self.bodies: list[dict[str, Any]] = [json.loads(body) for _, _, body in self.engine.take_facts().tasks]
        for body in self.bodies:
            Message.model_validate(body)
        instants = [Message.model_validate(body).updated_at for body in self.bodies]
        all_hours = {format_instant(START_US + i * HOUR_US // 4): i / 4 for i in range(-400, 40_000)}
        return [(all_hours[at], body["status"]) for at, body in zip(instants, self.bodies, strict=True)]


def test_an_opened_complaint_is_a_task_due_a_day_later() -> None:
    desk = Desk()
    assert desk.until(20, (9.5, OPENED)) == [(10, "open")]
    (body,) = desk.bodies
    assert body["opened_at"] == format_instant(START_US + round(9.5 * HOUR_US))
    assert body["due_at"] == format_instant(START_US + round(33.5 * HOUR_US))
    assert (body["to"], body["customer_id"], body["kind"]) == ("service manager", "c1", "complaint")


@pytest.mark.parametrize("profile", shipped())
def test_a_complaint_is_a_managers_task_in_every_profile(profile: str) -> None:
    desk = Desk(profile)
    assert desk.until(60, (1, OPENED)) == [(1, "open"), (25, "overdue")]
    assert desk.bodies[0]["to"] != desk.bodies[1]["to"]


def test_a_task_that_is_not_done_in_time_goes_one_level_up() -> None:
    desk = Desk()
    desk.until(20, (9.5, OPENED))
    assert desk.until(48) == [(34, "overdue")]
    assert desk.bodies[0]["to"] == "director"


def test_a_resolved_complaint_ends_its_task() -> None:
    desk = Desk()
    assert desk.until(40, (9.5, OPENED), (30.0, RESOLVED)) == [(10, "open"), (30, "done")]
    assert desk.bodies[0]["task_id"] == desk.bodies[1]["task_id"]
    assert desk.bodies[1]["to"] is None
    assert desk.until(2000) == []


def test_a_complaint_resolved_in_the_same_tick_is_opened_and_done() -> None:
    assert Desk(tick_us=DAY_US).until(24, (9.0, OPENED), (18.0, RESOLVED)) == [(24, "open"), (24, "done")]


def test_a_resolution_ends_the_oldest_of_two() -> None:
    desk = Desk()
    desk.until(10, (1.0, OPENED), (5.0, OPENED))
    first = desk.bodies[0]["task_id"]
    assert desk.until(12, (11.0, RESOLVED)) == [(11, "done")]
    assert desk.bodies[0]["task_id"] == first


def test_one_resolution_of_two_complaints_ends_both() -> None:
    desk = Desk()
    desk.until(10, (1.0, OPENED), (5.0, OPENED))
    assert desk.until(12, (11.0, RESOLVED), counts=2) == [(11, "done"), (11, "done")]


def test_two_complaints_of_one_instant_are_two_tasks() -> None:
    desk = Desk()
    desk.until(10, (1.0, OPENED), (1.0, OPENED))
    assert len({body["task_id"] for body in desk.bodies}) == 2


def test_a_complaint_that_comes_after_its_resolution_is_done() -> None:
    desk = Desk()
    assert desk.until(30, (29.0, RESOLVED)) == []
    assert desk.until(40, (20.0, OPENED), late=True) == [(31, "open"), (31, "done")]


def test_after_thirty_days_nobody_is_reminded_any_more() -> None:
    desk = Desk()
    desk.until(40, (1.0, OPENED))
    assert desk.until(2000) == [(721, "expired")]
    assert desk.until(2010, (2001.0, RESOLVED)) == []


def test_a_task_needs_neither_a_visit_nor_consent_and_the_holdout_has_it_too() -> None:
    desk = Desk("e-commerce", "gate.holdout_share=0.999", "gate.consent_when_unknown=false")
    assert desk.until(2, (1, OPENED)) == [(1, "open")]


def test_where_the_roll_out_has_not_come_there_is_no_task() -> None:
    desk = Desk("after-sales", "roll_out.stage=city")
    assert desk.until(4, (1.0, PROFILE), (2.0, OPENED), scope="city-9") == []
    assert desk.until(9, (5.0, PROFILE), (6.0, OPENED), scope="city-1") == [(6, "open")]


def test_the_task_of_a_customer_who_is_erased_is_withdrawn() -> None:
    desk = Desk()
    desk.until(4, (2.0, OPENED))
    assert desk.until(9, (5.0, PROFILE)) == [(5, "withdrawn")]
    assert desk.until(100) == []


def test_a_complaint_of_before_an_erasure_is_no_task() -> None:
    assert Desk(tick_us=DAY_US).until(24, (2.0, OPENED), (5.0, PROFILE)) == []


def test_tasks_are_restored() -> None:
    before = CustomerCases(tasks=[Task(5, 17, 7, overdue=True), Task(6, 18, 8)])
    assert CustomerCases.loads(before.dumps() or b"") == before


def test_an_entry_of_the_release_before_has_no_tasks() -> None:
    row = b'{"cases":[],"contacts":[[1,"sms"]],"asked":null,"granted":null,"touch_again_us":null}'
    assert CustomerCases.loads(row) == CustomerCases(contacts=[(1, "sms")])
