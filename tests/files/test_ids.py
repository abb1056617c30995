"""Customer ids as tools write them: what is no customer is refused, what a tool has changed is reported."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streams.files.formats import open_source
from tests.files.logs import VISIT, accepted, as_csv, as_jsonl, letters, rows_of, written


def visits(tmp_path: Path, *ids: str, form: str = "csv") -> str:
    write = as_csv if form == "csv" else as_jsonl
    return written(tmp_path, f"service_visits.{form}", write([VISIT | {"customer_id": one} for one in ids]))


def parquet(tmp_path: Path, **columns: pa.Array) -> str:
    n = max(map(len, columns.values()))
    sink = io.BytesIO()
    pq.write_table(pa.table({"customer_id": ["c"] * n, "event_time": ["2024-03-01T08:30:00Z"] * n} | columns), sink)
    return written(tmp_path, "service_visits.parquet", sink.getvalue())


def remarks(path: str) -> list[str]:
    source = open_source(path)
    for _ in source.chunks:
        pass
    return source.remarks()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("name", ["NULL", "null", "nan", "NaN", "\\N", "None", "N/A", "#N/A", "<NA>", "undefined"])
def test_a_word_for_nothing_is_no_customer(tmp_path: Path, form: str, name: str) -> None:
    path = visits(tmp_path, "c1", name, "c2", form=form)
    assert letters(path) == [(3 if form == "csv" else 2, "customer_id", "no_customer")]
    assert list(accepted(path)) == ["c1", "c2"]


@pytest.mark.parametrize("name", ["", " ", "\t "])
def test_an_empty_or_blank_cell_is_no_customer(tmp_path: Path, name: str) -> None:
    assert letters(visits(tmp_path, "c1", name)) == [(3, "customer_id", "missing")]


@pytest.mark.parametrize("name", ["Nullmann", "nancy", "none-1", "NA-17", "0"])
def test_an_id_that_only_begins_like_one_is_a_customer(tmp_path: Path, name: str) -> None:
    assert list(accepted(visits(tmp_path, name))) == [name]


def test_a_fraction_of_zero_and_blanks_are_left_out_and_reported_once(tmp_path: Path) -> None:
    path = visits(tmp_path, "17850.0", "17850", " 17850", "17850 ", "17850.000", "17850.")
    assert list(accepted(path)) == ["17850"] * 6
    [remark] = remarks(path)
    assert "'17850.0' is read as '17850', and 5 ids in all" in remark


@pytest.mark.parametrize("name", ["1.785E+04", "1.2345678901E10", "1e+05", "99999999999999999.0"])
def test_an_id_that_has_lost_digits_is_refused(tmp_path: Path, name: str) -> None:
    path = visits(tmp_path, "c1", name)
    assert letters(path) == [(3, "customer_id", "rounded")]


@pytest.mark.parametrize("name", ["12E5", "1E05", "1.2.0", "a.b@c.example", "00017", "17.50", "+49 170 1", "c 1", "-1"])
def test_an_id_that_only_looks_like_a_number_stays_as_it_is(tmp_path: Path, name: str) -> None:
    path = visits(tmp_path, name)
    assert list(accepted(path)) == [name]
    assert remarks(path) == []


@pytest.mark.parametrize(("name", "rule"), [("17850.0", "rounded"), (" 17850", "blank")])
def test_in_json_such_an_id_is_refused_since_lines_are_sent_as_they_are(tmp_path: Path, name: str, rule: str) -> None:
    assert letters(visits(tmp_path, "c1", name, form="jsonl")) == [(2, "customer_id", rule)]


@pytest.mark.parametrize(
    "column", [pa.array([17]), pa.array([17], pa.uint16()), pa.array([Decimal(17)]), pa.array(["17"])], ids=str
)
def test_integer_ids_of_parquet_are_text(tmp_path: Path, column: pa.Array) -> None:
    path = parquet(tmp_path, customer_id=column)
    assert list(accepted(path)) == ["17"]
    assert remarks(path) == []


def test_float_ids_of_parquet_are_read_as_whole_numbers_and_reported(tmp_path: Path) -> None:
    path = parquet(tmp_path, customer_id=pa.array([17.0, None, 18.0, float("nan"), 18.5, 1e17]))
    assert list(accepted(path)) == ["17", "18"]
    assert [row[0] for row in letters(path)] == [2, 4, 5, 6]
    assert "'17.0' is read as '17', and 2 ids in all" in remarks(path)[0]


def test_other_texts_of_parquet_may_be_numbers_too(tmp_path: Path) -> None:
    path = parquet(
        tmp_path, store_id=pa.array([7, None]), event_id=pa.array([1, 2]), service_type=pa.array([3.0, None])
    )
    rows = rows_of(path)
    assert [row.get("store_id") for row in rows] == ["7", None]
    assert [row["event_id"] for row in rows] == ["1", "2"]
    assert [row.get("service_type") for row in rows] == ["3", None]
    assert letters(path) == []
