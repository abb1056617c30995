"""Rows of customers are loaded alike, however the changelog comes: whole, record by record, with others between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.row_format import RowFormat, _checksums
from schemas.native import arrays
from schemas.texts import Texts
from streams.cases.columns import ADDED
from streams.profile.loading import load_profile
from streams.units.customer_rows import CustomerRows
from streams.units.engine_unit import EngineUnit
from streams.units.records import Records
from streams.units.seal import GONE, seal
from streams.units.sources import STATE

UNIT = EngineUnit(load_profile("after-sales", []), 0, "wall")
COLUMNS, EMPTY = UNIT.engine.columns, UNIT.engine.table.empty
NEW = [name not in ADDED[0] for name in COLUMNS]
OLDER = RowFormat([name for name, kept in zip(COLUMNS, NEW, strict=True) if kept], EMPTY[NEW])
KEYS = [b"anna", b"bob", "门店".encode(), b"\xff"]
SEALED = b"\0producers", seal(STATE, b"[]", b"\0producers")


def row(number: float, older: bool = False) -> bytes:
    numbers = np.full((1, len(COLUMNS)), number)
    return OLDER.pack(numbers[:, NEW])[0] if older else RowFormat(COLUMNS, EMPTY, ADDED).pack(numbers)[0]


def damaged(value: bytes) -> bytes:
    return value[:-1] + bytes([value[-1] ^ 1])


pairs = st.one_of(
    st.tuples(st.sampled_from(KEYS), st.integers(0, 9).map(row)),
    st.tuples(st.sampled_from(KEYS), st.integers(0, 9).map(lambda n: row(n, older=True))),
    st.tuples(st.sampled_from(KEYS), st.integers(0, 9).map(lambda n: damaged(row(n)))),
    st.tuples(st.sampled_from(KEYS), st.none()),
    st.sampled_from(KEYS).map(lambda key: (key, seal(STATE, GONE, key))),
    st.tuples(st.sampled_from([None, b"\0x", *KEYS]), st.sampled_from([b"", b"{}", row(1)])),
    st.just(SEALED),
)


def records(pairs: list[tuple[bytes | None, bytes | None]], in_place: bool) -> Records:
    keys, values = ([pair[i] for pair in pairs] for i in (0, 1))
    numbers = np.arange(len(pairs))
    return Records(numbers, numbers, *(map(Texts.of, (keys, values)) if in_place else (keys, values)))


def loaded(parts: list[Records]) -> tuple[Any, ...]:
    unit = EngineUnit(UNIT.profile, 0, "wall")
    for part in parts:
        unit.load(part)
    table = unit.engine.table
    gone = unit.engine.lifespans.is_forgotten(np.arange(len(table)))
    rows = {name: table.rows[i].tobytes() for i, name in enumerate(table.names) if not gone[i]}
    return rows, len(unit._customers), table.dirty.any(), unit.strays.found, unit._rows.has_customers


@settings(max_examples=300)
@given(st.lists(pairs, max_size=30))
def test_all_at_once_is_one_by_one(sent: list[tuple[bytes | None, bytes | None]]) -> None:
    whole = loaded([records(sent, in_place=True)])
    assert whole == loaded([records(sent, in_place=False)])
    assert whole == loaded([one[i : i + 1] for one in [records(sent, in_place=True)] for i in range(len(sent))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "function", lambda _: None)  # the reference
        assert whole == loaded([records(sent, in_place=True)])
        patch.setattr(CustomerRows, "_are_usual", lambda self, found: np.zeros(len(found), np.bool_))
        assert whole == loaded([records(sent, in_place=True)])


def test_a_later_row_of_a_customer_replaces_the_one_before_it() -> None:
    rows, stored, *_ = loaded([records([(b"anna", row(1)), (b"bob", row(2)), (b"anna", row(3))], in_place=True)])
    assert (stored, rows["anna"]) == (2, np.full(len(COLUMNS), 3.0).tobytes())


def test_a_checksum_is_that_of_zlib_for_rows_of_any_length() -> None:
    data = np.random.default_rng(1).bytes(5_000)
    for size in (0, 1, 15, 16, 17, 736):
        places = np.arange(0, len(data) - size, 97)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arrays, "function", lambda _: None)
            expected = _checksums(data, places, size)
        np.testing.assert_array_equal(_checksums(data, places, size), expected)


@pytest.mark.skipif(arrays.function("copy_rows") is None, reason="no compiled code is here")
def test_places_and_slots_that_are_not_there_are_refused() -> None:
    data, rows, at = bytes(64), np.zeros((2, 2)), np.array([0])
    assert arrays.copy(data, at, rows, at)
    for places, slots in ((at - 1, at), (at + 49, at), (at, at - 1), (at, at + 2)):
        assert not arrays.copy(data, places, rows, slots)
    assert arrays.checksums(data, np.array([60]), 5) is None
