"""A refused record: which field broke which rule; and the dead letter that keeps its bytes."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

KEPT_BYTES = 64 << 10
SHOWN_CHARACTERS = 80
PRODUCER_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Refused:
    """Record `index` of a batch was refused."""

    index: int
    field: str
    rule: str
    sentence: str


def excerpt(value: object) -> str:
    """What came, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}... ({len(text)} characters)"


def dead_letter(refused: Refused, value: bytes | None, place: dict[str, Any]) -> dict[str, Any]:
    """The record's place (topic, partition, offset; or file, line), the rule, and its bytes (of a huge one the
    first 64 KiB).
    """
    body = value or b""
    return {
        **place,
        "field": refused.field,
        "rule": refused.rule,
        "sentence": refused.sentence,
        "producer": _producer(body),
        "value": None if value is None else base64.b64encode(body[:KEPT_BYTES]).decode(),
        "value_bytes": len(body),
        "value_sha256": hashlib.sha256(body).hexdigest(),
    }


def _producer(body: bytes) -> str | None:
    """Who sent it, as far as it can be read."""
    try:
        found = orjson.loads(body[:KEPT_BYTES])
    except orjson.JSONDecodeError:
        return None
    name = found.get("producer") if isinstance(found, dict) else None
    return name[:PRODUCER_CHARACTERS] if isinstance(name, str) else None
