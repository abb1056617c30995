"""Rows of customers as bytes of the changelog, of this release and of the one before."""

from __future__ import annotations

import numpy as np
import pytest

from features.row_format import Before, pack, signature, unpack
from schemas.errors import Failure

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
        unpack(strange, NOW, len(COLUMNS), BEFORE)


def test_a_damaged_row_is_refused() -> None:
    (row, _) = pack(ROWS, NOW)
    with pytest.raises(Failure, match="checksum"):
        unpack([row[:-1] + b"x"], NOW, len(COLUMNS), BEFORE)
