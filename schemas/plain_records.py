"""Records that are plainly good, by compiled code in one pass over their bytes; all others are `decode`'s.

What a field may say is handed to the compiled code as a table, made of the models and of the limits with which `decode`
checks columns. A field of a type that the table does not have makes its records doubtful, so a new field needs nothing
here. Compiled: native/plain_records.c.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Mapping, Sequence
from ctypes import POINTER, Structure, c_char_p, c_double, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.columns import EVENT, KINDS, Events, empty_rows
from schemas.events import KINDS as MODELS
from schemas.events import MAX_ID
from schemas.native.loading import compiled_code
from schemas.texts import Places, Strings, Texts
from schemas.validation import MAX_BYTES

# as in native/plain_records.c
TYPES = ("careful", "text", "customer", "event_id", "producer", "instant", "number", "word", "words", "one")
DOUBTFUL, WITH_UNKNOWN_FIELD = 0, 2
MOST_FIELDS = 32  # of a kind
MOST_PRODUCERS = 512  # of a batch; records of more are doubtful
ROOM_FOR_A_PRODUCER = 3 * MAX_ID + 1  # bytes
BASIC_PLANE = 1 << 16


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field may say."""

    type: str
    column: str | None = None
    words: Sequence[str] = ()
    other: int = -1  # the number of any other word; -1: there is none
    longest: int = 0  # characters of a text, items of a list
    least: float = 0.0
    most: float = 0.0
    whole: bool = False
    most_by_word: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Plain:
    """The good records of a batch. index: (events,) their places; doubtful: the other places, ascending."""

    events: Events
    index: NDArray[np.intp]
    doubtful: list[int]
    unknown_fields: Counter[str]


class _Text(Structure):
    _fields_ = (("bytes", c_char_p), ("size", c_int64))


class _Field(Structure):
    _fields_ = (
        ("name", _Text), ("words", POINTER(_Text)), ("most_by_word", POINTER(c_double)), ("least", c_double),
        ("most", c_double), ("n_words", c_int64), ("type", c_int32), ("required", c_int32), ("whole", c_int32),
        ("place", c_int32), ("longest", c_int32), ("other", c_int32),
    )  # fmt: skip


class _Kind(Structure):
    _fields_ = (
        ("name", _Text), ("fields", POINTER(_Field)), ("empty", c_char_p), ("printable", c_char_p),
        ("n_fields", c_int64), ("row_bytes", c_int64), ("id_place", c_int64), ("most_bytes", c_int64),
    )  # fmt: skip


class PlainRecords:
    """Reads the plainly good records of one kind."""

    def __init__(self, compiled: ctypes.CDLL, kind: str, rules: Mapping[str, Rule]) -> None:
        """rules: by the name of the field; other fields that the kind's model has are doubtful."""
        known = MODELS[kind].model_fields
        fields = [_field(name, rules.get(name, Rule("careful")), one.is_required()) for name, one in known.items()]
        assert len(fields) <= MOST_FIELDS, f"{kind} has {len(fields)} fields, compiled code remembers {MOST_FIELDS}"
        empty = empty_rows(1)
        empty["kind"] = KINDS.index(kind)
        for name, one in known.items():
            if one.default is not None and name in (EVENT.names or ()) and not one.is_required():
                empty[name] = one.default
        self._kind = _Kind(
            _text(kind), (_Field * len(fields))(*fields), empty.tobytes(), _printable(), len(fields), EVENT.itemsize,
            _place("id"), MAX_BYTES,
        )  # fmt: skip
        self._read = compiled.plain_records
        self._read.restype = c_int64
        given: tuple[Any, ...] = (POINTER(_Kind), POINTER(Places), c_int64, POINTER(Places), c_int64)
        self._read.argtypes = [*given, *[c_void_p] * 6, c_int64, c_void_p]

    def read(self, values: Sequence[bytes | None], keys: Sequence[bytes | None] | None, latest_us: int) -> Plain:
        """Reads a batch. keys: None where they are not checked; latest_us: a later event time is doubtful."""
        texts, own_keys, n = Texts.of(values), None if keys is None else Texts.of(keys), len(values)
        rows, verdicts, producers = np.empty(n, EVENT), np.empty(n, np.uint8), np.empty(n, np.uint16)
        customers, ends = np.empty(int((texts.ends - texts.begins).sum()), np.uint8), np.empty(n, np.int64)
        names, used = np.empty(MOST_PRODUCERS * ROOM_FOR_A_PRODUCER, np.uint8), np.empty(1, np.int64)
        good = self._read(
            self._kind, texts.places(), n, None if own_keys is None else own_keys.places(), latest_us,
            *map(_at, (rows, verdicts, customers, ends, producers, names)), len(names), _at(used),
        )  # fmt: skip
        written = customers[: ends[good - 1] if good else 0].tobytes()
        who, senders = Strings(Texts.ending_at(written, ends[:good])), _split(names[: used[0]])
        sent_by = list(map(senders.__getitem__, producers[:good].tolist()))
        index, kinds = np.flatnonzero(verdicts), verdicts[verdicts != DOUBTFUL]
        unknown = Counter(sent_by[i] for i in np.flatnonzero(kinds == WITH_UNKNOWN_FIELD).tolist())
        doubtful = np.flatnonzero(verdicts == DOUBTFUL).tolist() if good < n else []
        return Plain(Events(rows[:good], who, sent_by), index, doubtful, unknown)


def plain_records(kind: str, rules: Mapping[str, Rule]) -> PlainRecords | None:
    """Returns the reader of a kind; None without compiled code."""
    compiled = compiled_code()
    return None if compiled is None else PlainRecords(compiled, kind, rules)


def _field(name: str, rule: Rule, required: bool) -> _Field:
    words, most = [_text(word) for word in rule.words], rule.most_by_word
    return _Field(
        _text(name), (_Text * len(words))(*words), (c_double * len(most))(*most) if most else None, rule.least,
        rule.most, len(words), TYPES.index(rule.type), required, rule.whole,
        -1 if rule.column is None else _place(rule.column), rule.longest, rule.other,
    )  # fmt: skip


def _place(column: str) -> int:
    """The place of a column in the bytes of a row."""
    assert EVENT.fields is not None
    return int(EVENT.fields[column][1])


def _text(text: str) -> _Text:
    data = text.encode()
    return _Text(data, len(data))


@cache
def _printable() -> bytes:
    """A bit for each character up to U+FFFF: whether it is printable in the sense of `str.isprintable`."""
    bits = np.fromiter((chr(code).isprintable() for code in range(BASIC_PLANE)), np.bool_, BASIC_PLANE)
    return np.packbits(bits, bitorder="little").tobytes()


def _split(texts: NDArray[np.uint8]) -> list[str]:
    """Returns texts that have a zero byte behind each."""
    return texts.tobytes().decode().split("\0")[:-1]


def _at(array: NDArray[Any]) -> int:
    return array.ctypes.data
