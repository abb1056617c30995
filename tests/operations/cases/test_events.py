from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.events import KINDS, TOPIC_OF_KIND
from streams.operations.cases.events import SENTENCES, in_order, sentence
from streams.operations.cases.topic_reader import EVENTS
from streams.operations.cases.words import Language


def event(kind: str = "service_visit", at: str = "2024-03-01T00:00:00Z", name: str = "e", **fields: Any) -> bytes:
    common = {"kind": kind, "event_id": name, "customer_id": "anna", "event_time": at, "producer": "dms"}
    return orjson.dumps(common | fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "visit"),
        (
            {"service_type": "repair", "amount": 1200.5, "currency": "CNY", "store_id": "s1", "wait_minutes": 40},
            "visit: repair, at s1, 1,200.50 CNY, waited 40 minutes",
        ),
        ({"kind": "app_activity", "activity_type": "add_to_cart", "count": 3}, "app: add to cart, 3 times"),
        ({"kind": "app_activity", "activity_type": "browse", "duration_seconds": 30}, "app: browse, 30 s"),
        (
            {"kind": "survey", "survey_type": "nps", "score": 4, "causes": ["price", "service"]},
            "survey: nps 4, because of price, service",
        ),
    ],
)
def test_an_event_is_a_line(fields: dict[str, Any], expected: str) -> None:
    (found,) = in_order([event(**fields)])
    assert sentence(found, Language("en", {})) == expected


def test_every_kind_that_is_read_has_a_sentence() -> None:
    assert {TOPIC_OF_KIND[kind] for kind, model in KINDS.items() if model in SENTENCES} == set(EVENTS)


def test_events_are_in_order_of_their_times_whatever_the_offset() -> None:
    values = [event(at="2024-03-01T08:00:00+08:00", name="b"), event(at="2024-02-29T23:00:00Z", name="a")]
    assert [one.event_id for one in in_order(values)] == ["a", "b"]


def test_an_event_sent_twice_is_one() -> None:
    assert len(in_order([event(), event()])) == 1


@pytest.mark.parametrize("value", [b"{", b"[]", b"{}", b'{"kind": []}', event(kind="heartbeat"), event(amount=-1)])
def test_an_invalid_event_is_left_out(value: bytes) -> None:
    assert in_order([value]) == []
