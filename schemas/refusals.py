"""A refused record: the field, the rule that it broke, and the dead letter with the record's bytes."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.envelopes import json_of, unwrapped
from schemas.outputs import SCHEMA_VERSION

KEPT_BYTES = 64 << 10
SHOWN_CHARACTERS = 80
PRODUCER_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Refused:
    """Record `index` of a batch is refused: `field` broke `rule`; `sentence` explains it to the publisher."""

    index: int
    field: str
    rule: str
    sentence: str


class Unreadable(bytes):
    """Stands for the records of a batch that cannot be read; its bytes say which, and why."""


def excerpt(value: object) -> str:
    """Returns the value's repr, cut to SHOWN_CHARACTERS."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}... ({len(text)} characters)"


def dead_letter(refused: Refused, value: bytes | None, place: dict[str, Any]) -> dict[str, Any]:
    """Returns the dead letter of a refused record.

    place: topic, partition, offset; or file, line. Of the record's bytes the first 64 KiB are kept.
    """
    body = value or b""
    kept = None if value is None or isinstance(value, Unreadable) else base64.b64encode(body[:KEPT_BYTES]).decode()
    return {
        "schema_version": SCHEMA_VERSION,
        **place,
        "field": refused.field,
        "rule": refused.rule,
        "sentence": refused.sentence,
        "producer": _producer(body),
        "value": kept,
        "value_bytes": len(body),
        "value_sha256": hashlib.sha256(body).hexdigest(),
    }


def _producer(body: bytes) -> str | None:
    """Returns the record's producer, None where it cannot be read."""
    try:
        found = orjson.loads(json_of(body[:KEPT_BYTES]))
    except orjson.JSONDecodeError:
        return None
    name = unwrapped(found).get("producer") if isinstance(found, dict) else None
    return name[:PRODUCER_CHARACTERS] if isinstance(name, str) else None
