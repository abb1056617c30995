"""Decodes a batch of records of one topic into columns.

Records that are plainly good are read by compiled code where there is some (`plain_records`). Of the others, the fast
path checks whole columns and accepts the records that pass. Every other record is validated on its own with the models
in `events`, which accept it or write the refusal. So all paths accept the same records, and a refused record does not
slow down its batch. Outcomes and customer profiles always take the slow path: they are rare, and have fields without a
column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson
import xxhash
from numpy.typing import NDArray

from schemas.columns import (
    ACTIVITY_TYPES,
    CAUSES,
    CUSTOMER_ACTION_KINDS,
    KINDS,
    NUMBERS,
    OTHER_ACTIVITY,
    SURVEY_TYPES,
    Details,
    Events,
    Rows,
    empty_rows,
)
from schemas.envelopes import json_of, may_wrap, unwrapped
from schemas.events import KINDS as MODELS
from schemas.events import MAX_AMOUNT, MAX_COUNT, MAX_ID, MAX_ITEMS, MAX_SCORE, MAX_TEXT, Event
from schemas.fields import Column, Fields, Object
from schemas.json_structure import records_to_check, too_many
from schemas.plain_records import Plain, Rule, plain_records
from schemas.refusals import Refused
from schemas.rfc3339 import parse_instants
from schemas.validation import Erased, Mark, Validator

Flags = NDArray[np.bool_]
MAX_BYTES = 1 << 20
MAX_SKEW_US = 5 * 60 * 1_000_000
ACTIVITY_CODE = {name: i for i, name in enumerate(ACTIVITY_TYPES)}
SURVEY_CODE = {name: i for i, name in enumerate(SURVEY_TYPES)}
CAUSE_BIT = {name: 1 << i for i, name in enumerate(CAUSES)}
LIMITS = {  # number -> (minimum, maximum, whole number)
    "amount": (0.0, MAX_AMOUNT, False),
    "items": (0.0, MAX_COUNT, True),
    "wait_minutes": (0.0, MAX_COUNT, False),
    "count": (1.0, MAX_COUNT, True),
    "duration_seconds": (0.0, MAX_COUNT, False),
    "score": (0.0, max(MAX_SCORE.values()), False),
}
NUMBER_TYPES = {int, float, type(None)}
LABELS = ("service_type", "store_id", "currency")
MOST_CURRENCIES = 5


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded batch: accepted events in order and their indexes in the batch, marks, refusals, deletions.

    An event whose column `details` is i > 0 has the further fields `details[i - 1]`.
    """

    events: Events
    index: NDArray[np.intp]
    marks: list[Mark]
    refused: list[Refused]
    unknown_fields: Counter[str]
    details: list[Details] = field(default_factory=list)
    erased: list[Erased] = field(default_factory=list)


class Decoder:
    """Decodes batches of records of one kind."""

    def __init__(self, kind: str, max_skew_us: int = MAX_SKEW_US, currency: str | None = None) -> None:
        """currency: an amount in another one counts as unknown; None: all are taken."""
        self.kind, self.max_skew_us, self.currency = kind, max_skew_us, currency
        self.other_currencies: set[str] = set()  # of the amounts that were left out, at most MOST_CURRENCIES
        self.validator = Validator(kind, max_skew_us)
        self.known = frozenset(MODELS[kind].model_fields)
        self.numbers = [name for name in NUMBERS if name in self.known]
        self.labels = [name for name in LABELS if name in self.known]
        self.detail_fields = (
            set() if kind in CUSTOMER_ACTION_KINDS else self.known - Event.model_fields.keys() - {"kind"}
        )
        if kind == "intervention_outcome":
            self.detail_fields |= {"event_id"}  # outcomes of one instant are ordered by it
        self.plain = None if self.detail_fields else plain_records(kind, rules(kind, currency))

    def decode(self, values: Sequence[bytes | None], keys: Sequence[bytes | None] | None, now_us: int) -> Decoded:
        """Decodes records of a topic. keys: None where keys are not checked."""
        if self.plain is None:
            return self.decode_carefully(list(values), keys and list(keys), now_us)
        plain = self.plain.read(values, keys, now_us + self.max_skew_us)
        if not plain.doubtful:
            return Decoded(plain.events, plain.index, [], [], plain.unknown_fields)
        few = [values[i] for i in plain.doubtful]
        return _merged(plain, self.decode_carefully(few, keys and [keys[i] for i in plain.doubtful], now_us))

    def decode_carefully(
        self, values: Sequence[bytes | None], keys: Sequence[bytes | None] | None, now_us: int
    ) -> Decoded:
        """Decodes records without compiled code."""
        objects = _parsed(values)
        doubtful = np.zeros(len(values), np.bool_)
        doubtful[records_to_check(values, objects)] = True
        fields = Fields(objects)
        if any(map(may_wrap, fields.shapes)):
            fields = Fields(list(map(unwrapped, objects)))
        return self._decode(fields, doubtful, values, keys, now_us)

    def decode_objects(self, objects: Sequence[Object], now_us: int) -> Decoded:
        """Decodes records that are objects already, such as rows of a file."""
        return self._decode(Fields(objects), np.zeros(len(objects), np.bool_), None, None, now_us)

    def _decode(
        self,
        fields: Fields,
        doubtful: Flags,
        values: Sequence[bytes | None] | None,
        keys: Sequence[bytes | None] | None,
        now_us: int,
    ) -> Decoded:
        """Decodes objects. doubtful: those for the slow path; values: the records' bytes, None for rows of files."""
        customers, producers, rows, bad = self._columns(fields, now_us)
        bad |= doubtful
        if keys is not None:
            bad |= _keys_differ(keys, customers)
        bad |= bool(self.detail_fields)
        unknown = fields.unknown(self.known)
        if not bad.any():
            return Decoded(Events(rows, customers, producers), np.arange(len(rows)), [], [], unknown)
        asked, found = np.flatnonzero(bad).tolist(), []
        for i in asked:
            value: bytes | Object | None = fields.objects[i] if values is None else values[i]
            found.append(self.validator.check(i, value, keys[i] if keys else None, keys is not None, now_us))
        bodies = {i: body for i, body in zip(asked, found, strict=True) if isinstance(body, dict)}
        if bodies:
            places, again = list(bodies), self._columns(Fields(list(bodies.values())), now_us)
            rows[places], bad[places] = again[2], False
            for i, customer in zip(places, again[0], strict=True):
                customers[i] = customer
        good = np.flatnonzero(~bad)
        marks, refused = [x for x in found if isinstance(x, Mark)], [x for x in found if isinstance(x, Refused)]
        events = Events(rows[good], *([column[i] for i in good.tolist()] for column in (customers, producers)))
        erased = [x for x in found if isinstance(x, Erased)]
        return Decoded(events, good, marks, refused, unknown, self._details(events.rows, bodies.values()), erased)

    def _details(self, rows: Rows, bodies: Iterable[Object]) -> list[Details]:
        """Returns the further fields of each row and writes their places into `rows`; empty for kinds without them."""
        if not self.detail_fields:
            return []
        rows["details"] = np.arange(1, len(rows) + 1)
        return [{name: value for name, value in body.items() if name in self.detail_fields} for body in bodies]

    def _columns(self, fields: Fields, now_us: int) -> tuple[list[str], Column, Rows, Flags]:
        """Returns customers, producers, rows and which records failed a check (their rows are undefined)."""
        n = len(fields.objects)
        rows, bad = empty_rows(n), np.zeros(n, np.bool_)
        kinds = fields.get("kind")
        if kinds.count(self.kind) != n:
            bad |= np.array([kind != self.kind for kind in kinds], np.bool_)
        _versions(fields.get("schema_version"), bad)
        customers, events = _ids(fields.get("customer_id"), bad), _ids(fields.get("event_id"), bad)
        producers = fields.get("producer")
        _labels(producers, MAX_ID, False, bad)
        rows["time_us"], good = parse_instants(_texts(fields.get("event_time"), bad))
        bad |= ~good | (rows["time_us"] < 0) | (rows["time_us"] > now_us + self.max_skew_us)
        self._fields(fields, rows, bad)
        rows["kind"] = KINDS.index(self.kind)
        rows["id"] = _identities(self.kind, customers, events)
        return list(customers), producers, rows, bad

    def _fields(self, fields: Fields, rows: Rows, bad: Flags) -> None:
        """Fills and checks the columns of the kind's own fields."""
        for name in self.numbers:
            rows[name] = _numbers(fields.get(name), name, bad)
        for name in self.labels:
            _labels(fields.get(name), MAX_TEXT, True, bad)
        if self.currency and "currency" in self.labels:
            self._leave_out(fields.get("currency"), rows)
        if self.kind == "app_activity":
            kinds = fields.get("activity_type")
            _labels(kinds, MAX_ID, False, bad)
            rows["code"] = [ACTIVITY_CODE.get(k, OTHER_ACTIVITY) if type(k) is str else 0 for k in kinds]
            rows["count"] = np.where(np.isnan(rows["count"]), 1.0, rows["count"])
        elif self.kind == "survey":
            _fill_survey(fields, rows, bad)

    def _leave_out(self, currencies: Column, rows: Rows) -> None:
        """Makes amounts in another currency unknown; null is not another one."""
        own = self.currency
        found = {i: v for i, v in enumerate(currencies) if v != own and type(v) is str and v.upper() != own}
        if found:
            rows["amount"][list(found)] = np.nan
            self.other_currencies = set(sorted({*self.other_currencies, *found.values()})[:MOST_CURRENCIES])


def rules(kind: str, currency: str | None) -> Mapping[str, Rule]:
    """Returns what fields of plainly good records may say: what the columns are checked for, from the same limits."""
    known = {
        "kind": Rule("word", words=(kind,), longest=MAX_ID),
        "schema_version": Rule("one"),
        "customer_id": Rule("customer", longest=MAX_ID),
        "event_id": Rule("event_id", longest=MAX_ID),
        "producer": Rule("producer", longest=MAX_ID),
        "event_time": Rule("instant", "time_us", longest=MAX_TEXT),
        "activity_type": Rule("word", "code", ACTIVITY_TYPES, OTHER_ACTIVITY, MAX_ID),
        "survey_type": Rule("word", "code", SURVEY_TYPES, longest=MAX_ID),
        "causes": Rule("words", "causes", CAUSES, longest=MAX_ITEMS),
        **{name: Rule("text", longest=MAX_TEXT) for name in LABELS},
    }
    for name, (least, most, whole) in LIMITS.items():
        by_word = [MAX_SCORE[one] for one in SURVEY_TYPES] if name == "score" else []
        known[name] = Rule("number", name, least=least, most=most, whole=whole, most_by_word=by_word)
    if currency:  # an amount in another one is doubtful
        known["currency"] = Rule("word", words=(currency,), longest=MAX_TEXT)
    return known


def _merged(plain: Plain, others: Decoded) -> Decoded:
    """Returns a batch of which compiled code has read a part. others: the doubtful records, by their places there."""
    events, index = plain.events, plain.index
    if len(others.events):
        index = np.concatenate([index, np.array(plain.doubtful, np.intp)[others.index]])
        order, both = np.argsort(index), Events.concatenate([events, others.events])
        columns = ([column[i] for i in order.tolist()] for column in (both.customers, both.producers))
        events, index = Events(both.rows[order], *columns), index[order]
    return Decoded(
        events,
        index,
        [replace(one, index=plain.doubtful[one.index]) for one in others.marks],
        [replace(one, index=plain.doubtful[one.index]) for one in others.refused],
        plain.unknown_fields + others.unknown_fields,
        [],
        [replace(one, index=plain.doubtful[one.index]) for one in others.erased],
    )


def _fill_survey(fields: Fields, rows: Rows, bad: Flags) -> None:
    """Fills and checks the columns of surveys."""
    rows["code"] = [SURVEY_CODE.get(t, -1) if type(t) is str else -1 for t in fields.get("survey_type")]
    causes = [_cause_bits(named) for named in fields.get("causes")]
    most = np.array([MAX_SCORE["nps"], MAX_SCORE["csat"]])[rows["code"]]
    bad |= (rows["code"] < 0) | np.isnan(rows["score"]) | (rows["score"] > most)
    bad |= np.array([bits < 0 for bits in causes], np.bool_)
    rows["causes"] = np.maximum(causes, 0)


def _versions(values: Column, bad: Flags) -> None:
    """Marks values other than null and the integer 1 as bad."""
    if set(map(type, values)) <= {int, type(None)} and set(values) <= {1, None}:
        return
    bad |= np.array([v is not None and (type(v) is not int or v != 1) for v in values], np.bool_)


def _identities(kind: str, customers: Sequence[str], events: Sequence[str]) -> NDArray[np.uint64]:
    """Returns the 64-bit ids by which duplicates are found."""
    digest, start = xxhash.xxh3_64_intdigest, f"{kind}\0"
    names = [
        f"{start}{customer}\0{event}".encode("utf-8", "replace")
        for customer, event in zip(customers, events, strict=True)
    ]
    return np.array(list(map(digest, names)), np.uint64)


def _parsed(values: Sequence[bytes | None]) -> list[Object]:
    """Returns the parsed objects; an empty one, which no model accepts, where a value is no object."""
    try:
        # None raises TypeError
        if max(map(len, values), default=0) <= MAX_BYTES and not too_many(b"".join(values)):  # type: ignore[arg-type]
            objects = list(map(orjson.loads, values))  # type: ignore[arg-type]
            if set(map(type, objects)) <= {dict}:
                return objects
    except (orjson.JSONDecodeError, TypeError):
        pass
    return [_object(value) for value in values]


def _object(value: bytes | None) -> Object:
    """Returns the parsed object, or an empty one."""
    if value is None or len(value) > MAX_BYTES or too_many(json_of(value)):
        return {}
    try:
        found = orjson.loads(json_of(value))
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _texts(values: Column, bad: Flags) -> Sequence[str]:
    """Returns the texts; other values become empty and are marked as bad."""
    if set(map(type, values)) <= {str}:
        return values
    bad |= np.array([type(v) is not str for v in values], np.bool_)
    return [v if type(v) is str else "" for v in values]


def _ids(values: Column, bad: Flags) -> Sequence[str]:
    """Returns the texts; those without 1 to MAX_ID printable characters are marked as bad."""
    texts = _texts(values, bad)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    bad |= (lengths < 1) | (lengths > MAX_ID)
    if not "".join(texts).isprintable():
        bad |= np.array([not text.isprintable() for text in texts], np.bool_)
    return texts


def _labels(values: Column, longest: int, optional: bool, bad: Flags) -> None:
    """Marks invalid texts as bad. A batch has few distinct labels, so each is checked once."""
    try:
        different = set(values)
    except TypeError:  # a list or an object among them
        different = {None}
        bad |= np.array([type(v) is not str for v in values], np.bool_)
        different.update(v for v in values if type(v) is str)
    wrong = {v for v in different if not _is_label(v, longest, optional)}
    if wrong:
        bad |= np.array([(type(v) is not str and not (v is None and optional)) or v in wrong for v in values], np.bool_)


def _is_label(value: Any, longest: int, optional: bool) -> bool:
    if value is None:
        return optional
    return type(value) is str and 1 <= len(value) <= longest and value.isprintable()


def _numbers(values: Column, name: str, bad: Flags) -> NDArray[np.float64]:
    """Returns the numbers, NaN for null; wrong types and numbers outside LIMITS are marked as bad."""
    least, most, whole = LIMITS[name]
    if not set(map(type, values)) <= NUMBER_TYPES:
        bad |= np.array([type(v) not in NUMBER_TYPES for v in values], np.bool_)
        values = [v if type(v) in NUMBER_TYPES else None for v in values]
    try:
        numbers = np.array(values, np.float64)
    except OverflowError:  # an integer beyond the range of float64
        bad |= np.array([type(v) is int and abs(v) > MAX_AMOUNT for v in values], np.bool_)
        numbers = np.array([None if type(v) is int and abs(v) > MAX_AMOUNT else v for v in values], np.float64)
    absent = np.isnan(numbers)
    if absent.any():
        bad |= absent & np.array([v is not None for v in values], np.bool_)
    bad |= (numbers < least) | (numbers > most)
    numbers += 0.0  # -0.0 is 0
    if whole:
        bad |= ~absent & (numbers != np.rint(numbers))
    return numbers


def _cause_bits(causes: Any) -> int:
    """Returns the bits of the causes, 0 for null; -1 unless it is a list of known causes."""
    if causes is None:
        return 0
    if type(causes) is not list or len(causes) > MAX_ITEMS:
        return -1
    bits = 0
    for cause in causes:
        if type(cause) is not str or cause not in CAUSE_BIT:
            return -1
        bits |= CAUSE_BIT[cause]
    return bits


def _keys_differ(keys: Sequence[bytes | None], customers: Sequence[str]) -> Flags:
    """Returns which keys are not the customer's id in UTF-8. Where no key has a zero byte, the joined texts are equal
    only if each pair is.
    """
    none = np.zeros(len(customers), np.bool_)
    try:
        joined = b"\0".join(keys)  # type: ignore[arg-type]  # None raises
        if joined == "\0".join(customers).encode() and joined.count(0) == len(keys) - 1:
            return none
    except (TypeError, UnicodeEncodeError):
        pass
    encoded = [customer.encode("utf-8", "replace") for customer in customers]
    return np.array([key != customer for key, customer in zip(keys, encoded, strict=True)], np.bool_)
