"""Rows of customers as bytes of the changelog, of this release and of the one before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from features.row_format import Before, is_row, pack, signature, unpack
from schemas.errors import Failure, NewerRecord

COLUMNS = ("a", "b", "new", "c")
OLDER = ("a", "b", "c")
NOW, THEN = signature(COLUMNS), signature(OLDER)
BEFORE = Before(THEN, 2, 7.0)
ROWS = np.array([[1.0, np.nan, 3.0, -np.inf], [5.0, 6.0, 7.0, 8.0]])


def test_what_was_packed_is_unpacked_to_the_bit() -> None:
    np.testing.assert_array_equal(unpack(pack(ROWS, NOW), NOW, len(COLUMNS)), ROWS)


def test_rows_of_the_release_before_get_the_column_that_they_lack() -> None:
    old, new = pack(np.delete(ROWS, 2, axis=1), THEN), pack(ROWS, NOW)
    read = unpack([old[0], new[1], old[1]], NOW, len(COLUMNS), BEFORE)
    np.testing.assert_array_equal(read[0], [1.0, np.nan, 7.0, -np.inf])
    np.testing.assert_array_equal(read[1:], [ROWS[1], ROWS[1]])


def test_rows_of_any_other_columns_are_refused() -> None:
    strange = pack(np.delete(ROWS, 0, axis=1), signature(("x", "y", "z")))
    with pytest.raises(Failure, match="state row of another feature catalogue"):
        is_row(strange[0], NOW, len(COLUMNS), BEFORE)


def test_rows_of_this_release_and_the_one_before_are_rows() -> None:
    for row in (*pack(ROWS, NOW), *pack(np.delete(ROWS, 2, axis=1), THEN)):
        assert is_row(row, NOW, len(COLUMNS), BEFORE)


@pytest.mark.parametrize(
    "damage", [lambda row: row[:-1] + b"x", lambda row: row[:-8], lambda row: row[:9], lambda _: b""]
)
def test_what_has_no_valid_checksum_is_no_row(damage: Callable[[bytes], bytes]) -> None:
    assert not is_row(damage(pack(ROWS, NOW)[0]), NOW, len(COLUMNS), BEFORE)


def test_a_row_of_a_newer_format_names_the_release_to_run() -> None:
    with pytest.raises(NewerRecord, match="format 2, this release knows formats up to 1"):
        is_row(b"\x02" + pack(ROWS, NOW)[0][1:], NOW, len(COLUMNS), BEFORE)
