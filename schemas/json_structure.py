"""Which records of a batch may be nested too deep or have a key twice, which a JSON parser does not mention.

Without backslashes every quotation mark of a record is the border of a key or of a text. A key that came twice leaves
more marks in the bytes than the parsed object explains, and nothing can make up for them: so one count over the batch
clears all of it, and only where it does not is each record counted, or read again keeping all keys. In the same way
a record cannot be deeper than it has opening brackets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

Object = dict[str, Any]
MAX_DEPTH = 32


def records_to_check(values: Sequence[bytes | None], objects: Sequence[Object]) -> list[int]:
    """Records that have to be looked at one by one."""
    known = [value or b"" for value in values]
    joined = b"".join(known)
    flat = _brackets(joined) < len(known) + MAX_DEPTH
    if flat and b"\\" not in joined and joined.count(b'"') == _flat_marks(objects):
        return []
    return [i for i, value in enumerate(known) if _must_be_checked(value, objects[i])]


def depth_exceeds(found: Any, most: int = MAX_DEPTH) -> bool:
    """Whether a value has more levels below it."""
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


def duplicate_key(value: bytes) -> str | None:
    """The first key of an object in the record that stands there twice; the record is JSON of modest depth."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        found.extend(key for i, key in enumerate(keys) if key in keys[:i])

    json.loads(value, object_pairs_hook=look)
    return found[0] if found else None


def _must_be_checked(value: bytes, found: Object) -> bool:
    return b"\\" in value or _brackets(value) > MAX_DEPTH or value.count(b'"') != _marks(found)


def _brackets(value: bytes) -> int:
    return value.count(b"[") + value.count(b"{")


def _flat_marks(objects: Sequence[Object]) -> int:
    """Quotation marks of records whose values are texts and numbers (of others too few, never too many)."""
    values = chain.from_iterable(map(dict.values, objects))
    return 2 * (sum(map(len, objects)) + list(map(type, values)).count(str))


def _marks(found: Any) -> int:
    if isinstance(found, dict):
        return 2 * len(found) + sum(map(_marks, found.values()))
    if isinstance(found, list):
        return sum(map(_marks, found))
    return 2 if isinstance(found, str) else 0
