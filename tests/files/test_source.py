"""Names of files, and the errors for wrong names and unreadable files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import Failure, UsageError
from streams.files.formats import open_source
from streams.files.read_options import ReadOptions
from tests.files.logs import (
    VISIT,
    accepted,
    as_csv,
    as_jsonl,
    as_parquet,
    decoded,
    gz,
    letters,
    rows_of,
    written,
    zst,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("service_visits.csv", "service_visit"),
        ("service-visit.csv", "service_visit"),
        ("Service_Visits.CSV", "service_visit"),
        ("app_activities.csv", "app_activity"),
        ("app-activity.csv", "app_activity"),
        ("surveys.csv", "survey"),
        ("intervention-outcomes.csv", "intervention_outcome"),
        ("customer_profile.csv", "customer_profile"),
        ("service_visits_2023-01.csv", "service_visit"),
        ("service-visits.part-00001.csv", "service_visit"),
        ("2023-01_surveys.csv", "survey"),
        ("app_activity (2).csv", "app_activity"),
    ],
)
def test_the_stem_names_the_kind(tmp_path: Path, name: str, kind: str) -> None:
    header = b"customer_id,event_time,activity_type,survey_type,score,intervention_id,status\n"
    assert open_source(written(tmp_path, name, header)).kind == kind


@pytest.mark.parametrize("pack", [bytes, gz, zst], ids=["plain", "gz", "zst"])
@pytest.mark.parametrize(
    ("form", "write"),
    [("csv", as_csv), ("jsonl", as_jsonl), ("parquet", as_parquet)],
    ids=["csv", "jsonl", "parquet"],
)
def test_every_format_is_read_in_every_compression(tmp_path: Path, form, write, pack) -> None:
    suffix = {bytes: "", gz: ".gz", zst: ".zst"}[pack]
    path = written(tmp_path, f"service_visits.{form}{suffix}", pack(write([VISIT])))
    assert [row["amount"] for row in rows_of(path)] == [12.5]


def test_a_stem_that_names_no_kind_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'visits' names no kind of event.*service_visits"):
        open_source(written(tmp_path, "visits.csv", as_csv([VISIT])))


@pytest.mark.parametrize("name", ["service_visits_old.csv", "my_surveys_1.csv", "2023-01.csv", "service_visitsx1.csv"])
def test_other_words_beside_a_kind_name_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"names no kind of event.*--kind"):
        open_source(written(tmp_path, name, as_csv([VISIT])))


@pytest.mark.parametrize(("name", "kind"), [("export.csv", "service_visit"), ("app_activity.csv", "app_activity")])
def test_the_option_names_the_kind_where_the_stem_names_none(tmp_path: Path, name: str, kind: str) -> None:
    path = written(tmp_path, name, b"customer_id,event_time,activity_type\n")
    assert open_source(path, ReadOptions(kind="service_visit")).kind == kind


def test_the_option_names_the_kind_of_lines_without_one(tmp_path: Path) -> None:
    options = ReadOptions(kind="service_visit")
    assert list(accepted(written(tmp_path, "log.jsonl", as_jsonl([VISIT])), options)) == ["c1"]


@pytest.mark.parametrize("row", [{"customer_id": "c1", "left_at": None}, {"kind": "truth"}, {"kind": ["survey"]}])
def test_a_jsonl_of_objects_that_are_no_events_is_named_at_once(tmp_path: Path, row: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"truth\.jsonl: has no events: the object in its first line has"):
        open_source(written(tmp_path, "truth.jsonl", as_jsonl([row] * 1_000)))


@pytest.mark.parametrize("pack", [gz, zst], ids=["gz", "zst"])
@pytest.mark.parametrize(
    ("name", "write"),
    [("service_visits.csv", as_csv), ("service_visits.jsonl", as_jsonl), ("service_visits.parquet", as_parquet)],
)
def test_compression_is_seen_in_the_first_bytes(tmp_path: Path, name: str, write, pack) -> None:
    assert list(accepted(written(tmp_path, name, pack(write([VISIT]))))) == ["c1"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\x03\x04....", "a zip archive or an Excel workbook"),
        (bz2.compress(b"x"), "compressed with bzip2"),
        (lzma.compress(b"x"), "compressed with xz"),
        (pa.compress(b"x", "lz4", asbytes=True), "compressed with lz4"),
        (as_parquet([VISIT]), "is Parquet; let its name end in .parquet"),
    ],
    ids=["zip", "bz2", "xz", "lz4", "parquet"],
)
def test_what_is_not_read_is_named(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        open_source(written(tmp_path, "service_visits.csv", data))


@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_too_many_columns_are_refused_in_one_line(tmp_path: Path, write) -> None:
    name = "service_visits.csv" if write is as_csv else "service_visits.parquet"
    row = VISIT | {f"c{i}": 1 for i in range(20_000)}
    with pytest.raises(UsageError, match=r"has 20,004 columns, expected at most 1,000"):
        open_source(written(tmp_path, name, write([row])))


def test_of_many_columns_the_first_are_named(tmp_path: Path) -> None:
    header = ",".join(f"c{i}" for i in range(500)).encode()
    with pytest.raises(UsageError, match=r"found 'c0', .*'c19' and 480 more"):
        open_source(written(tmp_path, "service_visits.csv", header + b"\n"))


def test_a_jsonl_of_any_name_is_read_by_the_kind_of_each_line(tmp_path: Path) -> None:
    path = written(tmp_path, "log.jsonl", as_jsonl([VISIT | {"kind": "service_visit"}]))
    assert list(accepted(path)) == ["c1"]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a file named \.jsonl, \.csv, \.parquet"):
        open_source(written(tmp_path, "service_visits.txt", b""))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"surveys\.csv: no such file"):
        open_source(str(tmp_path / "surveys.csv"))


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "surveys.csv").mkdir()
    with pytest.raises(UsageError, match="is not a file"):
        open_source(str(tmp_path / "surveys.csv"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_failure(tmp_path: Path) -> None:
    path = written(tmp_path, "service_visits.csv", as_csv([VISIT]))
    Path(path).chmod(0)
    with pytest.raises(Failure, match="Permission denied"):
        open_source(path)


@pytest.mark.parametrize("name", ["service_visits.csv.gz", "log.jsonl.gz", "service_visits.parquet.gz"])
@pytest.mark.parametrize("what", ["not gzip", "cut off", "wrong checksum"])
def test_a_damaged_gzip_is_a_failure_that_names_the_file(tmp_path: Path, name: str, what: str) -> None:
    good = gzip.compress(as_csv([VISIT] * 1000))
    data = {"not gzip": b"customer_id", "cut off": good[:-12], "wrong checksum": good[:-8] + bytes(8)}[what]
    with pytest.raises(Failure, match=f"{name}: cannot be read"):
        rows_of(written(tmp_path, name, data))


def test_several_gzips_one_after_another_are_one_file(tmp_path: Path) -> None:
    path = written(tmp_path, "service_visits.csv.gz", gz(as_csv([VISIT])) + gz(b"c2,2024-03-02T00:00:00Z,1,1\n"))
    assert list(accepted(path)) == ["c1", "c2"]


def test_another_format_named_parquet_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be read"):
        open_source(written(tmp_path, "surveys.parquet", b"PAR1 but no more"))


@pytest.mark.parametrize("name", ["service_visits.csv", "service_visits.csv.gz"])
def test_an_empty_csv_has_no_header(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="has no header"):
        open_source(written(tmp_path, name, b""))


def test_an_empty_jsonl_is_a_log_without_events(tmp_path: Path) -> None:
    assert decoded(written(tmp_path, "log.jsonl", b"")) == []


@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_a_header_without_rows_is_a_log_without_events(tmp_path: Path, write) -> None:
    name = "service_visits.csv" if write is as_csv else "service_visits.parquet"
    assert decoded(written(tmp_path, name, write([]))) == []


@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path, write) -> None:
    name = "surveys.csv" if write is as_csv else "surveys.parquet"
    with pytest.raises(UsageError, match="survey needs the column event_time, score, survey_type; found 'customer_id'"):
        open_source(written(tmp_path, name, write([{"customer_id": "c1"}])))


def test_a_column_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="column 'amount' occurs twice"):
        open_source(written(tmp_path, "service_visits.csv", b"customer_id,event_time,amount,amount\n"))


def test_a_utf16_file_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is UTF-16; save it as UTF-8"):
        open_source(written(tmp_path, "service_visits.csv", as_csv([VISIT]).decode().encode("utf-16")))


@pytest.mark.parametrize(("name", "write"), [("service_visits.csv", as_csv), ("service_visits.jsonl", as_jsonl)])
def test_a_byte_order_mark_and_carriage_returns_change_nothing(tmp_path: Path, name: str, write) -> None:
    data = write([VISIT, VISIT | {"customer_id": "c2"}]).replace(b"\r\n", b"\n")
    plain = rows_of(written(tmp_path, name, data))
    assert rows_of(written(tmp_path, name, b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"))) == plain


def test_dead_letters_name_file_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, "service_visits.csv", as_csv([VISIT, VISIT | {"amount": -1}]))
    assert letters(path) == [(3, "amount", "greater_than_equal")]
    assert decoded(path)[0].letters[0]["file"] == "service_visits.csv"
