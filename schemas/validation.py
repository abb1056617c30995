"""Validates one record with the models in `events`, and writes the sentence of a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.envelopes import is_json, json_of, other_envelope, other_format, other_key, unwrapped
from schemas.events import KINDS, MARKS, MAX_ID, MAX_NAME, MAX_TEXT, TOPIC_OF_KIND, Message, signal_key
from schemas.instants import parse_instant
from schemas.json_structure import MAX_DEPTH, MAX_NESTED, depth_exceeds, duplicate_key, too_many
from schemas.refusals import Refused, Unreadable, excerpt

MAX_BYTES = 1 << 20
SIGNAL = "market_signal"
# kinds of compacted topics, where a record without a value is a tombstone; the longest key
ERASABLE = {"customer_profile": MAX_ID, SIGNAL: MAX_TEXT + 1 + MAX_NAME}


@dataclass(frozen=True, slots=True)
class Mark:
    """Record `index` of a batch is a heartbeat or an end mark."""

    index: int
    kind: str
    time_us: int
    producer: str
    scope: str | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Erased:
    """Record `index` of a batch is a tombstone: it deletes a customer's data, or withdraws the market signal with the
    key `customer`. It has no event time.
    """

    index: int
    customer: str


class Validator:
    """Validates records of one kind, one at a time."""

    def __init__(self, kind: str, max_skew_us: int) -> None:
        self.kind, self.max_skew_us = kind, max_skew_us

    def check(
        self, index: int, value: bytes | dict[str, Any] | None, key: bytes | None, keyed: bool, now_us: int
    ) -> dict[str, Any] | Mark | Erased | Refused:
        """Returns the event as a dict, a mark, a deletion or a refusal. keyed: whether the record's key is checked."""
        if value is None and keyed and self.kind in ERASABLE:
            return _erased(index, key, ERASABLE[self.kind])
        found = value if isinstance(value, dict) else self._object(index, value)
        if isinstance(found, Refused):
            return found
        if depth_exceeds(found):
            return Refused(index, "value", "nesting", f"is nested deeper than {MAX_DEPTH} levels; send flat events")
        if isinstance(value, bytes):
            if (twice := duplicate_key(json_of(value), found)) is not None:
                sentence = f"the key {excerpt(twice)} occurs twice in one object; send it once"
                return Refused(index, twice[:MAX_ID], "duplicate_key", sentence)
            found = unwrapped(found)
            if (wrapping := other_envelope(found)) is not None:
                return Refused(index, "value", "envelope", wrapping)
        kind = found.get("kind")
        model = KINDS[self.kind] if kind == self.kind else MARKS.get(kind) if isinstance(kind, str) else None
        if model is None:
            return Refused(index, "kind", "wrong_kind" if "kind" in found else "missing", self._wrong_kind(kind))
        return self._validated(index, model, found, key, keyed, now_us)

    def _object(self, index: int, value: bytes | None) -> dict[str, Any] | Refused:
        if not value:
            what = "null" if value is None else "empty"
            return Refused(index, "value", "empty", f"the record's value is {what}; send a JSON object")
        if isinstance(value, Unreadable):
            why = value.decode("utf-8", "replace")
            return Refused(index, "value", "batch", f"its batch cannot be read ({why}); check the producer's codec")
        if len(value) > MAX_BYTES:
            return Refused(index, "value", "too_large", f"has {len(value)} bytes, at most {MAX_BYTES} are accepted")
        value_json = json_of(value)
        if too_many(value_json):
            sentence = f"has more than {MAX_NESTED} objects and arrays; send flat events"
            return Refused(index, "value", "nesting", sentence)
        try:
            found = orjson.loads(value_json)
        except orjson.JSONDecodeError as error:
            if (other := other_format(value)) is not None:
                return Refused(index, "value", "format", other)
            return Refused(index, "value", "json", f"is not JSON in UTF-8 ({error}); send one JSON object a record")
        if not isinstance(found, dict):
            return Refused(index, "value", "object", f"is {excerpt(found)}; send a JSON object")
        return found

    def _validated(
        self, index: int, model: type[Message], found: dict[str, Any], key: bytes | None, keyed: bool, now_us: int
    ) -> dict[str, Any] | Mark | Refused:
        try:
            message = model.model_validate(found, context={"now_us": now_us, "max_skew_us": self.max_skew_us})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = str(first["loc"][0]) if first["loc"] else "value"
            return Refused(index, field, first["type"], f"{field}: {first['msg']}; came {excerpt(first['input'])}")
        body = message.model_dump(exclude_none=True)
        if body["kind"] in MARKS:
            at_us, scope, final = parse_instant(message.event_time), body.get("scope"), body.get("final", False)
            return Mark(index, body["kind"], at_us, message.producer, scope, final)
        if body["kind"] == SIGNAL:
            body["customer_id"] = signal_key(body.get("scope"), body["name"])
        if keyed and (sentence := other_key(key, body["customer_id"])) is not None:
            return Refused(index, "key", "format", sentence)
        if keyed and key != body["customer_id"].encode():
            expected = excerpt(body["customer_id"])
            what = "name, or scope/name," if body["kind"] == SIGNAL else "customer_id"
            sentence = f"the record's key is {excerpt(key)}, expected {what} in UTF-8, {expected}"
            return Refused(index, "key", "differs", sentence)
        return body

    def _wrong_kind(self, kind: object) -> str:
        topic = TOPIC_OF_KIND[self.kind]
        return f"kind is {excerpt(kind)}, expected {self.kind!r} on {topic!r}: send it to the topic of its kind"


def _erased(index: int, key: bytes | None, longest: int) -> Erased | Refused:
    customer = (key or b"").decode("utf-8", "replace")
    if key and is_json(key):
        sentence = f"the record has no value and its key is JSON, {excerpt(key)}; send the customer_id as plain text"
        return Refused(index, "key", "format", sentence)
    if customer.encode() == key and 1 <= len(customer) <= longest and customer.isprintable():
        return Erased(index, customer)
    expected = "expected that of the data to delete, in UTF-8"
    return Refused(index, "key", "customer", f"the record has no value and its key is {excerpt(key)}, {expected}")
