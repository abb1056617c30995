"""Rows of customers as bytes of the changelog, of this release and of the one before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from features.row_format import RowFormat
from schemas.errors import Failure, NewerRecord

EMPTY = np.array([0.0, -1.0, 7.0, 9.0])
NOW = RowFormat(("a", "b", "new", "c"), EMPTY, (("new",), ("b",)))
THEN = RowFormat(("a", "b", "c"), EMPTY[[0, 1, 3]])
LONG_AGO = RowFormat(("a", "c"), EMPTY[[0, 3]])
ROWS = np.array([[1.0, np.nan, 3.0, -np.inf], [5.0, 6.0, 7.0, 8.0]])


def test_what_was_packed_is_unpacked_to_the_bit() -> None:
    np.testing.assert_array_equal(NOW.unpack(NOW.pack(ROWS)), ROWS)


def test_rows_of_earlier_releases_get_the_columns_that_they_lack() -> None:
    older, oldest = THEN.pack(ROWS[:, [0, 1, 3]]), LONG_AGO.pack(ROWS[:, [0, 3]])
    read = NOW.unpack([older[0], NOW.pack(ROWS)[1], oldest[1]])
    np.testing.assert_array_equal(read[0], [1.0, np.nan, 7.0, -np.inf])
    np.testing.assert_array_equal(read[1], ROWS[1])
    np.testing.assert_array_equal(read[2], [5.0, -1.0, 7.0, 8.0])


def test_rows_of_any_other_columns_are_refused() -> None:
    strange = RowFormat(("x", "y", "z"), EMPTY[:3]).pack(ROWS[:, :3])
    with pytest.raises(Failure, match="state row of another feature catalogue"):
        NOW.is_row(strange[0])


def test_rows_of_this_release_and_of_earlier_ones_are_rows() -> None:
    for row in (*NOW.pack(ROWS), *THEN.pack(ROWS[:, [0, 1, 3]]), *LONG_AGO.pack(ROWS[:, [0, 3]])):
        assert NOW.is_row(row)


@pytest.mark.parametrize(
    "damage", [lambda row: row[:-1] + b"x", lambda row: row[:-8], lambda row: row[:9], lambda _: b""]
)
def test_what_has_no_valid_checksum_is_no_row(damage: Callable[[bytes], bytes]) -> None:
    assert not NOW.is_row(damage(NOW.pack(ROWS)[0]))


def test_a_row_of_a_newer_format_names_the_release_to_run() -> None:
    with pytest.raises(NewerRecord, match="format 2, this release knows formats up to 1"):
        NOW.is_row(b"\x02" + NOW.pack(ROWS)[0][1:])
