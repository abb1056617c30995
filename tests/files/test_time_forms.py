"""Times that are not RFC 3339: what means one instant is read, the rest is refused with the option that would help."""

from __future__ import annotations

import io
import json
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.instants import format_instant
from streams.files.read_options import ReadOptions
from tests.files.logs import VISIT, as_csv, as_jsonl, decoded, letters, written

NAIVE = datetime.fromisoformat("2024-03-01T09:30:00")
RFC3339 = "2024-03-01T08:30:00Z"
TAKEN = {
    "2024-03-01t08:30:00z": RFC3339,
    "2024-03-01T08:30Z": RFC3339,
    "2024-03-01T09:30:00+0100": RFC3339,
    "2024-03-01T09:30:00+01": RFC3339,
    "2024-03-01 03:00:00-05:30": RFC3339,
    "2024-03-01T08:30:00,5Z": "2024-03-01T08:30:00.500000Z",
    "2024-03-01T08:30:00.1234567891Z": "2024-03-01T08:30:00.123456Z",
    "2024-03-01 08:30:00 Z": RFC3339,
    "2024-03-01 08:30:00 UTC": RFC3339,
    "2024-03-01 08:30:00+00": RFC3339,
}
REFUSED = [
    "2024-03-01T24:00:00Z",
    "2024-03-01T08:30:60Z",
    "2024-02-30T08:30:00Z",
    "2024-03-01T08:30:00+01:00[Europe/Madrid]",
    "2024-03-01T08:30:00 CET",
    "20240301T083000Z",
    "01/03/2024 08:30",
    "2024-W09-5",
    "2024-03-01X08:30:00Z",
    "1709281800 s",
]


def times(path: str, **options: str) -> list[str]:
    """Returns the times of the accepted events."""
    chunks = decoded(path, ReadOptions(**options))
    return [format_instant(us) for chunk in chunks for us in chunk.decoded.events.rows["time_us"].tolist()]


def log(tmp_path: Path, form: str, *values: object) -> str:
    write = as_csv if form == "csv" else as_jsonl
    return written(tmp_path, f"service_visits.{form}", write([VISIT | {"event_time": value} for value in values]))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_time_that_means_one_instant_is_read(tmp_path: Path, form: str) -> None:
    assert times(log(tmp_path, form, *TAKEN)) == list(TAKEN.values())


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("value", REFUSED)
def test_any_other_time_is_refused_in_its_row(tmp_path: Path, form: str, value: str) -> None:
    path = log(tmp_path, form, RFC3339, value, "2024-03-01T08:30Z")
    line = 3 if form == "csv" else 2
    assert [(row[0], row[1]) for row in letters(path, ReadOptions(time_zone="UTC"))] == [(line, "event_time")]
    assert times(path) == [RFC3339, RFC3339]


def test_a_line_with_a_time_that_is_read_otherwise_keeps_all_other_fields(tmp_path: Path) -> None:
    path = log(tmp_path, "jsonl", "2024-03-01 09:30:00+0100")
    [row] = [json.loads(value) for chunk in decoded(path) for value in chunk.values()]
    assert {name: row[name] for name in VISIT} == VISIT | {"event_time": RFC3339}


def test_a_key_that_occurs_twice_is_refused_whatever_its_time(tmp_path: Path) -> None:
    line = b'{"customer_id":"c","event_time":"2024-03-01 08:30Z","amount":1,"amount":2}\n'
    assert letters(written(tmp_path, "service_visits.jsonl", line)) == [(1, "amount", "duplicate_key")]


@pytest.mark.parametrize("value", ["2024-03-01 09:30:00", "2024-03-01T09:30", "2024-03-01 09:30:00.000"])
def test_a_time_without_an_offset_needs_a_zone(tmp_path: Path, value: str) -> None:
    path = log(tmp_path, "csv", value)
    assert "--time-zone" in sentences(path)[0]
    assert times(path, time_zone="Europe/Madrid") == [RFC3339]


def test_a_date_is_its_midnight_in_the_zone(tmp_path: Path) -> None:
    path = log(tmp_path, "csv", "2024-03-01")
    assert times(path, time_zone="Asia/Shanghai") == ["2024-02-29T16:00:00Z"]


@pytest.mark.parametrize("value", ["2023-10-29 02:30:00", "2023-03-26 02:30:00"], ids=["twice", "never"])
def test_a_time_in_the_night_when_clocks_change_is_refused_by_name(tmp_path: Path, value: str) -> None:
    path = log(tmp_path, "csv", value)
    assert "no instant, or two, in Europe/Madrid" in sentences(path, time_zone="Europe/Madrid")[0]


def test_an_offset_goes_before_the_zone(tmp_path: Path) -> None:
    assert times(log(tmp_path, "csv", "2024-03-01 08:30Z"), time_zone="Asia/Shanghai") == [RFC3339]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize(("unit", "value"), [("s", 1709281800), ("ms", 1709281800000), ("us", 1709281800000000)])
def test_a_count_since_1970_needs_its_unit(tmp_path: Path, form: str, unit: str, value: int) -> None:
    path = log(tmp_path, form, value)
    assert "--epoch" in sentences(path)[0]
    assert times(path, epoch=unit) == [RFC3339]


def test_a_count_in_a_wrong_unit_is_refused(tmp_path: Path) -> None:
    assert letters(log(tmp_path, "csv", 1709281800000), ReadOptions(epoch="s")) == [(2, "event_time", "rfc3339")]


@pytest.mark.parametrize(
    ("column", "instant"),
    [
        (pa.array([NAIVE]), RFC3339),
        (pa.array([NAIVE], pa.timestamp("ns")), RFC3339),
        (pa.array([date(2024, 3, 1)]), "2024-02-29T23:00:00Z"),
    ],
    ids=["us", "ns", "date"],
)
def test_a_parquet_column_without_a_zone_is_read_in_the_zone(tmp_path: Path, column: pa.Array, instant: str) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"customer_id": ["c"], "event_time": column}), sink)
    path = written(tmp_path, "service_visits.parquet", sink.getvalue())
    assert times(path, time_zone="Europe/Madrid") == [instant]


def test_a_parquet_column_of_counts_is_read_in_the_unit(tmp_path: Path) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"customer_id": ["c"], "event_time": [1709281800000]}), sink)
    path = written(tmp_path, "service_visits.parquet", sink.getvalue())
    assert times(path, epoch="ms") == [RFC3339]


def sentences(path: str, **options: str) -> list[str]:
    return [letter["sentence"] for chunk in decoded(path, ReadOptions(**options)) for letter in chunk.letters]
