"""Details of outcomes and profiles reach the engine with their rows, whatever the batches are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from features.catalogue import AGGREGATES
from schemas.columns import Details
from schemas.instants import DAY_US, format_instant
from streams.units.engine_batch import Batch
from streams.units.engine_unit import EngineUnit
from streams.units.sources import INPUTS
from tests.units import topics as logs
from tests.units.topics import NOTES, NOW_US, PROFILE, START_US, Record

PROFILES = "customer-profiles"
HOUR_US = DAY_US // 24


def profile(hour: int, **fields: Any) -> bytes:
    event = NOTES[PROFILES] | {"event_id": f"{hour}{fields}", "customer_id": "c1", "producer": "crm"}
    return json.dumps(event | {"event_time": format_instant(START_US + hour * HOUR_US)} | fields).encode()


def read(unit: EngineUnit, values: list[bytes | None], clock_us: int = START_US + 3 * DAY_US) -> list[Batch]:
    """Applies a log of profiles, without records of other inputs; returns the batches."""
    unit.position = dict.fromkeys(unit.sources, 0)
    feed, batches = unit.open_feed(), []
    feed.offer(PROFILES, 0, [Record(i, b"c1", value) for i, value in enumerate(values)], NOW_US)
    for source in INPUTS:
        feed.caught_up(source, clock_us)
    while (batch := feed.take()) is not None:
        unit.apply(batch)
        batches.append(batch)
    assert len(feed.details) == 0, "details of rows that were taken still wait"
    return batches


def live() -> EngineUnit:
    return EngineUnit(PROFILE, 0, "wall")


def in_order(batches: list[Batch]) -> list[Details]:
    """The details by event time and id."""
    return [
        batch.details[row["details"].item()]
        for batch in batches
        for row in batch.rows[np.lexsort((batch.rows["id"], batch.rows["time_us"], batch.rows["due_us"]))]
    ]


def test_the_fields_of_a_note_come_with_its_row() -> None:
    scopes = [one["scope"] for one in in_order(read(live(), [profile(1, scope="a"), profile(30, scope="b")]))]
    assert scopes == ["a", "b"]


def test_a_deletion_comes_behind_the_profile_before_it_and_before_the_one_behind_it() -> None:
    unit = EngineUnit(PROFILE, 0, "wall")
    unit.tick_us = DAY_US  # all in one tick
    details = in_order(read(unit, [profile(1, scope="a"), None, profile(3, scope="b"), None, profile(4, scope="c")]))
    assert [one.get("scope") for one in details] == ["a", None, "b", None, "c"]


def test_a_deletion_in_a_topic_that_has_said_nothing_changes_nothing() -> None:
    unit = live()
    assert [one.get("scope") for one in in_order(read(unit, [None, profile(1, scope="a")]))] == ["a"]
    assert unit.counts["applied"] == 2  # counted all the same, like every other deletion


def test_notes_are_counted_and_a_note_that_is_sent_again_is_a_duplicate() -> None:
    unit = live()
    read(unit, [profile(1), profile(1), profile(2), None, b"{"])
    counts = unit.counts
    assert (counts["notes"], counts["duplicate"], counts["rejected"]) == (3, 1, 1)
    assert counts["applied"] + counts["duplicate"] + counts["late"] + counts["rejected"] == 5


def test_a_profile_without_events_is_no_customer_and_has_no_features() -> None:
    unit = live()
    read(unit, [profile(1)])
    assert unit.engine.customers == 0
    row = unit.engine.table.rows[0, : len(AGGREGATES) + 1]
    assert row.tobytes() == unit.engine.table.empty[: len(row)].tobytes()


def test_a_row_without_events_that_says_something_is_kept_and_restored() -> None:
    unit, again = live(), live()
    read(unit, [profile(1)])
    unit.engine.table.rows[0, -1], unit.engine.table.dirty[0] = 7.0, True
    state = unit.take()[0]
    again.load([Record(i, *pair) for i, pair in enumerate(state.pairs)])
    assert again.engine.table.rows[0].tobytes() == unit.engine.table.rows[0].tobytes()


def test_notes_are_no_sign_of_life_of_a_source() -> None:
    unit = live()
    read(unit, [profile(hour) for hour in range(60)])
    assert unit.engine.hearing.producers.all == []


def test_notes_wait_no_longer_than_their_rows() -> None:
    topics = logs.filled(1)
    owners = logs.owners(topics)
    logs.finish(owners)
    assert len(owners[0].feed.details) == 0  # type: ignore[union-attr]  # the engine's
