"""Compiled loops over arrays give the bits of their references in NumPy, with every set of vector instructions."""

from __future__ import annotations

import base64
import ctypes
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import portable_math
from features.catalogue import FEATURES
from features.deduplication import RecentIds
from features.portable_math import Array
from features.table import Table
from online_model.additive_functions import AdditiveFunctions, LookupTable
from online_model.array_codec import pack_array, unpack_array
from online_model.bins import BINS
from online_model.boosted_steps import _take_step
from online_model.estimator import linear, solve
from schemas.instants import DAY_US
from schemas.native import arrays, compilers, loading

pytestmark = pytest.mark.skipif(loading.loaded().compiled is None, reason=loading.loaded().told)
EDGES = [0.0, -0.0, 1.0, -1.0, 700.0, -700.0, 700.5, 1000.0, -1000.5, 0.5, 1.5, 2.5, 1e-320, 1e308, -1e308, 1 / 3]
EDGES += [np.inf, -np.inf, np.nan, np.sqrt(0.5), np.nextafter(np.sqrt(0.5), 0), 5e-324, 2.0**-1022, 2.0**1023]
FUNCTIONS = {name: getattr(portable_math, name) for name in ("exp", "exp2_negative", "log", "sigmoid")}
Function = Callable[[Array], Array]
CHANCE = np.random.default_rng(1)
SPREAD = np.concatenate([EDGES, CHANCE.uniform(-1100, 1100, 3_000), np.exp(CHANCE.uniform(-700, 700, 3_001))])


@contextmanager
def reference() -> Iterator[None]:
    """Leaves compiled code out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "function", lambda name: None)
        yield


def same_bits(found: Array, expected: Array) -> bool:
    """Whether numbers have the same bits; one NaN is as good as another."""
    numbers = ~np.isnan(expected)
    return found.shape == expected.shape and (
        found[numbers].tobytes() == expected[numbers].tobytes() and bool(np.isnan(found[~numbers]).all())
    )


@pytest.mark.parametrize("of", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 9, 31, len(SPREAD)])
def test_functions_of_numbers_have_the_bits_of_the_reference(of: Function, n: int) -> None:
    x = SPREAD[:n].copy()
    with np.errstate(all="ignore"), reference():
        expected = of(x.copy())
    assert same_bits(of(x), expected)
    assert x.tobytes() == SPREAD[:n].tobytes()


@given(st.lists(st.floats(width=64), min_size=1, max_size=20))
def test_functions_of_any_numbers_have_the_bits_of_the_reference(numbers: list[float]) -> None:
    x = np.array(numbers)
    for of in FUNCTIONS.values():
        with np.errstate(all="ignore"), reference():
            expected = of(x.copy())
        assert same_bits(of(x), expected)


@pytest.mark.parametrize("of", FUNCTIONS.values(), ids=FUNCTIONS)
def test_arrays_of_every_layout_are_taken(of: Function) -> None:
    x = np.linspace(0.1, 5.0, 60).reshape(5, 12)
    for part in (x, x.T, x[::2, 1::3], x[:, :0]):
        with reference():
            expected = of(part.copy())
        assert same_bits(of(part), expected)


def has(instructions: str) -> bool:
    info = Path("/proc/cpuinfo")
    return platform.machine() == "x86_64" and info.exists() and instructions in info.read_text().split()


@pytest.mark.parametrize("instructions", ["sse2", "avx2", "avx512f"])
def test_every_set_of_vector_instructions_gives_the_same_bits(instructions: str, tmp_path: Path) -> None:
    compiler = compilers.find()
    if not has(instructions) or compiler is None:
        pytest.skip(f"no compiler, or a processor without {instructions}")
    flags = (*compiler.flags, f"-m{instructions}", "-DFOR_ALL_VECTORS=")
    replace(compiler, flags=flags).compile([loading.SOURCES / "arrays.c"], tmp_path / "one.so", tmp_path)
    one = ctypes.CDLL(str(tmp_path / "one.so"))
    x = SPREAD.copy()
    for name in ("log_each", "exp_each", "exp2_negative_each", "sigmoid_each"):
        function, out = one[name], np.empty(len(x))
        function.restype, *function.argtypes = arrays.SIGNATURES[name]
        function(arrays.at(x), arrays.at(out), len(x))
        expected = arrays.each(name, x)
        assert expected is not None
        assert same_bits(out, expected)


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 17, 300])
def test_rows_become_columns_and_rows_again(n: int) -> None:
    rows, slots = CHANCE.normal(size=(400, 13)), CHANCE.permutation(400)[:n]
    tables = [Table(np.zeros(13)) for _ in range(2)]
    for table in tables:
        table.rows = rows.copy()
        table.dirty = np.zeros(400, np.bool_)
    block = tables[0].gather(slots)
    with reference():
        assert tables[1].gather(slots).tobytes() == block.tobytes()
        tables[1].scatter(slots, block * 2.0)
    tables[0].scatter(slots, block * 2.0)
    assert tables[0].rows.tobytes() == tables[1].rows.tobytes()
    assert (tables[0].rows[slots] == rows[slots] * 2.0).all()
    assert np.flatnonzero(tables[0].dirty).tolist() == sorted(slots.tolist())


def test_a_slot_without_a_row_is_no_read_beyond_the_table() -> None:
    table = Table(np.zeros(3))
    for wrong in (len(table.rows), 1 << 40):
        with pytest.raises(IndexError):
            table.gather(np.array([0, wrong]))
        with pytest.raises(IndexError):
            table.scatter(np.array([0, wrong]), np.zeros((3, 2)))


IDS = st.lists(st.integers(0, 40) | st.integers((1 << 64) - 40, (1 << 64) - 1), max_size=40)


@given(st.lists(st.tuples(st.integers(0, 3), IDS), max_size=8))
def test_duplicates_are_found_alike_and_kept_alike(batches: list[tuple[int, list[int]]]) -> None:
    compiled, plain, now_us = RecentIds(), RecentIds(), 0
    for days, ids in batches:
        now_us += days * DAY_US
        some = np.array(ids, np.uint64)
        with reference():
            expected, rows = plain.take_new(some, now_us), plain.take_changes()
        assert compiled.take_new(some, now_us).tolist() == expected.tolist()
        assert compiled.take_changes() == rows


def test_ids_beyond_the_first_room_of_the_table_are_found_again() -> None:
    recent, ids = RecentIds(), CHANCE.integers(1, 1 << 63, 20_000).astype(np.uint64)
    assert recent.take_new(np.concatenate([ids, ids]), 0).tolist() == [True] * len(ids) + [False] * len(ids)
    assert not recent.take_new(ids[::-1], 0).any()


def functions(seed: int) -> AdditiveFunctions:
    """A model with functions on the grids of a snapshot."""
    chance, n = np.random.default_rng(seed), len(FEATURES)
    low = -np.rint(chance.uniform(0, 3, n) * 1024) / 1024
    high = np.rint(chance.uniform(0, 9, n) * 1024) / 1024
    grid = [np.rint(chance.normal(size=(n, BINS)) * 2.0**16) / 2.0**16 for _ in range(2)]
    for one in grid:
        one[chance.random(n) < 0.2] = 0.0  # a feature that is not live where both are 0
    return AdditiveFunctions(-1.25, grid[0], grid[1], low, high)


@pytest.mark.parametrize("n", [0, 1, 5, 511, 512, 513, 2_000])
def test_scores_have_the_bits_of_the_reference(n: int) -> None:
    raw: Any = np.exp(np.random.default_rng(n).normal(0, 4, (len(FEATURES), n)))
    table = LookupTable(functions(n))
    with reference():
        expected = table.log_odds(raw)
    assert table.log_odds(raw).tobytes() == expected.tobytes()
    assert arrays.log_odds(table._compiled[0], raw) is not None


@pytest.mark.parametrize("n", [0, 1, 5, 300])
def test_scores_of_scaled_values_have_the_bits_of_the_reference(n: int) -> None:
    chance, model = np.random.default_rng(n), functions(n)
    x = chance.normal(2, 6, (len(FEATURES), n))
    x[:, : n // 2] = np.rint(x[:, : n // 2] * 2048) / 2048  # halves of the grid's step too
    with reference():
        expected = model.log_odds(x)
    assert model.log_odds(x).tobytes() == expected.tobytes()
    assert model.log_odds(x.T.copy().T).tobytes() == expected.tobytes()  # another layout


def test_a_feature_that_is_no_number_is_refused_as_by_the_reference() -> None:
    raw = np.ones((len(FEATURES), 3))
    raw[:, 1] = np.nan
    with pytest.raises(IndexError):
        LookupTable(functions(0)).log_odds(raw)


@pytest.mark.parametrize("n", [0, 1, 7, 511, 513, 1_300])
def test_weighted_sums_have_the_bits_of_the_reference(n: int) -> None:
    design = np.asfortranarray(CHANCE.normal(size=(n + 5, 40)))
    weights = np.where(CHANCE.random(39) < 0.3, 0.0, CHANCE.normal(size=39))
    columns = design[5:].T[1:]
    with reference():
        expected = linear(columns, weights, 0.25)
    assert linear(columns, weights, 0.25).tobytes() == expected.tobytes()
    assert linear(np.ascontiguousarray(columns.T).T, weights, 0.25).tobytes() == expected.tobytes()  # another layout


@pytest.mark.parametrize("n", [1, 2, 3, 17, 120])
def test_equations_are_solved_with_the_bits_of_the_reference(n: int) -> None:
    root = CHANCE.normal(size=(n, n))
    matrix, right = root @ root.T + np.eye(n), CHANCE.normal(size=n)
    with reference():
        expected = solve(matrix, right)
    kept = matrix.copy()
    assert solve(matrix, right).tobytes() == expected.tobytes()
    assert matrix.tobytes() == kept.tobytes()


@pytest.mark.parametrize("seed", range(20))
def test_the_best_step_has_the_bits_of_the_reference(seed: int) -> None:
    chance = np.random.default_rng(seed)
    bins = chance.integers(0, BINS, 500) // (1 + seed % 3 * 20)
    parts = [chance.normal(size=500) * 10.0 ** (seed % 4), chance.random(500), chance.normal(size=500)]
    splits = np.unique(chance.integers(0, bins.max() + 1, 12))
    found, expected = [[part.copy() for part in parts] for _ in range(2)]
    with reference():
        table = _take_step(bins, *expected, splits)
    assert _take_step(bins, *found, splits).tobytes() == table.tobytes()
    assert [one.tobytes() for one in found] == [one.tobytes() for one in expected]


def test_a_bin_without_a_place_is_no_write_beyond_the_sums() -> None:
    parts = [np.ones(2) for _ in range(3)]
    for wrong in (-1, BINS):
        bins, splits = np.array([0, wrong]), np.array([0])
        assert not arrays.best_step(bins, *parts, splits, (1.0, 1.0, 1.0), np.empty(BINS))
        assert not arrays.best_step(np.array([0, 1]), *parts, bins, (1.0, 1.0, 1.0), np.empty(BINS))


@given(st.binary(max_size=40))
def test_base64_is_decoded_as_by_python(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    found = arrays.decoded(text)
    assert (found is None) == (content == b"")
    assert unpack_array(text, "u1").tobytes() == content


@pytest.mark.parametrize("text", ["AAAA*AAA", "AAA=AAAA", "AAAAA", "AAAé", "AA\nAAAAA"])
def test_what_is_not_plainly_base64_is_left_to_python(text: str) -> None:
    assert arrays.decoded(text) is None


@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "u1"])
def test_numbers_from_base64_can_be_changed(dtype: str) -> None:
    numbers = np.arange(7).astype(dtype)
    with reference():
        expected = unpack_array(pack_array(numbers), dtype)
    for found in (unpack_array(pack_array(numbers), dtype), expected):
        assert found.tobytes() == numbers.tobytes()
        found[0] = 9
