"""Files are sorted by event time: the rows of the sorted file, with the lines of the unsorted one."""

from __future__ import annotations

import base64
import json
import random
import tempfile
from pathlib import Path

import pytest

from schemas.errors import Failure
from streams.files.decoding import DecodedChunk, decode_source
from streams.files.formats import open_source
from streams.files.read_options import ReadOptions
from streams.files.sorted_rows import SortedRows
from tests.files.logs import NOW_US, as_csv, as_jsonl, as_parquet, decoded, letters, rows_of, written

OPTIONS = ReadOptions(derives_ids=False)
FORMS = {"csv": as_csv, "jsonl": as_jsonl, "parquet": as_parquet}
ROWS = [
    {
        "customer_id": f"c{i % 7}",
        "event_time": f"2024-03-{1 + i // 100:02}T{i // 4 % 24:02}:{i % 60:02}:00Z",
        "amount": i % 5,
    }
    for i in range(1_500)
] * 2  # each row twice: their ids differ in their number alone


def in_order(path: str, run_bytes: int) -> list[DecodedChunk]:
    source = SortedRows(open_source(path, OPTIONS), OPTIONS, run_bytes).sorted_source()
    return list(decode_source(source, NOW_US))


def values(chunks: list[DecodedChunk]) -> list[dict[str, object]]:
    return [json.loads(value) for chunk in chunks for value in chunk.values()]


@pytest.mark.parametrize("run_bytes", [1, 20_000, 1 << 30], ids=["a run a chunk", "some runs", "in memory"])
@pytest.mark.parametrize("form", FORMS)
def test_a_shuffled_file_gives_the_rows_of_the_sorted_one(tmp_path: Path, form: str, run_bytes: int) -> None:
    ordered = sorted(ROWS, key=lambda row: str(row["event_time"]))
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    expected = rows_of(written(tmp_path, f"service_visits.{form}", FORMS[form](ordered)))
    chunks = in_order(written(tmp_path, f"service_visits.{form}", FORMS[form](shuffled)), run_bytes)
    times = [row["event_time"] for row in values(chunks)]
    assert times == sorted(times)
    assert sorted(map(str, (sorted(row.items()) for row in values(chunks)))) == sorted(
        map(str, (sorted(row.items()) for row in expected))
    )


def test_rows_keep_their_lines(tmp_path: Path) -> None:
    shuffled = random.Random(2).sample(ROWS, len(ROWS))
    chunks = in_order(written(tmp_path, "service_visits.csv", as_csv(shuffled)), 20_000)
    lines = [line for chunk in chunks for line in chunk.lines.tolist()]
    assert sorted(lines) == list(range(2, len(ROWS) + 2))
    assert [shuffled[line - 2]["event_time"] for line in lines] == [row["event_time"] for row in values(chunks)]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_refused_rows_are_refused_with_their_lines_and_bytes(tmp_path: Path, form: str) -> None:
    good = FORMS[form]([ROWS[900], ROWS[3]]).splitlines(keepends=True)
    bad = {"csv": b'c,2024-03-01T00:00:00Z,"1"x\n', "jsonl": b'{"customer_id":\n'}[form]
    path = written(tmp_path, f"service_visits.{form}", b"".join([*good[:-1], bad, b"c\xff\n", good[-1]]))
    found = [letter for chunk in in_order(path, 1) for letter in chunk.letters]
    plain = [letter for chunk in decoded(path) for letter in chunk.letters]
    assert found == plain
    assert base64.b64decode(found[0]["value"]) == bad.rstrip() if form == "jsonl" else bad


def test_any_text_may_stand_for_a_kind(tmp_path: Path) -> None:
    rows = [
        ROWS[900] | {"kind": "service_visit"},
        ROWS[3] | {"kind": "\0"},
        ROWS[4] | {"kind": ""},
        ROWS[5] | {"kind": 7},
    ]
    path = written(tmp_path, "log.jsonl", as_jsonl(rows))
    found = [(one["line"], one["field"], one["rule"]) for chunk in in_order(path, 1) for one in chunk.letters]
    assert sorted(found) == letters(path)


def test_a_heartbeat_comes_behind_the_events_of_its_time(tmp_path: Path) -> None:
    beat = {"kind": "heartbeat", "event_time": "2024-03-02T00:00:00Z", "producer": "p"}
    events = [ROWS[0] | {"event_time": f"2024-03-0{day}T00:00:00Z"} for day in (3, 2, 1)]
    chunks = in_order(written(tmp_path, "service_visits.jsonl", as_jsonl([beat, *events])), 1)
    assert [row.get("kind") for row in values(chunks)] == [
        "service_visit",
        "service_visit",
        "heartbeat",
        "service_visit",
    ]


def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = written(tmp_path, "service_visits.csv", as_csv(ROWS))
    source = SortedRows(open_source(path, OPTIONS), OPTIONS, 1).sorted_source()
    next(source.chunks)
    assert [one.name for one in tmp_path.iterdir()] == ["service_visits.csv"]


def test_a_full_disk_is_a_failure_that_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    path = written(tmp_path, "service_visits.csv", as_csv(ROWS))
    with pytest.raises(Failure, match=r"cannot be sorted in .*No space left on device.*TMPDIR"):
        in_order(path, 1)
