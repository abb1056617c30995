"""The scorecard of a publisher, record by record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from schemas.instants import parse_instant
from streams.operations.publishers.page import html
from streams.operations.publishers.reader import _add
from streams.operations.publishers.scorecard import MOST_NAMES, MOST_PRODUCERS, OTHERS, Scorecard, Scorecards
from streams.operations.publishers.send import message

AT = "2026-11-30T10:00:00Z"
AT_US = parse_instant(AT)
PLACE = ("service-visits", 3)
VISIT = {
    "kind": "service_visit",
    "event_id": "v-1",
    "customer_id": "c-17",
    "event_time": AT,
    "producer": "till 7",
    "amount": 320,
    "items": 1,
    "wait_minutes": 5,
    "store_id": "s",
    "service_type": "tyres",
}


def after(*records: tuple[dict[str, Any], float]) -> Scorecard:
    """The scorecard of `till 7` after records, each with the seconds from AT to its time."""
    found = Scorecards()
    for body, seconds in records:
        record = SimpleNamespace(value=orjson.dumps(body), timestamp=AT_US // 1000 + int(seconds * 1000))
        _add(found, PLACE, record)
    return found.of("till 7")


def test_events_are_counted_by_kind_and_version_with_their_mean_delay() -> None:
    one = after((VISIT, 2.0), (VISIT | {"event_id": "v-2"}, 4.0))
    body = one.as_json(AT_US)
    assert (body["events"], body["schema_versions"]) == ({"service_visit": 2}, {"1": 2})
    assert (body["mean_delay_seconds"], body["duplicates"], body["late"], body["ahead"]) == (3.0, 0, 0, 0)


def test_the_same_event_id_of_a_customer_twice_is_a_duplicate_and_of_another_customer_is_not() -> None:
    assert after((VISIT, 0), (VISIT, 1), (VISIT | {"customer_id": "c-18"}, 2)).duplicates == 1


def test_an_event_behind_its_producers_own_heartbeat_is_late() -> None:
    beat = {"kind": "heartbeat", "event_time": "2026-11-30T10:05:00Z", "producer": "till 7"}
    one = after((beat, 300), (VISIT, 301), (VISIT | {"event_id": "v-2", "event_time": "2026-11-30T10:06:00Z"}, 361))
    assert (one.late, one.heartbeats) == (1, 1)


def test_an_event_later_than_its_record_shows_a_clock_that_is_ahead() -> None:
    body = after((VISIT, -90.0)).as_json(AT_US)
    assert (body["ahead"], body["most_ahead_seconds"]) == (1, 90.0)


def test_fields_that_features_use_and_that_are_left_out_are_a_share_of_the_events() -> None:
    without = {name: value for name, value in VISIT.items() if name != "wait_minutes"}
    body = after((VISIT, 0), (without | {"event_id": "v-2"}, 1)).as_json(AT_US)
    assert body["missing"] == {"service_visit.wait_minutes": 0.5}


def test_silence_is_measured_against_the_longest_pause_of_its_own() -> None:
    one = after((VISIT, 0), (VISIT | {"event_id": "v-2"}, 600), (VISIT | {"event_id": "v-3"}, 700))
    assert one.silent_us(AT_US + 1_200 * 1_000_000) == 0
    assert one.silent_us(AT_US + 1_400 * 1_000_000) == 100 * 1_000_000


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"7", b'{"producer":"till 7"}', None])
def test_what_is_no_event_is_passed_over(value: bytes | None) -> None:
    found = Scorecards()
    _add(found, PLACE, SimpleNamespace(value=value, timestamp=AT_US // 1000))
    assert found.all == {}


def test_an_event_without_a_producer_is_counted_as_such() -> None:
    found = Scorecards()
    _add(found, PLACE, SimpleNamespace(value=orjson.dumps(VISIT | {"producer": 7}), timestamp=AT_US // 1000))
    assert found.all["(none)"].sent == 1


def test_the_page_shows_names_as_text_and_the_sentence_that_mends_a_fault() -> None:
    one = Scorecard("<b>till</b>")
    one.refused["missing", "amount"] = 3
    one.fixes["missing", "amount"] = "amount: send a number & no text"
    page = html([one], AT_US, AT_US)
    assert "&lt;b&gt;till&lt;/b&gt;" in page
    assert "amount: send a number &amp; no text" in page


def test_producers_beyond_the_most_are_one() -> None:
    found = Scorecards()
    for i in range(MOST_PRODUCERS + 5):
        found.add_event(VISIT | {"producer": f"till {i}", "event_id": f"v-{i}"}, PLACE, AT_US, AT_US)
    assert (len(found.all), found.of(OTHERS).sent) == (MOST_PRODUCERS + 1, 5)


def test_kinds_versions_and_faults_of_a_producer_beyond_the_most_are_one_and_known_kinds_stay() -> None:
    one = Scorecard("till 7")
    for i in range(MOST_NAMES + 5):
        one.event({"kind": f"kind {i}", "schema_version": i}, PLACE, AT_US, AT_US)
        one.refuse("unknown", f"field {i}", "leave it out")
    one.event(VISIT, PLACE, AT_US, AT_US)
    assert (one.events[OTHERS], one.versions[OTHERS], one.refused["unknown", OTHERS]) == (5, 5, 5)
    assert one.events["service_visit"] == 1


def test_a_message_has_the_scorecard_and_its_period() -> None:
    one = after((VISIT, 2.0))
    one.refuse("range", "amount", "amount is -1, expected 0 or more: send what was paid")
    body = orjson.loads(message(one, AT_US, AT_US + 3_600_000_000))
    assert (body["producer"], body["since"], body["until"]) == ("till 7", AT, "2026-11-30T11:00:00Z")
    assert body["refused"] == [
        {
            "rule": "range",
            "field": "amount",
            "records": 1,
            "fix": "amount is -1, expected 0 or more: send what was paid",
        }
    ]
