"""Who speaks for customers, and up to when the silence of each is believed."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.columns import APP_ACTIVITY, EVENT, SERVICE_VISIT, Rows
from schemas.instants import DAY_US, HOUR_US, SECOND_US
from streams.inputs.producers import MOST, OTHERS, REST, Producers

NAMES = ["others", *(f"shop-{number}" for number in range(200))]
FACTOR, PATIENCE_US, LATEST_US = 3.0, 30 * DAY_US, 7 * DAY_US
VISITS = "service_visit"


def events(*at_us: int, producer: int = 1, kind: int = SERVICE_VISIT) -> Rows:
    rows = np.zeros(len(at_us), EVENT)
    rows["time_us"], rows["producer"], rows["kind"] = at_us, producer, kind
    return rows


def office_hours(days: int = 10) -> list[int]:
    """Each quarter of an hour from nine to five."""
    return [day * DAY_US + 9 * HOUR_US + quarter * HOUR_US // 4 for day in range(days) for quarter in range(32)]


def heard(*at_us: int, producer: int = 1) -> Producers:
    producers = Producers(FACTOR, PATIENCE_US, LATEST_US)
    producers.hear(events(*at_us, producer=producer), NAMES)
    return producers


CLOSED_US = 9 * DAY_US + 17 * HOUR_US - HOUR_US // 4


def test_nights_are_believed_and_a_day_without_an_event_is_not() -> None:
    producers = heard(*office_hours())
    assert producers.unheard(CLOSED_US + 16 * HOUR_US) == []
    assert producers.unheard(CLOSED_US + 24 * HOUR_US) == [0]


def test_on_call_hears_of_it_later_than_it_holds() -> None:
    producers = heard(*office_hours())
    assert producers.silent(CLOSED_US + 24 * HOUR_US) == []
    assert producers.silent(CLOSED_US + 50 * HOUR_US) == [0]


def test_a_producer_that_is_heard_again_is_believed_again() -> None:
    producers = heard(*office_hours())
    producers.hear(events(13 * DAY_US), NAMES)
    assert producers.unheard(13 * DAY_US + HOUR_US) == []


def test_events_from_before_the_outage_make_nobody_heard_now() -> None:
    producers = heard(*office_hours())
    producers.hear(events(CLOSED_US + HOUR_US), NAMES)
    assert producers.unheard(CLOSED_US + 3 * DAY_US) == [0]


def test_one_outage_does_not_become_a_habit() -> None:
    producers = heard(*office_hours())
    producers.hear(events(30 * DAY_US), NAMES)
    assert producers.unheard(33 * DAY_US) == [0]


def test_nor_does_one_that_comes_in_a_backlog() -> None:
    assert heard(*office_hours(), 30 * DAY_US).unheard(33 * DAY_US) == [0]


def test_of_whom_little_is_known_silence_is_believed() -> None:
    assert heard(*office_hours(1)).unheard(20 * DAY_US) == []


def test_who_sends_heartbeats_is_believed_up_to_the_last_one() -> None:
    producers = heard(*office_hours())
    for second in range(0, 100, 10):
        producers.beat(VISITS, NAMES[1], [CLOSED_US + second * SECOND_US])
    assert producers.unheard(CLOSED_US + 110 * SECOND_US) == []
    assert producers.unheard(CLOSED_US + 130 * SECOND_US) == [0]


def test_a_heartbeat_of_whom_no_event_has_come_and_who_names_no_scope_speaks_for_nobody() -> None:
    producers = heard(*office_hours())
    producers.beat(VISITS, "nobody", [0])
    assert len(producers.all) == 1
    producers.beat(VISITS, "region", [0], "north")
    assert (producers.all[1].name, producers.all[1].scope) == ("region", "north")


def test_who_left_for_good_holds_nothing_until_it_is_heard_again() -> None:
    producers = heard(*office_hours())
    producers.beat(VISITS, NAMES[1], [CLOSED_US + SECOND_US], final=True)
    assert producers.unheard(CLOSED_US + 5 * DAY_US) == []
    producers.hear(events(CLOSED_US + 6 * DAY_US), NAMES)
    assert producers.unheard(CLOSED_US + 8 * DAY_US) == [0]


def test_patience_ends() -> None:
    producers = heard(*office_hours())
    assert producers.unheard(CLOSED_US + PATIENCE_US) == [0]
    assert producers.unheard(CLOSED_US + PATIENCE_US + 1) == []


def test_sources_of_one_producer_are_told_apart() -> None:
    producers = heard(*office_hours())
    bits = producers.hear(events(5 * DAY_US, 6 * DAY_US, kind=APP_ACTIVITY), NAMES)
    assert bits.tolist() == [2, 2]
    assert [one.source for one in producers.all] == [VISITS, "app_activity"]


def test_producers_beyond_the_bits_share_the_last_one() -> None:
    producers = Producers(FACTOR, PATIENCE_US, LATEST_US)
    bits = [int(producers.hear(events(DAY_US, producer=number), NAMES)[0]) for number in range(1, 200)]
    assert bits[:MOST] == [1 << number for number in range(MOST)]
    assert set(bits[MOST:]) == {1 << REST}
    assert (len(producers.all), producers.all[REST].name) == (MOST + 1, OTHERS)
    assert float(1 << REST) == 1 << REST


@pytest.mark.parametrize("size", [1, 7, 100])
def test_how_events_are_cut_into_batches_does_not_matter(size: int) -> None:
    at_us = office_hours()
    whole, parts = heard(*at_us), Producers(FACTOR, PATIENCE_US, LATEST_US)
    for start in range(0, len(at_us), size):
        parts.hear(events(*at_us[start : start + size]), NAMES)
    for hours in range(0, 100, 5):
        assert whole.unheard(CLOSED_US + hours * HOUR_US) == parts.unheard(CLOSED_US + hours * HOUR_US)


def test_it_goes_on_from_what_a_checkpoint_has() -> None:
    producers, restored = heard(*office_hours()), Producers(FACTOR, PATIENCE_US, LATEST_US)
    producers.beat(VISITS, NAMES[1], [CLOSED_US + SECOND_US], "north")
    restored.load(producers.state())
    for more in (producers, restored):
        more.hear(events(12 * DAY_US, producer=2), NAMES)
    assert restored.state() == producers.state()
