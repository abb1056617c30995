"""Events in what clients put around them are read as if sent plain, or named with what to change."""

from __future__ import annotations

import json
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decode import Decoded, Decoder
from schemas.refusals import dead_letter
from schemas.validation import Erased
from tests.schemas.messages import GOOD, MARKS, NOW_US, Message, good, messages

KEY = b"c1"


def text(message: Any) -> bytes:
    return json.dumps(message).encode()


def frame(value: bytes, number: int = 17) -> bytes:
    return struct.pack(">bI", 0, number) + value


def connect(message: Any) -> bytes:
    return text({"schema": {"type": "struct", "fields": [{"field": "kind", "type": "string"}]}, "payload": message})


def cloud(message: Any, **more: Any) -> dict[str, Any]:
    attributes = {
        "specversion": "1.0",
        "id": "1",
        "type": "visit",
        "source": "/shop",
        "datacontenttype": "application/json",
    }
    return attributes | {"data": message} | more


READ = {
    "a registry's header": lambda message: frame(text(message)),
    "a header with marks of JSON in it": lambda message: frame(text(message), 0x225C7B5B),
    "a header and blanks": lambda message: frame(b" \n" + text(message)),
    "Connect": connect,
    "Connect without a schema": lambda message: text({"payload": message, "schema": None}),
    "a CloudEvent": lambda message: text(cloud(message)),
    "a CloudEvent with an extension": lambda message: text(
        cloud(message, traceparent="00-1", time="2024-01-01T00:00:00Z")
    ),
    "a CloudEvent in Connect": lambda message: connect(cloud(message)),
    "a CloudEvent in Connect behind a header": lambda message: frame(connect(cloud(message))),
}


def decode(values: list[bytes | None], kind: str = "service_visit", keys: Any = None) -> Decoded:
    return Decoder(kind).decode(values, keys or [KEY] * len(values), NOW_US)


def same(one: Decoded, other: Decoded) -> bool:
    return (
        one.events.rows.tobytes() == other.events.rows.tobytes()
        and list(one.events.customers) == list(other.events.customers)
        and list(one.events.producers) == list(other.events.producers)
        and one.index.tolist() == other.index.tolist()
        and (one.marks, one.details, one.erased) == (other.marks, other.details, other.erased)
        and one.unknown_fields == other.unknown_fields
    )


@pytest.mark.parametrize("wrap", READ.values(), ids=READ)
@pytest.mark.parametrize("kind", sorted(GOOD))
def test_an_event_is_read_from_what_is_around_it(kind: str, wrap: Any) -> None:
    sent = [good(kind), good(kind, event_id="e2", further=1)]
    found = decode([wrap(message) for message in sent], kind)
    assert (len(found.events), found.refused) == (2, [])
    assert same(found, decode([text(message) for message in sent], kind))


@pytest.mark.parametrize("wrap", READ.values(), ids=READ)
@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: str(mark["kind"]))
def test_heartbeats_and_end_marks_are_read_from_it_too(mark: Message, wrap: Any) -> None:
    assert [found.kind for found in decode([wrap(mark)]).marks] == [mark["kind"]]


@given(st.lists(st.tuples(messages("service_visit"), st.sampled_from([text, *READ.values()])), min_size=1, max_size=6))
def test_whatever_is_around_an_event_the_judgement_is_that_of_the_event(sent: list[tuple[Message, Any]]) -> None:
    wrapped = decode([wrap(message) for message, wrap in sent])
    plain = decode([text(message) for message, _ in sent])
    if any("kind" not in message for message, _ in sent):  # nothing is left that names an event
        return
    assert same(wrapped, plain)
    assert [(one.index, one.field, one.rule) for one in wrapped.refused] == [
        (one.index, one.field, one.rule) for one in plain.refused
    ]


VISIT = GOOD["service_visit"]
CHANGE = {"before": None, "after": VISIT, "source": {"connector": "postgresql"}, "op": "c", "ts_ms": 1}
NAMED: dict[str, tuple[bytes, str, str]] = {
    # case: (value, rule, what the sentence names)
    "Avro": (frame(b"\x02\x1aservice_visit\x02c1"), "format", "id 17"),
    "Avro whose first text has 17 characters": (frame(b'"' + b"a" * 17 + b"\x02"), "format", "JSON Schema serializer"),
    "Protobuf": (frame(b"\x00\x0a\x02c1"), "format", "Protobuf"),
    "broken JSON behind a header": (frame(text(VISIT)[:-3]), "json", "one JSON object"),
    "a list behind a header": (frame(b"[1]"), "object", "send a JSON object"),
    "zeros": (b"\0" * 5, "json", "one JSON object"),
    "Debezium": (text(CHANGE), "envelope", "ExtractNewRecordState"),
    "Debezium with schemas": (connect(CHANGE), "envelope", "ExtractNewRecordState"),
    "Debezium, a deletion": (text(CHANGE | {"after": None, "before": VISIT}), "envelope", "ExtractNewRecordState"),
    "Connect around text": (connect(json.dumps(VISIT)), "envelope", "value.converter.schemas.enable=false"),
    "Connect around null": (connect(None), "envelope", "value.converter.schemas.enable=false"),
    "Connect in Connect": (connect(orjson.loads(connect(VISIT))), "envelope", "value.converter.schemas.enable=false"),
    "a CloudEvent around text": (text(cloud(json.dumps(VISIT))), "envelope", "JSON object"),
    "a CloudEvent in base64": (text(cloud(None, data_base64="e30=")), "envelope", "data_base64"),
    "a CloudEvent in a CloudEvent": (text(cloud(cloud(VISIT))), "envelope", "CloudEvent"),
    "a key twice in the envelope": (connect(VISIT)[:-1] + b', "payload": {}}', "duplicate_key", "payload"),
    "a key twice in the event": (text(cloud({"a": 0})).replace(b'"a": 0', b'"a": 0, "a": 1'), "duplicate_key", "'a'"),
    "Connect with a third field": (text({"schema": 1, "payload": VISIT, "x": 1}), "missing", "kind"),
}


@pytest.mark.parametrize(("value", "rule", "named"), NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("others", [0, 2])
def test_what_cannot_be_read_is_named_alone_and_in_a_batch(value: bytes, rule: str, named: str, others: int) -> None:
    around = [text(good("service_visit", event_id=f"o{i}")) for i in range(others)]
    found = decode([*around, value, *around])
    [refused] = found.refused
    assert (refused.index, refused.rule) == (others, rule)
    assert named in refused.sentence
    assert len(found.events) == 2 * others


def test_an_event_with_a_kind_is_never_taken_for_an_envelope() -> None:
    sent = VISIT | {"payload": 1, "schema": 2, "specversion": "1.0", "data": {}, "op": "c", "after": {}}
    assert len(decode([text(sent)]).events) == 1


def test_the_dead_letter_names_the_producer_inside() -> None:
    value = frame(connect(cloud(VISIT | {"amount": -1})))
    [refused] = decode([value]).refused
    assert dead_letter(refused, value, {})["producer"] == VISIT["producer"]


@pytest.mark.parametrize("fill", [b'{"payload":', b'{"specversion":"1.0","data":', b'{"schema":{},"payload":'])
def test_envelopes_in_envelopes_without_end_are_refused(fill: bytes) -> None:
    n = 9_000
    [refused] = decode([fill * n + b"1" + b"}" * n]).refused
    assert refused.rule in ("nesting", "json")


FOREIGN_KEYS = [frame(KEY), frame(b'"c1"'), frame(b"\x04c1"), b'"c1"', b'{"customer_id":"c1"}', connect("c1")]


@pytest.mark.parametrize("key", FOREIGN_KEYS, ids=str)
def test_a_key_with_something_around_the_customer_is_named(key: bytes) -> None:
    sent = text(VISIT)
    for values, keys in (([sent], [key]), ([sent] * 3, [KEY, key, KEY])):
        [refused] = decode(values, keys=keys).refused
        assert (refused.field, refused.rule) == ("key", "format")
        assert "StringSerializer" in refused.sentence


@pytest.mark.parametrize("key", [b'"c1"', b'{"customer_id":"c1"}', frame(b"c1")])
def test_such_a_key_deletes_nobody(key: bytes) -> None:
    found = decode([None], "customer_profile", [key])
    assert (found.erased, [one.field for one in found.refused]) == ([], ["key"])


@pytest.mark.parametrize("customer", ["{3F2504E0-4F89}", '"', 'a"b'])
def test_a_customer_whose_id_only_looks_like_json_can_be_deleted(customer: str) -> None:
    assert decode([None], "customer_profile", [customer.encode()]).erased == [Erased(0, customer)]


PIECES = st.sampled_from(["c1", "c2", "c", "1", "\0", "", "é", "\n", '"', "\ud7ff"])
IDS = st.lists(PIECES, max_size=3).map("".join)
KEYED = st.tuples(IDS, st.one_of(st.none(), st.binary(max_size=3), IDS.map(str.encode)), st.booleans())


def judged_alike(customers: list[str], keys: list[bytes | None], kind: str) -> None:
    """Raises unless each record of a batch is judged as it is alone."""
    values = [text(good(kind, customer_id=customer, event_id=str(i))) for i, customer in enumerate(customers)]
    together = decode(list(values), kind, keys)
    alone = [decode([value], kind, [key]) for value, key in zip(values, keys, strict=True)]
    assert together.index.tolist() == [i for i, one in enumerate(alone) if len(one.events)]
    assert [(one.index, one.field, one.rule, one.sentence) for one in together.refused] == [
        (i, refused.field, refused.rule, refused.sentence) for i, one in enumerate(alone) for refused in one.refused
    ]


@settings(max_examples=300)
@given(st.lists(KEYED, min_size=1, max_size=5), st.sampled_from(["service_visit", "customer_profile"]))
def test_a_record_is_judged_the_same_alone_and_in_a_batch(
    records: list[tuple[str, bytes | None, bool]], kind: str
) -> None:
    customers = [customer for customer, _, _ in records]
    judged_alike(customers, [customer.encode() if right else key for customer, key, right in records], kind)


@given(st.lists(st.sampled_from(["a", "b", "c1", ""]), min_size=3, max_size=6), st.integers(0, 4), st.integers(0, 4))
def test_so_it_is_where_customers_and_keys_are_the_same_text_cut_at_other_zeros(
    parts: list[str], one: int, other: int
) -> None:
    def cut(at: int) -> list[str]:
        at = min(at, len(parts) - 2)
        return [*parts[:at], "\0".join(parts[at : at + 2]), *parts[at + 2 :]]

    judged_alike(cut(one), [key.encode() for key in cut(other)], "service_visit")


def test_a_key_with_a_zero_does_not_hide_behind_its_neighbour() -> None:
    values = [text(good("service_visit", customer_id="a\0b")), text(good("service_visit", customer_id="c"))]
    found = decode(list(values), keys=[b"a", b"b\0c"])
    assert [(one.index, one.field) for one in found.refused] == [(0, "customer_id"), (1, "key")]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("service_visit", name) for name in ("amount", "items", "wait_minutes")),
        *(("app_activity", "duration_seconds"), ("survey", "score")),
        *(("intervention_outcome", "cost"), ("customer_profile", "value")),
    ],
)
def test_minus_zero_is_zero(kind: str, name: str) -> None:
    minus, zero = (decode([text(good(kind, **{name: number}))], kind) for number in (-0.0, 0.0))
    assert minus.events.rows.tobytes() == zero.events.rows.tobytes()
    assert orjson.dumps(minus.details) == orjson.dumps(zero.details)


def test_broken_json_behind_a_header_and_spaces_is_told_as_json_and_not_as_another_format() -> None:
    [refused] = decode([frame(b' \n{"amount": Infinity}')]).refused
    assert refused.rule == "json"
