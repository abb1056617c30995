"""The published JSON Schemas judge an event as the parser does. Read by a validator that is not ours."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.decode import Decoder
from schemas.events import KINDS
from schemas.export import files

NOW_US = 1_900_000_000_000_000
VALIDATORS = {kind: Draft202012Validator(json.loads(files()[f"{kind}.json"])) for kind in KINDS}
COMMON = {"event_id": "e1", "customer_id": "c1", "event_time": "2024-03-01T08:30:00Z", "producer": "pos"}
VALID: dict[str, dict[str, Any]] = {
    "service_visit": {"amount": 12.5, "currency": "CNY", "items": 2, "store_id": "s1", "wait_minutes": 3},
    "app_activity": {"activity_type": "browse", "count": 2, "duration_seconds": 4.5},
    "survey": {"survey_type": "nps", "score": 7, "causes": ["price"]},
    "intervention_outcome": {"intervention_id": "i1", "status": "contacted", "cost": 3, "channel": "sms"},
    "market_signal": {"name": "strike", "level": 1, "from": "2020-01-01T00:00:00Z", "until": "2029-01-01T00:00:00Z"},
    "customer_profile": {"consent": {"sms": True}, "value": 1000, "time_zone": "Asia/Shanghai"},
}
STRANGE = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 1.0, 2.5, 10, 10.5, 11, 100, 101, 1e12, 1e13, 10**10, [], {}),
        *("", "x", " ", "a" * 128, "a" * 129, "a" * 256, "a" * 257, "tab\t", "line\n", "\x00", "\x7f"),
        *("\u200b", "\u3000", "\ufeff", "张伟", "nps", "csat", "price", "contacted", "Contacted"),
        *(["price"], ["pirce"], [None], {"sms": 1}, {"sms": None}, {"": True}, {"a\n": True}),
        *("2024-02-30T00:00:00Z", "2024-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "2024-03-01T08:30:00"),
        *("2024-03-01t08:30:00z", "2024-03-01 08:30:00Z", "2024-03-01T08:30Z", "2024-03-01T24:00:00Z"),
        *("2024-03-01T08:30:00+24:00", "2024-03-01T08:30:00+0100", "2024-03-01T08:30:60Z"),
        *("2024-03-01T08:30:00.1234567891Z", "2024-03-01T08:30:00.123456789Z", "2024-03-01T08:30:00.5-11:30"),
    ]
)
# what a schema cannot say: days of a month, the zones that there are, which of two instants is the later one
BEYOND = ("2024-02-30T00:00:00Z",)


def accepts(kind: str, event: dict[str, Any]) -> bool:
    """What the parser says."""
    decoded = Decoder(kind).decode([orjson.dumps(event)], None, NOW_US)
    return not decoded.refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_valid_event_is_valid_to_both(kind: str) -> None:
    event = COMMON | VALID[kind] | {"kind": kind, "further": "field"}
    assert accepts(kind, event)
    assert list(VALIDATORS[kind].iter_errors(event)) == []


def test_a_channel_of_unprintable_characters_is_refused_by_both() -> None:
    event = COMMON | {"kind": "customer_profile", "consent": {"a\n": True}}
    assert not accepts("customer_profile", event)
    assert list(VALIDATORS["customer_profile"].iter_errors(event))


@settings(max_examples=600)
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_parser_and_published_schema_agree_about_every_event(kind: str, data: st.DataObject) -> None:
    event = COMMON | VALID[kind] | {"kind": kind}
    names = sorted(KINDS[kind].model_fields.keys() - {"time_zone"})
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)):
        event[name] = data.draw(STRANGE)
        if data.draw(st.integers(0, 9)) == 0:
            del event[name]
    if {event.get(name) for name in ("event_time", "from", "until") if isinstance(event.get(name), str)} & {*BEYOND}:
        return
    if kind == "market_signal" and event.get("from") != VALID[kind]["from"]:
        event.pop("until", None)
    errors = [error.message for error in VALIDATORS[kind].iter_errors(event)]
    assert accepts(kind, event) == (not errors), errors


@pytest.mark.parametrize(("survey_type", "score", "valid"), [("nps", 10, True), ("nps", 11, False), ("csat", 11, True)])
def test_an_nps_of_11_is_refused_by_both(survey_type: str, score: float, valid: bool) -> None:
    event = COMMON | {"kind": "survey", "survey_type": survey_type, "score": score}
    assert accepts("survey", event) is valid
    assert VALIDATORS["survey"].is_valid(event) is valid
