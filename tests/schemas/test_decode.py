"""The fast path and the models accept and refuse the same records. No record raises an exception."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns import ACTIVITY_TYPES, CAUSES, NUMBERS, OTHER_ACTIVITY, SURVEY_TYPES
from schemas.decode import MAX_SKEW_US, Decoded, Decoder
from schemas.events import KINDS
from schemas.instants import parse_instant
from schemas.json_structure import MAX_DEPTH, MAX_NESTED
from schemas.refusals import Refused
from schemas.validation import MAX_BYTES, Erased, Mark, Validator
from tests.schemas.messages import GOOD, MARKS, NOW_US, Message, good, messages

KIND = st.sampled_from(sorted(GOOD))
FIELDS = sorted({name for message in GOOD.values() for name in message} - {"kind"})


def decode_one(value: bytes | None, kind: str = "service_visit", key: bytes | None = b"c1") -> Decoded:
    return Decoder(kind).decode([value], [key], NOW_US)


def refusal(value: bytes | None, kind: str = "service_visit", key: bytes | None = b"c1") -> Refused:
    decoded = decode_one(value, kind, key)
    assert not len(decoded.events)
    (refused,) = decoded.refused
    return refused


def sent(kind: str, **changed: object) -> bytes:
    return json.dumps(good(kind, **changed)).encode()


def expected_row(message: Message) -> dict[str, Any]:
    """Returns the expected columns of a message that the models accept; message: the model's dump."""
    row: dict[str, Any] = {name: message.get(name, np.nan) for name in NUMBERS}
    row["time_us"] = parse_instant(message["event_time"])
    row["code"] = row["causes"] = 0
    if message["kind"] == "app_activity":
        known = message["activity_type"] in ACTIVITY_TYPES
        row["code"] = ACTIVITY_TYPES.index(message["activity_type"]) if known else OTHER_ACTIVITY
        row["count"] = message.get("count", 1)
    if message["kind"] == "survey":
        row["code"] = SURVEY_TYPES.index(message["survey_type"])
        row["causes"] = sum(1 << CAUSES.index(cause) for cause in set(message.get("causes", [])))
    return row


@given(KIND.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(messages(kind), max_size=6))))
def test_a_batch_is_accepted_and_refused_like_its_records_one_by_one(batch: tuple[str, list[Message]]) -> None:
    kind, sent_ones = batch
    values = [json.dumps(message).encode() for message in sent_ones]
    validator = Validator(kind, MAX_SKEW_US)
    one_by_one = [validator.check(i, value, None, False, NOW_US) for i, value in enumerate(values)]
    decoded = Decoder(kind).decode(values, None, NOW_US)
    assert decoded.refused == [found for found in one_by_one if isinstance(found, Refused)]
    assert decoded.marks == [found for found in one_by_one if isinstance(found, Mark)]
    accepted = [(i, found) for i, found in enumerate(one_by_one) if isinstance(found, dict)]
    assert decoded.index.tolist() == [i for i, _ in accepted]
    assert list(decoded.events.customers) == [found["customer_id"] for _, found in accepted]
    for row, (_, found) in zip(decoded.events.rows, accepted, strict=True):
        for name, value in expected_row(found).items():
            np.testing.assert_equal(row[name].item(), value, err_msg=name)


@given(KIND, st.lists(st.binary(max_size=40), max_size=5))
def test_any_bytes_are_refused_and_nothing_is_raised(kind: str, values: list[bytes]) -> None:
    decoded = Decoder(kind).decode(values, None, NOW_US)
    assert [refused.index for refused in decoded.refused] == list(range(len(values)))


@given(KIND, st.integers(0, 200), st.binary(min_size=1, max_size=3))
def test_damaged_bytes_are_refused_exactly_if_the_models_refuse_them(kind: str, at: int, damage: bytes) -> None:
    value = json.dumps(GOOD[kind]).encode()
    value = value[:at] + damage + value[at + len(damage) :]
    validator = Validator(kind, MAX_SKEW_US).check(0, value, None, False, NOW_US)
    decoded = Decoder(kind).decode([value], None, NOW_US)
    assert decoded.refused == ([validator] if isinstance(validator, Refused) else [])


@given(st.permutations([*GOOD["survey"]]))
def test_the_order_of_fields_does_not_matter(names: list[str]) -> None:
    value = json.dumps({name: GOOD["survey"][name] for name in names}).encode()
    assert (
        decode_one(value, "survey").events.rows.tobytes() == decode_one(sent("survey"), "survey").events.rows.tobytes()
    )


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_a_good_message_is_accepted(kind: str) -> None:
    decoded = decode_one(sent(kind), kind)
    assert (len(decoded.events), decoded.refused) == (1, [])


@pytest.mark.parametrize("kind", sorted(GOOD))
@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: str(mark["kind"]))
def test_a_mark_needs_no_key_and_adds_no_event(kind: str, mark: Message) -> None:
    decoded = decode_one(orjson.dumps(mark), kind, None)
    assert decoded.marks == [Mark(0, mark["kind"], parse_instant(mark["event_time"]), "dms")]
    assert not len(decoded.events)


HOSTILE: dict[str, tuple[bytes | None, str, str]] = {
    # case: (record, field, rule)
    "null": (None, "value", "empty"),
    "empty": (b"", "value", "empty"),
    "not JSON": (b"{kind: 1}", "value", "json"),
    "not UTF-8": (sent("service_visit").replace(b"repair", b"\xff\xfe"), "value", "json"),
    "half a surrogate": (sent("service_visit").replace(b"repair", rb"\ud800"), "value", "json"),
    "a byte order mark": (b"\xef\xbb\xbf" + sent("service_visit"), "value", "json"),
    "NaN": (sent("service_visit", amount=float("nan")), "value", "json"),
    "Infinity": (sent("service_visit", amount=float("inf")), "value", "json"),
    "two objects": (sent("service_visit") * 2, "value", "json"),
    "a list": (b"[]", "value", "object"),
    "a number": (b"1", "value", "object"),
    "JSON null": (b"null", "value", "object"),
    "a key twice": (sent("service_visit")[:-1] + b', "amount": 1}', "amount", "duplicate_key"),
    "a key twice, once escaped": (sent("service_visit")[:-1] + rb', "\u0061mount": 1}', "amount", "duplicate_key"),
    "a key twice inside": (sent("service_visit")[:-1] + b', "x": {"y": 1, "y": 2}}', "y", "duplicate_key"),
    "10 MB of text": (sent("service_visit", store_id="x" * 10_000_000), "value", "too_large"),
    "a long text": (sent("service_visit", store_id="x" * 257), "store_id", "string_too_long"),
    "an empty text": (sent("service_visit", store_id=""), "store_id", "string_too_short"),
    "deep nesting": (sent("service_visit")[:-1] + b', "x": ' + b"[" * 99 + b"]" * 99 + b"}", "value", "nesting"),
    "the deepest nesting": (b"[" * 100_000 + b"]" * 100_000, "value", "nesting"),
    "1e308": (sent("service_visit", amount=1e308), "amount", "less_than_equal"),
    "a whole number beyond floats": (sent("service_visit", items=10**400), "value", "json"),
    "a negative amount": (sent("service_visit", amount=-0.01), "amount", "greater_than_equal"),
    "half an item": (sent("service_visit", items=1.5), "items", "int_type"),
    "a number as text": (sent("service_visit", amount="5"), "amount", "float_type"),
    "a truth value": (sent("service_visit", amount=True), "amount", "float_type"),
    "a time without offset": (sent("service_visit", event_time="2024-03-01T08:30:00"), "event_time", "rfc3339"),
    "a leap second": (sent("service_visit", event_time="2016-12-31T23:59:60Z"), "event_time", "rfc3339"),
    "a day that is none": (sent("service_visit", event_time="2023-02-29T00:00:00Z"), "event_time", "rfc3339"),
    "year 9999": (sent("service_visit", event_time="9999-12-31T23:59:59Z"), "event_time", "future"),
    "the future": (sent("service_visit", event_time="2027-01-15T08:05:01Z"), "event_time", "future"),
    "before 1970": (sent("service_visit", event_time="1969-12-31T23:59:59Z"), "event_time", "before_1970"),
    "a time as number": (sent("service_visit", event_time=1_700_000_000), "event_time", "string_type"),
    "another version": (sent("service_visit", schema_version=2), "schema_version", "literal_error"),
    "no customer": (sent("service_visit", customer_id=None), "customer_id", "string_type"),
    "an empty customer": (sent("service_visit", customer_id=""), "customer_id", "string_too_short"),
    "a customer with a line break": (sent("service_visit", customer_id="c\n1"), "customer_id", "printable"),
    "a customer with a zero": (sent("service_visit", customer_id="c\x001"), "customer_id", "printable"),
    "no kind": (sent("service_visit").replace(b'"kind"', b'"sort"'), "kind", "missing"),
    "the wrong kind": (sent("survey"), "kind", "wrong_kind"),
    "a kind that is a list": (
        sent("service_visit").replace(b'"service_visit"', b'["service_visit"]'),
        "kind",
        "wrong_kind",
    ),
}


@pytest.mark.parametrize(("value", "field", "rule"), HOSTILE.values(), ids=HOSTILE)
def test_a_bad_record_is_refused_by_field_and_rule(value: bytes | None, field: str, rule: str) -> None:
    refused = refusal(value)
    assert (refused.field, refused.rule) == (field, rule)


@pytest.mark.parametrize(("value", "field", "rule"), HOSTILE.values(), ids=HOSTILE)
def test_a_bad_record_does_not_affect_its_neighbours(value: bytes | None, field: str, rule: str) -> None:
    values = [sent("service_visit", event_id="before"), value, sent("service_visit", event_id="after")]
    decoded = Decoder("service_visit").decode(values, [b"c1"] * 3, NOW_US)
    assert decoded.index.tolist() == [0, 2]


@pytest.mark.parametrize("key", [None, b"", b"c2", b"c1\0", b"\xff"])
def test_a_key_other_than_the_customer_is_refused(key: bytes | None) -> None:
    refused = refusal(sent("service_visit"), key=key)
    assert (refused.field, refused.rule) == ("key", "differs")


def test_a_score_beyond_the_scale_of_its_survey_type_is_refused() -> None:
    assert refusal(sent("survey", score=11), "survey").rule == "range"
    assert len(decode_one(sent("survey", survey_type="csat", score=11), "survey").events) == 1


def test_an_unknown_activity_type_counts_as_other_activity() -> None:
    assert decode_one(sent("app_activity", activity_type="ar_view"), "app_activity").events.rows["code"] == [
        OTHER_ACTIVITY
    ]


@pytest.mark.parametrize(
    ("currency", "amount"), [("CNY", 5.0), ("cny", 5.0), (None, 5.0), ("EUR", np.nan), ("eur", np.nan)]
)
def test_an_amount_in_another_currency_than_the_decoders_is_unknown(currency: str | None, amount: float) -> None:
    decoder = Decoder("service_visit", currency="CNY")
    value = sent("service_visit", amount=5.0, currency=currency)
    # the second record is read by the models
    decoded = decoder.decode([value, value.replace(b"{", b'{"note": "\\u0041", ')], [b"c1", b"c1"], NOW_US)
    np.testing.assert_array_equal(decoded.events.rows["amount"], [amount, amount])
    assert decoder.other_currencies == ({currency} if amount != amount else set())


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_unknown_fields_are_accepted_and_counted_by_producer(kind: str) -> None:
    decoded = decode_one(sent(kind, colour="red"), kind)
    assert len(decoded.events) == 1
    assert decoded.unknown_fields == {GOOD[kind]["producer"]: 1}


@pytest.mark.parametrize("name", FIELDS)
def test_only_an_optional_field_may_be_missing(name: str) -> None:
    for kind, message in GOOD.items():
        if name in message:
            required = KINDS[kind].model_fields[name].is_required()
            accepted = len(
                decode_one(json.dumps({k: v for k, v in message.items() if k != name}).encode(), kind).events
            )
            assert accepted == (0 if required else 1)


def test_a_record_of_the_size_limit_is_accepted_and_a_larger_one_refused() -> None:
    value = sent("service_visit")
    assert len(decode_one(value + b" " * (MAX_BYTES - len(value))).events) == 1
    assert refusal(value + b" " * (MAX_BYTES - len(value) + 1)).rule == "too_large"


def nested(levels: int, inside: bytes) -> bytes:
    return sent("service_visit")[:-1] + b', "x": ' + b"[" * levels + inside + b"]" * levels + b"}"


@pytest.mark.parametrize(("levels", "inside"), [(MAX_DEPTH, b""), (MAX_DEPTH - 1, b'"a"'), (MAX_DEPTH - 1, rb'"\"["')])
def test_unknown_fields_may_be_nested_up_to_the_limit(levels: int, inside: bytes) -> None:
    assert len(decode_one(nested(levels, inside)).events) == 1


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 900, 999, 1022])
@pytest.mark.parametrize("inside", [b"", b'"a"', b'{"b": "c"}'])
def test_unknown_fields_may_not_be_nested_beyond_the_limit(levels: int, inside: bytes) -> None:
    assert refusal(nested(levels, inside)).rule == "nesting"


def test_brackets_in_texts_are_no_levels() -> None:
    text = rb', "x": "[[\"{' + b"[" * MAX_NESTED + rb'\\"'
    assert len(decode_one(sent("service_visit")[:-1] + text + b"}").events) == 1


LARGE: dict[str, tuple[str, bytes, str, str | None]] = {
    # what fills 1 MiB: (kind, last field but for its end, repeated, rule)
    "fields and an escape": ("service_visit", rb'"\u0041": 1', b', "%x": 1', None),
    "fields of one name": ("service_visit", b'"a": 1', b', "a": 1', "duplicate_key"),
    "lists": ("service_visit", b'"a": [1', b",[]", "nesting"),
    "objects": ("service_visit", b'"a": [1', b',{"a":1}', "nesting"),
    "numbers": ("service_visit", b'"a": [1', b",1", None),
    "digits": ("service_visit", b'"a": 1', b"1", "json"),
    "digits behind the point": ("service_visit", rb'"\n": 1.', b"1", None),
    "escapes": ("service_visit", b'"a": "', rb"\u0041", None),
    "a customer": ("service_visit", b'"customer_id": "', b"c", "duplicate_key"),
    "causes": ("survey", b'"causes": ["price"', b',"price"', "too_long"),
    "unknown causes": ("survey", b'"causes": [1', b',"x"', "literal_error"),
    "consents": ("customer_profile", b'"consent": {"z": true', b',"%x": true', "too_long"),
    "wrong consents": ("customer_profile", b'"consent": {"z": true', b',"%x": 1', "too_long"),
}


@pytest.mark.parametrize(("kind", "start", "repeated", "rule"), LARGE.values(), ids=LARGE)
def test_whatever_fills_a_record_it_is_answered_at_once(
    kind: str, start: bytes, repeated: bytes, rule: str | None
) -> None:
    """None takes more than a second; 130,000 fields took minutes as long as each was compared with all before it."""
    field = start.split(b":")[0].strip(b'"').decode()
    head = json.dumps({name: value for name, value in GOOD[kind].items() if name != field or rule == "duplicate_key"})
    n = (MAX_BYTES - len(head) - len(start) - 20) // (len(repeated) + 3 * (b"%" in repeated))
    body = start + b"".join(repeated % i if b"%" in repeated else repeated for i in range(n))
    closing = {b"[": b"]", b"{": b"}", b'"': b'"'}.get(start.split(b":")[1].strip()[:1], b"")
    decoded = decode_one(head[:-1].encode() + b", " + body + closing + b"}", kind)
    assert [refused.rule for refused in decoded.refused] == ([rule] if rule else [])


DETAILS = {
    "intervention_outcome": {"event_id", "intervention_id", "status", "agent_id", "channel", "cost", "causes"},
    "customer_profile": {"scope", "time_zone", "consent", "preferred_channel", "value", "agent_id"},
}


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_outcomes_and_profiles_keep_their_fields_without_a_column(kind: str) -> None:
    decoded = decode_one(sent(kind, agent_id=None), kind)
    fields = {name: value for name, value in GOOD[kind].items() if name in DETAILS.get(kind, set()) - {"agent_id"}}
    assert decoded.details == ([fields] if fields else [])
    assert decoded.events.rows["details"].tolist() == [len(decoded.details)]


def test_a_refused_profile_does_not_shift_the_fields_of_others() -> None:
    values = [sent("customer_profile", scope="a"), b"{", sent("customer_profile", scope="b")]
    decoded = Decoder("customer_profile").decode(values, [b"c1"] * 3, NOW_US)
    assert [decoded.details[place - 1]["scope"] for place in decoded.events.rows["details"]] == ["a", "b"]


@pytest.mark.parametrize("zone", ["Nowhere", "asia/shanghai", "../UTC", "Factory", "+08:00", ""])
def test_a_time_zone_that_the_database_does_not_have_is_refused(zone: str) -> None:
    assert refusal(sent("customer_profile", time_zone=zone), "customer_profile").field == "time_zone"


def test_a_channel_whose_consent_is_null_is_absent() -> None:
    [fields] = decode_one(sent("customer_profile", consent={"sms": None, "mail": True}), "customer_profile").details
    assert fields["consent"] == {"mail": True}


@pytest.mark.parametrize("consent", [{"sms": 1}, {"sms": "true"}, {"": True}, ["sms"], "sms"])
def test_consent_that_is_not_yes_or_no_is_refused(consent: object) -> None:
    assert refusal(sent("customer_profile", consent=consent), "customer_profile").field == "consent"


def test_a_profile_without_a_value_is_a_deletion() -> None:
    assert decode_one(None, "customer_profile").erased == [Erased(0, "c1")]


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"c\n1", b"c" * 129])
def test_a_deletion_whose_key_is_no_customer_id_is_refused(key: bytes | None) -> None:
    assert refusal(None, "customer_profile", key).field == "key"


def test_the_id_of_an_event_depends_on_kind_customer_and_event_id_only() -> None:
    def identity(kind: str, **changed: object) -> int:
        message = good(kind, **changed)
        key = str(message["customer_id"]).encode()
        return int(decode_one(json.dumps(message).encode(), kind, key).events.rows["id"][0])

    same = identity("survey")
    assert same == identity("survey", score=1)
    others = [identity("service_visit"), identity("survey", customer_id="c2"), identity("survey", event_id="e2")]
    assert len({same, *others}) == 4
