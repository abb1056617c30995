"""The program of the catalogue gives the bits of NumPy for all features, whatever has happened to a customer."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import matrix, portable_math, program
from features.catalogue import FEATURES, NAMES
from features.portable_math import Array
from features.view import View
from schemas.columns import APP_ACTIVITY, SERVICE_VISIT, SURVEY, Rows, empty_rows
from schemas.instants import DAY_US
from schemas.native import arrays, compilers, loading
from tests.features.world import LAYOUT, START_US, applied, events
from tests.schemas.test_arrays import EDGES, has, reference, same_bits

pytestmark = pytest.mark.skipif(loading.loaded().compiled is None, reason=loading.loaded().told)
CHANCE, DAYS = np.random.default_rng(1), 500
OF_ONE = (np.floor, np.absolute, portable_math.log, portable_math.exp2_negative)
ZEROS = (np.maximum, np.minimum)
POSITIVE = [x for x in EDGES if 2.0**-1022 <= x < np.inf]  # what log takes


def by_numpy(block: Array, at_us: Array) -> Array:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix, "program", lambda layout: None)
        return matrix.values(View(LAYOUT, block, at_us))


def known() -> program.Program:
    found = program.program(LAYOUT)
    assert found is not None, "a feature is computed by an operation that compiled code does not have"
    return found


def differing(found: Array | None, expected: Array) -> list[str]:
    """The features with other bits."""
    assert found is not None
    assert found.shape == expected.shape
    return [name for name, a, b in zip(NAMES, found, expected, strict=True) if a.tobytes() != b.tobytes()]


def customers(n: int) -> tuple[Array, Array]:
    """Customers with few events and with many, one in five without any; each at an instant of its own."""
    block = np.concatenate([np.repeat(LAYOUT.empty[:, None], n, axis=1), np.zeros((3, n))])  # 3: columns of cases
    rows = empty_rows(n * 12)
    rows["id"], rows["kind"] = np.arange(len(rows)), CHANCE.choice([SERVICE_VISIT, APP_ACTIVITY, SURVEY], len(rows))
    rows["time_us"] = START_US + CHANCE.integers(0, DAYS * 24, len(rows)) * (DAY_US // 24)
    rows["code"], rows["count"], rows["items"] = CHANCE.integers(0, 2, len(rows)), 2, 3
    rows["amount"], rows["score"], rows["causes"] = (
        CHANCE.normal(100, 9, len(rows)),
        7,
        CHANCE.integers(0, 9, len(rows)),
    )
    group = (CHANCE.random(len(rows)) ** 2 * n).astype(np.intp) // 5 * 5 + CHANCE.integers(0, 4, len(rows))
    group = np.minimum(group, n - 1)
    order = np.lexsort((rows["id"], rows["kind"], rows["time_us"], group))
    end_us = START_US + DAYS * DAY_US
    LAYOUT.update(block, rows[order], group[order], np.full(n, float(end_us)))
    return block, end_us + CHANCE.integers(0, DAYS * DAY_US, n).astype(np.float64)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 255, 256, 257, 1000])
def test_any_number_of_customers_has_the_bits_of_numpy(n: int) -> None:
    block, at_us = customers(n)
    assert differing(known().run(block, at_us), by_numpy(block, at_us)) == []


@given(st.lists(events(), min_size=1, max_size=3), st.integers(0, 24 * 900))
def test_any_events_have_the_bits_of_numpy(of_each: list[Rows], hours_later: int) -> None:
    block = np.concatenate([applied([rows]) for rows in of_each], axis=1)
    last_us = max(int(rows["time_us"].max()) for rows in of_each)
    at_us = np.full(len(of_each), float(last_us + hours_later * DAY_US // 24))
    assert differing(known().run(block, at_us), by_numpy(block, at_us)) == []


@pytest.mark.parametrize("of", [*program.UFUNCS, *OF_ONE, np.where])
def test_an_operation_alone_has_the_bits_of_its_function(of: Callable[..., Array]) -> None:
    many = 1 if of in OF_ONE else 3 if of is np.where else 2
    numbers = np.array(list(product(POSITIVE if of is portable_math.log else EDGES, repeat=many))).T.copy()
    trace = program.Trace(many)
    node = trace.number(of(*(program.Symbol(trace, i) for i in range(many))))
    found = program._program(trace.nodes, [node] * len(FEATURES), many).run(numbers, numbers[0])
    with np.errstate(all="ignore"), reference():
        expected = of(numbers[0] != 0.0, *numbers[1:]) if of is np.where else of(*numbers)
    assert found is not None
    # 0.0: which zero the greater of 0.0 and -0.0 is depends on the processor, in NumPy
    assert (
        same_bits(found[0] + 0.0, expected + 0.0) if of in ZEROS else same_bits(found[0], expected.astype(np.float64))
    )
    assert all(row.tobytes() == found[0].tobytes() for row in found)


def test_nobody_and_columns_of_any_layout_are_taken() -> None:
    block, at_us = customers(40)
    assert known().run(block[:, :0], at_us[:0]).shape == (len(FEATURES), 0)  # type: ignore[union-attr]
    for part in (block[:, ::2], block[:, CHANCE.permutation(40)], np.asfortranarray(block)):
        at = at_us[: part.shape[1]]
        assert differing(known().run(part, at), by_numpy(np.ascontiguousarray(part), at)) == []


@pytest.mark.parametrize("instructions", ["sse2", "avx2", "avx512f"])
def test_every_set_of_vector_instructions_gives_the_same_bits(
    instructions: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = compilers.find()
    if not has(instructions) or compiler is None:
        pytest.skip(f"no compiler, or a processor without {instructions}")
    flags = (*compiler.flags, f"-m{instructions}", "-DFOR_ALL_VECTORS=")
    replace(compiler, flags=flags).compile([loading.SOURCES / "features.c"], tmp_path / "one.so", tmp_path)
    one = ctypes.CDLL(str(tmp_path / "one.so")).run_operations
    one.restype, *one.argtypes = arrays.SIGNATURES["run_operations"]
    (block, at_us), of_catalogue = customers(300), known()
    monkeypatch.setattr(program, "function", lambda name: one)
    assert differing(of_catalogue.run(block, at_us), by_numpy(block, at_us)) == []


def test_without_its_operation_a_feature_makes_numpy_compute_all(monkeypatch: pytest.MonkeyPatch) -> None:
    known()
    for compute in (lambda v: np.sqrt(v.tenure_days), lambda v: np.clip(v.tenure_days, 0.0, 1.0)):
        other = replace(FEATURES[-1], compute=compute)
        monkeypatch.setattr(program, "FEATURES", (*FEATURES[:-1], other))
        assert program.program.__wrapped__(LAYOUT) is None


@pytest.mark.parametrize("place", [-1, 1 << 20])
@pytest.mark.parametrize("operand", range(5))
def test_an_operation_without_a_place_is_no_read_or_write_elsewhere(operand: int, place: int) -> None:
    (block, at_us), one = customers(3), known()
    operations = one.operations.copy()
    operations[-1, operand] = place
    assert replace(one, operations=operations).run(block, at_us) is None
    assert replace(one, places=1 << 20).run(block, at_us) is None


def test_a_column_is_never_written() -> None:
    (block, at_us), one = customers(3), known()
    operations = one.operations.copy()
    operations[0, 1] = one.columns  # the instant
    assert replace(one, operations=operations).run(block, at_us) is None
