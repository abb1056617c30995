"""Records of market signals: what is accepted, by which key, and the sentence of each refusal."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.decode import Decoded, Decoder
from schemas.validation import Erased, Mark
from tests.schemas.messages import NOW_US

SIGNAL: dict[str, Any] = {
    "kind": "market_signal",
    "event_time": "2024-03-01T08:30:00Z",
    "producer": "planning",
    "name": "strike",
    "level": 0.5,
    "from": "2024-03-02T00:00:00Z",
    "until": "2024-03-09T00:00:00Z",
}


def decoded(fields: dict[str, Any], key: bytes = b"strike") -> Decoded:
    return Decoder("market_signal").decode([orjson.dumps(SIGNAL | fields)], [key], NOW_US)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, b"strike"),
        ({"scope": None, "until": None}, b"strike"),
        ({"scope": "all"}, b"strike"),
        ({"scope": "north"}, b"north/strike"),
        ({"scope": "a/b", "event_id": "s-1", "schema_version": 1}, b"a/b/strike"),
        ({"scope": "x" * 256, "name": "y" * 64}, b"x" * 256 + b"/" + b"y" * 64),
        ({"level": 0, "from": "2090-01-01T00:00:00+08:00", "until": "2091-01-01T00:00:00Z"}, b"strike"),
        ({"name": "<b>罢工", "level": 100}, "<b>罢工".encode()),
    ],
)
def test_a_signal_is_accepted_under_the_key_of_its_scope_and_name(fields: dict[str, Any], key: bytes) -> None:
    found = decoded(fields, key)
    assert (found.refused, found.events.customers) == ([], [key.decode()])
    [details] = found.details
    assert details["name"] == (SIGNAL | fields)["name"]


@pytest.mark.parametrize(
    ("fields", "key", "rule"),
    [
        ({"level": None}, b"strike", "level"),
        ({"level": float("nan")}, b"strike", "level"),
        ({"level": -0.1}, b"strike", "level"),
        ({"level": 100.1}, b"strike", "level"),
        ({"level": "high"}, b"strike", "level"),
        ({"level": True}, b"strike", "level"),
        ({"until": "2024-03-02T00:00:00Z"}, b"strike", "until"),
        ({"until": "2024-03-02T07:00:00+08:00"}, b"strike", "until"),
        ({"from": "soon"}, b"strike", "from"),
        ({"from": None}, b"strike", "from"),
        ({"from": "1969-01-01T00:00:00Z"}, b"strike", "from"),
        ({"event_time": "2090-01-01T00:00:00Z"}, b"strike", "event_time"),
        ({"name": ""}, b"", "name"),
        ({"name": "x" * 65}, b"x" * 65, "name"),
        ({"name": "a/b"}, b"a/b", "name"),
        ({"name": "a\nb"}, b"a\nb", "name"),
        ({"scope": ""}, b"/strike", "scope"),
        ({"scope": "north"}, b"strike", "key"),
        ({}, b"north/strike", "key"),
        ({}, b"planning", "key"),
        ({}, b'"strike"', "key"),
        ({"kind": "survey"}, b"strike", "kind"),
    ],
)
def test_one_wrong_field_refuses_the_signal_and_is_named(fields: dict[str, Any], key: bytes, rule: str) -> None:
    [refused] = decoded(fields, key).refused
    assert refused.field == rule
    assert refused.sentence


def test_a_key_that_does_not_fit_is_told_with_the_one_that_does() -> None:
    [refused] = decoded({"scope": "north"}, b"crm").refused
    assert refused.sentence == "the record's key is b'crm', expected name, or scope/name, in UTF-8, 'north/strike'"


def test_marks_and_tombstones_are_read() -> None:
    mark = b'{"kind": "heartbeat", "event_time": "2024-03-01T08:30:00Z", "producer": "planning"}'
    found = Decoder("market_signal").decode([mark, None, None], [b"\0heartbeat", b"north/strike", None], NOW_US)
    assert [type(one) for one in found.marks] == [Mark]
    assert found.erased == [Erased(1, "north/strike")]
    assert [one.field for one in found.refused] == ["key"]
