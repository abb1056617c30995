"""Drift, from the log to the alert: a city whose producer breaks its schema, and one whose customers change."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.catalogue import NAMES
from streams.files.file_sources import FileSources
from streams.files.replay_folder import ReplayFolder
from streams.files.survey import Terms
from streams.profile.loading import load_profile
from streams.replay import Replay
from tests.replay.runs import SHORT, Event, write_jsonl

LAST_WEEK = "2024-07-01"  # and the last instant is that of the 8th
NOW_US = 2_000_000_000_000_000


def alerts(folder: Path, events: list[Event]) -> list[str]:
    """Returns the alerts at the end of the log."""
    profile = load_profile("after-sales", [*SHORT, "drift.least_counted=50", "drift.reference_weeks=4"])
    sources = FileSources([str(write_jsonl(folder / "log.jsonl", events))], Terms(NOW_US, profile.time.max_skew_us))
    with ReplayFolder(str(folder / "out"), NAMES) as out:
        replay = Replay(profile, sources, out)
        replay.run()
        out.close(replay.summary())
    return [alert.text for alert in replay.learner.alerts]


def test_a_city_as_it_is_has_no_broken_producer(tmp_path: Path, events: list[Event]) -> None:
    assert not [alert for alert in alerts(tmp_path, events) if alert.startswith("producer")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"duration_seconds": None}, "without `duration_seconds`"),
        ({"activity_type": "screen_view"}, "of a type not known"),
    ],
)
def test_a_producer_that_breaks_its_schema_is_named(
    change: Event, words: str, tmp_path: Path, events: list[Event]
) -> None:
    def broken(event: Event) -> Event:
        return event | change if event["kind"] == "app_activity" and event["event_time"] > LAST_WEEK else event

    alert = [one for one in alerts(tmp_path, list(map(broken, events))) if one.startswith("producer")]
    assert len(alert) == 1
    assert alert[0].startswith("producer simulator has changed its schema: 100% of its app_activity events")
    assert words in alert[0]


def test_customers_who_do_much_more_have_changed(tmp_path: Path, events: list[Event]) -> None:
    opened = next(event for event in events if event["kind"] == "app_activity")
    more = [
        opened | {"customer_id": customer, "event_id": f"{customer}-{i}", "event_time": f"{LAST_WEEK}T1{i}:00:00Z"}
        for customer in sorted({event["customer_id"] for event in events})
        for i in range(10)
    ]
    first = alerts(tmp_path, sorted(events + more, key=lambda event: event["event_time"]))[0]
    assert first.startswith("customers have changed, no producer's data has: in the week to 2024-07-08")
