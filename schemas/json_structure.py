"""Finds records that are nested too deep or that have a key twice: the JSON parser reports neither.

The check counts quotation marks. In a record without backslashes each mark begins or ends a key or a string. A repeated
key adds marks to the bytes, but not to the parsed object. So if the number of marks in the whole batch is the number
that the parsed objects need, no key is repeated. Otherwise the records are counted one at a time. In the same way, a
record's depth is at most its number of opening brackets.

All is linear in the bytes: a record of 1 MiB must not hold the others up.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import orjson

Object = dict[str, Any]
MAX_DEPTH = 32
MAX_NESTED = 10_000
ESCAPE = re.compile(rb"\\.")


def records_to_check(values: Sequence[bytes | None], objects: Sequence[Object]) -> list[int]:
    """Returns the indexes of records that may be too deep or have a key twice; `validation` decides about them."""
    known = [value or b"" for value in values]
    joined = b"".join(known)
    flat = _brackets(joined) < len(known) + MAX_DEPTH
    if flat and b"\\" not in joined and joined.count(b'"') == _flat_marks(objects):
        return []
    return [i for i, value in enumerate(known) if _must_be_checked(value, objects[i])]


def too_many(value: bytes) -> bool:
    """Returns whether bytes have more than MAX_NESTED objects and arrays, which take long to parse."""
    if _brackets(value) <= MAX_NESTED:
        return False
    outside = b"".join(_without_escapes(value).split(b'"')[::2])  # of texts, in which brackets mean nothing
    return _brackets(outside) > MAX_NESTED


def depth_exceeds(found: Any, most: int = MAX_DEPTH) -> bool:
    """Returns whether a value has more than `most` levels below it."""
    level, depth = [found], 0
    while level:
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        depth += bool(level)
        if depth > most:
            return True
    return False


def duplicate_key(value: bytes, found: Object) -> str | None:
    """Returns a key that occurs twice in one object, or None. value: valid JSON, at most MAX_DEPTH levels, and parsed
    `found`. Only a record with such a key is parsed again, for its name.
    """
    if _without_escapes(value).count(b'"') == _without_escapes(orjson.dumps(found)).count(b'"'):
        return None
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        if len(once := Counter(key for key, _ in pairs)) < len(pairs):
            twice.append(max(once, key=once.__getitem__))

    json.loads(value, object_pairs_hook=look, parse_int=float)
    return twice[0]


def _must_be_checked(value: bytes, found: Object) -> bool:
    return b"\\" in value or _brackets(value) > MAX_DEPTH or value.count(b'"') != _marks(found)


def _without_escapes(value: bytes) -> bytes:
    """Returns valid JSON without its escapes, so that each quotation mark begins or ends a text."""
    return ESCAPE.sub(b"", value) if b"\\" in value else value


def _brackets(value: bytes) -> int:
    return value.count(b"[") + value.count(b"{")


def _flat_marks(objects: Sequence[Object]) -> int:
    """Returns the number of quotation marks in flat objects; for nested objects it returns too few."""
    values = chain.from_iterable(map(dict.values, objects))
    return 2 * (sum(map(len, objects)) + list(map(type, values)).count(str))


def _marks(found: Any) -> int:
    """Returns the number of quotation marks that a value needs in JSON."""
    if isinstance(found, dict):
        return 2 * len(found) + sum(map(_marks, found.values()))
    if isinstance(found, list):
        return sum(map(_marks, found))
    return 2 if isinstance(found, str) else 0
