"""The engine while a producer is silent: silence opens no case."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from features.aggregates import Last
from features.catalogue import NAMES
from features.signals import RETAINED
from online_model.array_codec import unpack_array
from online_model.treatment import Treatment
from schemas.columns import EVENT, SERVICE_VISIT
from schemas.instants import DAY_US, format_instant
from streams.cases.columns import DRAWN, HELD, PENDING, RETRY, WIDTH
from streams.engine.engine import Engine
from streams.profile.loading import load_profile
from tests.online_model.worlds import lines

SILENT_DAYS = 10.5  # from here on the model below predicts that a customer leaves
CUSTOMERS, BUSY_DAYS = 5, 60
START_US = 20_000 * DAY_US


def engine(*, live: bool) -> Engine:
    """All customers come each day for two months; the model has one feature, the days since the last visit."""
    profile = load_profile(
        "after-sales", ["case.least_tenure=1d", "gate.holdout_share=0", "gate.consent_when_unknown=true"]
    )
    made = Engine(profile, 0, DAY_US, waits_for_models=False)
    made.waits_for_models = not live
    weights = np.where(np.array(NAMES) == "retained_recency", 5.0, 0.0)
    intercept = -5.0 * float(np.log1p(SILENT_DAYS))
    made.serve_model(lines(weights, intercept, np.zeros(len(NAMES))))
    made.start(START_US)
    for day in range(BUSY_DAYS):
        visits(made, day, range(CUSTOMERS))
    return made


def visits(made: Engine, day: int, customers: range) -> None:
    rows = np.zeros(len(customers), EVENT)
    rows["slot"] = made.table.slots([f"c{customer}" for customer in customers])
    rows["kind"], rows["id"] = SERVICE_VISIT, [1000 * day + customer for customer in customers]
    rows["time_us"] = rows["due_us"] = START_US + (day + 1) * DAY_US
    go(made, day + 1, rows)


def go(made: Engine, day: int, rows: np.ndarray | None = None) -> None:
    """Steps to the end of a day; an awaited model is a copy of the one in force."""
    until_us = START_US + day * DAY_US
    rest = np.zeros(0, EVENT) if rows is None else rows
    while made.now_us is not None and made.now_us < until_us:
        stop_us = min(made.schedule.next_stop(made.now_us), until_us)
        made.step(rest if stop_us == until_us else rest[:0], stop_us, {})
        if made.model_due_us is not None:
            made.apply_model(replace(made.scorer.snapshot, instant_us=made.model_due_us))


def opened_and_withheld(made: Engine) -> tuple[int, list[str]]:
    """Returns how many cases opened since the last call, and why others did not."""
    facts = made.take_facts()
    return len(facts.interventions), [json.loads(body)["withheld_reason"] for _, _, body in facts.withheld]


def test_a_customer_is_scored_at_the_event_and_not_only_at_the_next_sweep() -> None:
    made, at_us = engine(live=True), START_US + (BUSY_DAYS + 9) * DAY_US + DAY_US // 2
    for day in range(9):  # the producer is heard meanwhile
        visits(made, BUSY_DAYS + day, range(1, CUSTOMERS))
    made.take_facts()
    rows = np.zeros(1, EVENT)
    rows["slot"], rows["kind"], rows["id"], rows["time_us"], rows["due_us"] = 0, SERVICE_VISIT, 1, at_us, at_us
    made.step(rows, at_us, {})
    assert {slot: score and score[0] for slot, score in made.take_facts().scores.items()} == {0: at_us}


def test_silence_opens_no_case_while_the_whole_source_is_silent() -> None:
    made = engine(live=True)
    go(made, BUSY_DAYS + 12)
    assert opened_and_withheld(made) == (0, [])
    (alert,) = made.hearing.alerts(made.now_us or 0, made.scoring.crossings.undecided.values())
    assert " on service_visit since" in alert.text
    assert f"{CUSTOMERS} decisions about its customers wait" in alert.text


def test_held_crossings_open_once_the_source_has_events_again() -> None:
    made = engine(live=True)
    go(made, BUSY_DAYS + 12)
    opened_and_withheld(made)
    visits(made, BUSY_DAYS + 12, range(1))
    assert opened_and_withheld(made) == (CUSTOMERS - 1, [])


def test_silence_of_some_while_others_come_opens_their_cases() -> None:
    made = engine(live=True)
    for day in range(12):
        visits(made, BUSY_DAYS + day, range(1))
    assert opened_and_withheld(made) == (CUSTOMERS - 1, [])


def test_in_event_time_the_log_is_all_there_is() -> None:
    made = engine(live=False)
    go(made, BUSY_DAYS + 12)
    assert opened_and_withheld(made) == (CUSTOMERS, [])


def test_a_crossing_that_waits_while_its_customer_lapses_ends_and_is_on_record_once() -> None:
    made = engine(live=False)
    first, second, third = made.table.slots(["c0", "c1", "c2"]).tolist()
    crossed_us = START_US + (BUSY_DAYS - 1) * DAY_US
    asks, held, active = (crossed_us, crossed_us + 9 * DAY_US), (crossed_us, -np.inf), (crossed_us, crossed_us + DAY_US)
    for slot, columns in ((first, asks), (second, held), (third, active)):
        made.table.rows[slot, [PENDING - WIDTH, RETRY - WIDTH]] = columns
    made.table.rows[[first, second], made.layout.column[Last(RETAINED)]] = START_US - 400 * DAY_US
    assert len(made.pending) == 3
    go(made, BUSY_DAYS + 1)
    withheld = [json.loads(body) for _, _, body in made.take_facts().withheld]
    assert [(one["customer_id"], one["withheld_reason"], one["crossed_at"]) for one in withheld] == [
        (name, "no_longer_at_risk", format_instant(crossed_us))
        for name in ("c0", "c2")  # c2 has returned
    ]
    assert len(made.pending) == 0
    go(made, BUSY_DAYS + 2)
    assert opened_and_withheld(made) == (0, [])


def test_a_label_says_by_what_share_the_holdout_was_drawn_whatever_it_is_now() -> None:
    made = engine(live=True)  # its profile has no holdout
    slots = made.table.slots(["c0", "c1", "c2"])
    made.table.rows[slots[:2], DRAWN - WIDTH] = made.now_us
    made.table.rows[slots[0], HELD - WIDTH] = 0.25
    observed_us = int(made.now_us or 0)
    made.label({"customers": ["c0", "c1", "c2"]}, observed_us)
    block = json.loads(made.facts.labelled[-1])
    assert unpack_array(block["treatment"], "u1").tolist() == [Treatment.HELD_OUT, Treatment.SENT, Treatment.LEFT_ALONE]
    assert unpack_array(block["propensity"], "f8").tolist() == [0.25, 1.0, 1.0]


def test_who_crosses_while_a_worker_catches_up_in_one_step_is_decided_about_at_its_end() -> None:
    made, day = engine(live=True), BUSY_DAYS
    for later in range(10):  # the producer is heard, c0 is silent
        visits(made, day + later, range(1, CUSTOMERS))
    made.take_facts()
    others = np.zeros(1, EVENT)
    others["slot"], others["kind"], others["id"] = 1, SERVICE_VISIT, 1
    others["time_us"] = others["due_us"] = START_US + (day + 11) * DAY_US
    now_us = made.emitter.clock_us = START_US + (day + 11) * DAY_US + DAY_US // 12
    made.step(others, now_us, {})  # the sweep in which c0 crosses is two hours behind the clock
    assert opened_and_withheld(made) == (1, ["catching_up"])


def test_who_crosses_by_an_event_while_a_worker_catches_up_is_decided_about_at_its_end() -> None:
    made, at_us = engine(live=True), START_US + BUSY_DAYS * DAY_US + DAY_US // 12  # ten in the morning in Shanghai
    weights = np.where(np.array(NAMES) == "visit_count", 5.0, 0.0)
    busy = 5.0 * float(np.log1p(BUSY_DAYS + 0.5))  # the next visit is above the threshold
    made.serve_model(lines(weights, -busy, np.zeros(len(NAMES))))
    made.take_facts()
    rows = np.zeros(1, EVENT)
    rows["kind"], rows["id"], rows["time_us"], rows["due_us"] = SERVICE_VISIT, 1, at_us, at_us
    made.emitter.clock_us = at_us + DAY_US // 24
    made.step(rows, made.emitter.clock_us, {})
    assert opened_and_withheld(made) == (1, ["catching_up"])
