"""Typed columns, and the event fields they become."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import Failure, UsageError
from tests.files.logs import VISIT, decoded, letters, rows_of, written

AT = datetime(2024, 3, 1, 8, 30, 0, 250_000, UTC)
TEXT = "2024-03-01T08:30:00.250000Z"


def visits(tmp_path: Path, **columns: Any) -> str:
    n = max(len(column) for column in columns.values())
    base = {"customer_id": ["c"] * n, "event_time": ["2024-03-01T08:30:00Z"] * n}
    sink = io.BytesIO()
    pq.write_table(pa.table(base | columns), sink)
    return written(tmp_path, "service_visits.parquet", sink.getvalue())


@pytest.mark.parametrize(
    "kind", [pa.timestamp(u, z) for u in ("ms", "us", "ns") for z in ("UTC", "Asia/Shanghai")], ids=str
)
def test_timestamps_become_rfc3339_in_utc(tmp_path: Path, kind: pa.DataType) -> None:
    [row] = rows_of(visits(tmp_path, event_time=pa.array([AT], kind)))
    assert row["event_time"] == TEXT


def test_digits_beyond_microseconds_are_cut(tmp_path: Path) -> None:
    at = pa.array([1_709_281_800_250_000_999], pa.timestamp("ns", "UTC"))
    assert rows_of(visits(tmp_path, event_time=at))[0]["event_time"] == TEXT


@pytest.mark.parametrize(
    "values", [pa.array([AT.replace(tzinfo=None)]), pa.array([date(2024, 3, 1)])], ids=["naive", "date"]
)
def test_times_without_a_zone_are_refused_with_what_to_do(tmp_path: Path, values: pa.Array) -> None:
    with pytest.raises(UsageError, match="names no time zone; write it as a timestamp with a time zone"):
        rows_of(visits(tmp_path, event_time=values))


def test_a_time_beyond_the_calendar_is_refused_in_its_row(tmp_path: Path) -> None:
    at = pa.array([2**60, 0], pa.timestamp("us", "UTC"))
    assert letters(visits(tmp_path, event_time=at)) == [(1, "event_time", "rfc3339")]


def test_null_and_nan_are_absent(tmp_path: Path) -> None:
    rows = rows_of(
        visits(
            tmp_path,
            amount=[float("nan"), None, 2.5],
            items=pa.array([None, 1, 2]),
            store_id=["a", None, "b"],
        )
    )
    assert [(r.get("amount"), r.get("items"), r.get("store_id")) for r in rows] == [
        (None, None, "a"),
        (None, 1, None),
        (2.5, 2, "b"),
    ]


def test_a_missing_time_is_refused_in_its_row(tmp_path: Path) -> None:
    at = pa.array([AT, None], pa.timestamp("us", "UTC"))
    assert letters(visits(tmp_path, event_time=at)) == [(2, "event_time", "missing")]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (pa.array([2.0]), 2),
        (pa.array([2.5], pa.float32()), 2.5),
        (pa.array([Decimal("2.50")]), 2.5),
        (pa.array([2], pa.uint8()), 2),
        (pa.array(["2"]), "2"),
        (pa.array([True]), True),
    ],
    ids=["whole", "float32", "decimal", "uint8", "text", "truth"],
)
def test_numbers_of_any_type_are_read_and_nothing_is_guessed(tmp_path: Path, column: pa.Array, value: Any) -> None:
    [row] = rows_of(visits(tmp_path, amount=column))
    assert (row["amount"], type(row["amount"])) == (value, type(value))


@pytest.mark.parametrize("kind", [pa.large_string(), pa.binary(), pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_texts_of_any_type_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    column = pa.array([b"s1"], kind) if pa.types.is_binary(kind) else pa.array(["s1"]).cast(kind)
    assert rows_of(visits(tmp_path, store_id=column))[0]["store_id"] == "s1"


BYTES = pa.array([b"\xff"])
LIST = pa.ListArray.from_arrays([0, 1], BYTES.view(pa.string()))


@pytest.mark.parametrize("column", [BYTES, BYTES.view(pa.string()), LIST], ids=["bytes", "text", "list"])
def test_bytes_that_are_not_text_are_a_failure(tmp_path: Path, column: pa.Array) -> None:
    with pytest.raises(Failure, match="cannot be read"):
        rows_of(visits(tmp_path, store_id=column))


def test_lists_are_kept(tmp_path: Path) -> None:
    sink = io.BytesIO()
    pq.write_table(
        pa.table(
            {
                "customer_id": ["c"],
                "event_time": ["2024-03-01T08:30:00Z"],
                "survey_type": ["nps"],
                "score": [3],
                "causes": [["price", "service"]],
            }
        ),
        sink,
    )
    path = written(tmp_path, "surveys.parquet", sink.getvalue())
    assert rows_of(path)[0]["causes"] == ["price", "service"]
    assert letters(path) == []


def test_rows_are_numbered_from_one_across_row_groups(tmp_path: Path) -> None:
    sink = io.BytesIO()
    rows = 20_000
    amounts = np.ones(rows)
    amounts[[0, 9_999, rows - 1]] = -1
    table = pa.table({"customer_id": ["c"] * rows, "event_time": [VISIT["event_time"]] * rows, "amount": amounts})
    pq.write_table(table, sink, row_group_size=3_000)
    path = written(tmp_path, "service_visits.parquet", sink.getvalue())
    assert [line for line, _, _ in letters(path)] == [1, 10_000, rows]
    assert sum(chunk.size for chunk in decoded(path)) == rows
