"""A dead letter has the record's bytes and place, the field and the rule."""

from __future__ import annotations

import base64
import hashlib

import orjson
import pytest

from schemas.outputs import DeadLetter
from schemas.refusals import KEPT_BYTES, Refused, dead_letter, excerpt

REFUSED = Refused(0, "amount", "less_than_equal", "amount: too much")
PLACE = {"topic": "surveys", "partition": 3, "offset": 8}


@pytest.mark.parametrize("value", [None, b"", b"\xff\x00", b'{"producer": "till 7"}', b"x" * (KEPT_BYTES + 1)])
def test_a_dead_letter_matches_its_schema(value: bytes | None) -> None:
    DeadLetter.model_validate_json(orjson.dumps(dead_letter(REFUSED, value, PLACE)))


def test_the_bytes_of_the_record_are_recovered_from_base64() -> None:
    assert base64.b64decode(dead_letter(REFUSED, b"\xff\x00", PLACE)["value"]) == b"\xff\x00"


def test_of_a_huge_record_the_beginning_the_length_and_the_hash_are_kept() -> None:
    value = b"x" * 10_000_000
    letter = dead_letter(REFUSED, value, PLACE)
    assert base64.b64decode(letter["value"]) == value[:KEPT_BYTES]
    assert (letter["value_bytes"], letter["value_sha256"]) == (len(value), hashlib.sha256(value).hexdigest())


def test_a_null_value_differs_from_an_empty_value() -> None:
    assert dead_letter(REFUSED, None, PLACE)["value"] is None
    assert dead_letter(REFUSED, b"", PLACE)["value"] == ""


@pytest.mark.parametrize(
    ("value", "producer"),
    [
        (b'{"producer": "till 7"}', "till 7"),
        (b'{"producer": 7}', None),
        (b'["producer"]', None),
        (b"{", None),
        (b'{"producer": "' + b"x" * 1000 + b'"}', "x" * 64),
    ],
)
def test_the_producer_is_named_where_it_can_be_read(value: bytes, producer: str | None) -> None:
    assert dead_letter(REFUSED, value, PLACE)["producer"] == producer


def test_a_value_is_cut_for_a_sentence() -> None:
    assert len(excerpt("x" * 10_000_000)) < 120
