"""Erasures: scores, cases and touches of a customer end at once, and nothing is sent until the customer says so."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from features.catalogue import NAMES
from schemas.columns import CUSTOMER_PROFILE, SERVICE_VISIT, empty_rows
from schemas.instants import DAY_US, HOUR_US, parse_instant
from streams.cases.columns import ATTRIBUTES, WIDTH
from streams.cases.outbox import Facts
from streams.engine.engine import Engine
from streams.interventions.customer_attributes import CustomerAttributes
from streams.profile.loading import load_profile
from tests.online_model.worlds import lines

START_US = parse_instant("2024-01-03T04:00:00Z")  # noon in Shanghai
YES = {"consent": {"phone": True, "visit": True}}
ASKED: dict[str, Any] = {"erased": "asked for it"}
Sent = tuple[float, str, dict[str, Any] | None]  # day, customer, a profile; None: a visit


class Workshop:
    """An engine whose model says of everybody that they leave; scored daily."""

    def __init__(self, *overrides: str) -> None:
        settings = ["gate.holdout_share=0", "case.least_tenure=1d", "case.cool_down=1d", *overrides]
        self.engine = Engine(load_profile("after-sales", settings), 0, HOUR_US, waits_for_models=False)
        self.engine.serve_model(lines(np.zeros(len(NAMES)), 0.5, np.zeros(len(NAMES))))
        self.engine.start(START_US - DAY_US)
        self.number = 0

    def until(self, day: float, *sent: Sent) -> Facts:
        """Applies what was sent, steps to the end of a day and returns what goes out."""
        rows, details = empty_rows(len(sent)), {}
        for row, (at, customer, profile) in zip(rows, sent, strict=True):
            self.number += 1
            row["id"], row["time_us"] = self.number, START_US + round(at * DAY_US)
            row["slot"] = self.engine.table.slots([customer])[0]
            row["kind"] = SERVICE_VISIT if profile is None else CUSTOMER_PROFILE
            if profile is not None:
                row["details"], details[self.number] = self.number, profile
        now_us = self.engine.now_us or 0
        rows["due_us"] = -(-np.maximum(rows["time_us"], now_us + 1) // HOUR_US) * HOUR_US
        self.engine.step(rows, START_US + round(day * DAY_US), details)
        return self.engine.take_facts()

    def slot(self, customer: str) -> int:
        return int(self.engine.table.slots([customer])[0])

    def attributes(self, customer: str) -> CustomerAttributes:
        return self.engine.attributes_table[self.engine.table.rows[self.slot(customer), ATTRIBUTES - WIDTH]]

    def row(self, customer: str) -> bytes:
        """What is known of a customer beside the columns of cases."""
        return bytes(self.engine.table.rows[self.slot(customer), :-WIDTH].tobytes())


def bodies(facts: list[tuple[int, str, bytes]]) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in facts]


def at_risk(*overrides: str) -> Workshop:
    """Two customers, each with an open case on day 3."""
    shop = Workshop(*overrides)
    sent = shop.until(3, (0.0, "anna", YES), (0.0, "bert", YES), (0.1, "anna", None), (0.1, "bert", None))
    assert {body["customer_id"] for body in bodies(sent.interventions)} == {"anna", "bert"}
    return shop


@pytest.mark.parametrize("erasure", [ASKED, {}])
def test_case_and_score_end_in_the_tick_of_the_erasure(erasure: dict[str, Any]) -> None:
    shop = at_risk()
    facts = shop.until(3.5, (3.25, "anna", erasure))
    (update,) = bodies(facts.updates)
    assert (update["customer_id"], update["status"], update["why"]) == ("anna", "withdrawn", "erased")
    assert parse_instant(update["updated_at"]) == START_US + round(3.25 * DAY_US)
    assert facts.scores == {shop.slot("anna"): None}
    assert shop.engine.casebook.of(shop.slot("anna")).dumps() is None
    assert shop.row("anna") == shop.engine.table.empty[:-WIDTH].tobytes()


def test_nothing_goes_out_about_the_erased_and_all_about_the_others() -> None:
    shop = at_risk()
    shop.until(3.5, (3.25, "anna", ASKED))
    facts = shop.until(40)
    about = {body["customer_id"] for body in bodies([*facts.interventions, *facts.updates, *facts.withheld])}
    assert about == {"bert"}
    assert shop.slot("anna") not in facts.scores


@pytest.mark.parametrize("unknown", ["false", "true"])
def test_who_comes_back_is_scored_and_contacted_only_after_a_new_yes(unknown: str) -> None:
    shop = at_risk(f"gate.consent_when_unknown={unknown}")
    shop.until(4, (3.25, "anna", ASKED), (3.5, "anna", {"scope": "city-1"}))
    facts = shop.until(8, (4.5, "anna", None))
    assert facts.scores[shop.slot("anna")] is not None
    assert not facts.interventions
    why = {body["withheld_reason"] for body in bodies(facts.withheld) if body["customer_id"] == "anna"}
    assert why == {"tenure", "consent"}  # known from the first visit on, like anybody
    shop.until(8.5, (8.25, "anna", YES))
    attributes = shop.attributes("anna")
    assert attributes.consents_to("phone") is True
    assert attributes.consents_to("sms") is False


@pytest.mark.parametrize("known", ["before it", "with it", "after it"])
def test_of_the_events_up_to_the_tick_of_an_erasure_none_counts_whenever_they_come(known: str) -> None:
    shop, visit, erasure = Workshop(), (1.0, "anna", None), (2.0, "anna", ASKED)
    shop.until(0.5, (0.0, "anna", YES))
    if known == "with it":
        shop.until(3, visit, erasure)
    else:
        first, second = (visit, erasure) if known == "before it" else (erasure, visit)
        shop.until(2.5, first)
        shop.until(3, second)
    table, layout = shop.engine.table, shop.engine.layout
    known_us = table.rows[shop.slot("anna"), 1 : layout.width]
    assert known_us.tobytes() == layout.empty[1:].tobytes()


def test_an_erasure_that_comes_late_leaves_the_newer_profile() -> None:
    shop = at_risk()
    facts = shop.until(5, (4.0, "anna", {"consent": {"sms": True}}))
    facts = shop.until(6, (3.5, "anna", ASKED))
    assert {body["why"] for body in bodies(facts.updates) if body["customer_id"] == "anna"} <= {"erased"}
    attributes = shop.attributes("anna")
    assert (attributes.consents_to("sms"), attributes.consents_to("phone")) == (True, False)
