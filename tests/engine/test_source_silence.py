"""A source that is silent for longer than usual, and what waits until its events come again."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.columns import APP_ACTIVITY, EVENT, SERVICE_VISIT, Rows
from schemas.instants import DAY_US, HOUR_US
from streams.engine.source_silence import SourceSilence

FACTOR = 3.0


def heard(*days: range, kind: int = APP_ACTIVITY, pauses: int = 4) -> SourceSilence:
    """Events each quarter of an hour from nine to five of the given days."""
    source_silence = SourceSilence(FACTOR)
    for day in (day for part in days for day in part):
        for quarter in range(8 * pauses):
            source_silence.add(events(kind, day * DAY_US + 9 * HOUR_US + quarter * HOUR_US // pauses))
    return source_silence


def events(kind: int, *at_us: int) -> Rows:
    rows = np.zeros(len(at_us), EVENT)
    rows["kind"], rows["due_us"] = kind, at_us
    return rows


def test_nights_are_not_quiet_and_two_days_without_an_event_are() -> None:
    source_silence = heard(range(10))
    closed_us = 9 * DAY_US + 17 * HOUR_US
    assert source_silence.quiet_sources(closed_us + 16 * HOUR_US) == []
    assert source_silence.quiet_sources(closed_us + 50 * HOUR_US) == ["app_activity"]


def test_a_source_with_new_events_is_no_longer_quiet() -> None:
    source_silence = heard(range(10))
    source_silence.add(events(APP_ACTIVITY, 13 * DAY_US))
    assert source_silence.quiet_sources(13 * DAY_US + HOUR_US) == []


def test_one_outage_does_not_become_the_rule() -> None:
    source_silence = heard(range(10))
    source_silence.add(events(APP_ACTIVITY, 30 * DAY_US))
    assert source_silence.quiet_sources(35 * DAY_US) == ["app_activity"]


def test_a_source_with_few_pauses_is_never_quiet() -> None:
    assert heard(range(1)).quiet_sources(100 * DAY_US) == []


def test_each_source_has_its_own_usual_pause() -> None:
    source_silence = heard(range(10))
    for hour in range(0, 240, 2):
        source_silence.add(events(SERVICE_VISIT, hour * HOUR_US + 1))
    assert source_silence.quiet_sources(9 * DAY_US + 33 * HOUR_US) == ["service_visit"]


def test_it_goes_on_from_what_a_checkpoint_has() -> None:
    source_silence, restored = heard(range(10)), SourceSilence(FACTOR)
    restored.load(source_silence.state())
    for more in (source_silence, restored):
        more.add(events(APP_ACTIVITY, 12 * DAY_US))
    assert restored.state() == source_silence.state()


@pytest.mark.parametrize("size", [1, 7, 100])
def test_how_events_are_cut_into_batches_does_not_matter_within_a_day(size: int) -> None:
    at_us = [day * DAY_US + hour * HOUR_US for day in range(10) for hour in range(9, 17)]
    whole, parts = SourceSilence(FACTOR), SourceSilence(FACTOR)
    whole.add(events(APP_ACTIVITY, *at_us))
    for start in range(0, len(at_us), size):
        parts.add(events(APP_ACTIVITY, *at_us[start : start + size]))
    for hours in range(0, 100, 5):
        assert whole.quiet_sources(at_us[-1] + hours * HOUR_US) == parts.quiet_sources(at_us[-1] + hours * HOUR_US)
