"""What `replay`, `publish` and `validate` report about files, and their exit codes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streams.cli import main
from streams.kafka import publish

HEADER = "customer_id,event_time,amount"
OPTIONS: dict[str, tuple[list[str], list[str], str]] = {
    # name: (lines of the file, options that read it, what the sentence names)
    "counts since 1970": ([f"c{i},16725600{i:02}000,5" for i in range(50)], ["--epoch", "ms"], "--epoch"),
    "no offset": (
        [f"c{i},2023-01-01 08:{i:02}:00,5" for i in range(50)],
        ["--time-zone", "Europe/Madrid"],
        "--time-zone",
    ),
    "decimal commas": ([f'c{i},2023-01-01T08:{i:02}:00Z,"1,5"' for i in range(50)], ["--decimal", ","], "--decimal"),
    "another encoding": (
        [f"上海{i},2023-01-01T08:{i:02}:00Z,5" for i in range(50)],
        ["--encoding", "gbk"],
        "--encoding",
    ),
}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What `publish` sends."""
    rows: list[bytes] = []

    async def instead(settings: object, files: object, open_ticks: Any, options: object, say: object) -> int:
        rows.extend(row.value for _, part in open_ticks() for row in part)
        return len(rows)

    monkeypatch.setattr(publish, "publish", instead)
    monkeypatch.setenv("KEEPLINE_BROKERS", "localhost:9")
    return rows


def visits(tmp_path: Path, lines: Sequence[str], name: str = "service_visits.csv", encoding: str = "utf-8") -> str:
    path = tmp_path / name
    path.write_bytes("\n".join([HEADER, *lines, ""]).encode(encoding))
    return str(path)


def summary(tmp_path: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((tmp_path / "out/summary.json").read_bytes())
    return body


def replay(tmp_path: Path, *options: str) -> int:
    return main(["replay", *options, "--out", str(tmp_path / "out")])


def good(i: int) -> str:
    return f"c{i},2023-01-{1 + i // 10:02}T08:{i % 60:02}:00Z,5"


@pytest.mark.parametrize("name", OPTIONS)
def test_a_file_refused_as_a_whole_ends_with_one_sentence_and_is_read_with_the_option_that_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sent: list[bytes], name: str
) -> None:
    lines, options, named = OPTIONS[name]
    path = visits(tmp_path, lines, encoding="gbk" if name == "another encoding" else "utf-8")
    assert replay(tmp_path, path) == 1
    from_replay = capsys.readouterr().err
    assert main(["publish", path]) == 1
    assert sent == []
    from_publish = capsys.readouterr().err
    for error in (from_replay, from_publish):
        assert error.startswith("keepline: service_visits.csv: 50 of 50 rows refused (100.0%")
        assert "the first in line 2, field " in error
        assert named in error
        assert error.count("\n") == 1
    assert from_publish.endswith("; nothing was sent\n")
    assert main(["validate", path]) == 1
    assert main(["validate", path, *options]) == 0
    assert replay(tmp_path, path, *options) == 0
    assert summary(tmp_path)["events_applied"] == 50
    assert main(["publish", path, *options]) == 0
    assert len(sent) == 50


@pytest.mark.parametrize(("bad", "code"), [(1, 0), (2, 1)], ids=["one in a hundred", "two in a hundred"])
def test_more_than_one_row_in_a_hundred_may_not_be_refused(
    tmp_path: Path, sent: list[bytes], bad: int, code: int
) -> None:
    path = visits(tmp_path, [good(i) for i in range(100 - bad)] + ["c,never,5"] * bad)
    assert replay(tmp_path, path) == code
    assert main(["publish", path]) == code
    assert replay(tmp_path, path, "--allow-refused", "0.02") == 0
    assert summary(tmp_path)["events_rejected"] == bad
    assert main(["publish", path, "--allow-refused", "0.02"]) == 0
    assert len(sent) == 100 * (2 - code)  # refused rows are sent too: the worker writes their dead letters


def test_the_share_is_that_of_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = visits(tmp_path, [good(i) for i in range(290)] * 2)
    small = visits(tmp_path, ["c,never,5"] * 2, "service_visits_2.csv")
    assert replay(tmp_path, large, small) == 1
    assert "service_visits_2.csv: 2 of 2 rows refused" in capsys.readouterr().err


def test_a_log_sorted_by_customer_is_sorted_by_time_and_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sent: list[bytes]
) -> None:
    lines = [f"c{c},2023-01-{day:02}T08:00:00Z,5" for c in range(9) for day in range(1, 29)]
    path = visits(tmp_path, lines)
    said = "keepline: not in time order, sorted by event_time: service_visits.csv\n"
    assert replay(tmp_path, path) == 0
    assert capsys.readouterr().err == said
    assert (summary(tmp_path)["events_applied"], summary(tmp_path)["events_late"]) == (252, 0)
    assert main(["publish", path]) == 0
    assert capsys.readouterr().err == said
    times = [json.loads(value)["event_time"] for value in sent]
    assert times == sorted(times)
    assert main(["validate", path]) == 0
    assert "sorted by event_time: service_visits.csv" in capsys.readouterr().out


@pytest.mark.parametrize("place", [0, 50, 100], ids=["first", "in the middle", "last"])
@pytest.mark.parametrize("time", ["2024-01-11T08:00:00Z", "2023-10-11T08:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_row_with_a_wrong_year_is_refused_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sent: list[bytes], place: int, time: str
) -> None:
    lines = [good(i) for i in range(100)]
    lines.insert(place, f"c7,{time},5")
    path = visits(tmp_path, lines)
    assert replay(tmp_path, path) == 0
    error = capsys.readouterr().err
    assert f"1 of 101 rows refused, the first in line {place + 2:,}, field event_time, rule runaway: " in error
    assert error.count("\n") == 1  # not sorted: without that row the file is in order
    [letter] = [json.loads(line) for line in (tmp_path / "out/dead-letters.jsonl").read_bytes().splitlines()]
    assert (letter["line"], letter["rule"]) == (place + 2, "runaway")
    assert summary(tmp_path)["events_applied"] == 100
    assert main(["publish", path]) == 0
    assert len(sent) == 100


@pytest.mark.parametrize("place", [0, 50, 100], ids=["first", "in the middle", "last"])
@pytest.mark.parametrize("time", ["2022-01-11T08:00:00Z", "2024-01-11T08:00:00Z"])
def test_a_row_far_away_counts_where_the_longest_gap_allows_it(tmp_path: Path, place: int, time: str) -> None:
    lines = [good(i) for i in range(100)]
    lines.insert(place, f"c7,{time},5")
    assert replay(tmp_path, visits(tmp_path, lines), "--longest-gap", "400d") == 0
    assert summary(tmp_path)["events_applied"] == 101


def test_rows_that_run_away_are_found_across_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = visits(tmp_path, [good(i) for i in range(100)])
    small = visits(tmp_path, ["c1,2025-01-01T00:00:00Z,5"], "service_visits_2.csv")
    assert replay(tmp_path, small, large, "--allow-refused", "1") == 0
    assert "service_visits_2.csv: 1 of 1 rows refused, the first in line 2" in capsys.readouterr().err


def test_a_file_that_begins_later_than_the_others_does_not_run_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = visits(tmp_path, [good(i) for i in range(100)])
    later = visits(tmp_path, [good(i).replace("2023-01", "2023-08") for i in range(100)], "service_visits_2.csv")
    assert replay(tmp_path, first, later) == 0
    assert capsys.readouterr().err == ""
    assert summary(tmp_path)["events_applied"] == 200


def test_ids_that_were_read_otherwise_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sent: list[bytes]
) -> None:
    path = visits(tmp_path, [f"{i}.0,2023-01-01T08:{i:02}:00Z,5" for i in range(50)])
    for command in (["replay", path, "--out", str(tmp_path / "out")], ["publish", path], ["validate", path]):
        assert main(command) == 0
        assert "customer_id '0.0' is read as '0', and 50 ids in all like it" in capsys.readouterr().err
    assert summary(tmp_path)["customers"] == 50


def test_a_month_s_file_of_gzip_without_its_ending_is_read(tmp_path: Path) -> None:
    path = tmp_path / "service_visits_2023-01.csv"
    path.write_bytes(gzip.compress("\n".join([HEADER, good(1)]).encode()))
    assert replay(tmp_path, str(path)) == 0


def test_parquet_without_a_zone_is_refused_at_once_and_read_with_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "service_visits.parquet"
    at = pa.array([1_672_560_000_000_000], pa.timestamp("us"))
    pq.write_table(pa.table({"customer_id": [17], "event_time": at}), path)
    assert replay(tmp_path, str(path)) == 2
    assert "--time-zone" in capsys.readouterr().err
    assert replay(tmp_path, str(path), "--time-zone", "UTC") == 0


def test_a_file_of_another_kind_is_named_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "--customers", "10", "--days", "5", "--out", str(tmp_path / "city")]) == 0
    capsys.readouterr()
    assert replay(tmp_path, *map(str, sorted((tmp_path / "city").glob("*.jsonl")))) == 2
    assert "truth.jsonl: has no events" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "command", [["replay"], ["simulate", "--customers", "5", "--days", "3"]], ids=["replay", "city"]
)
def test_a_folder_with_files_of_others_is_refused_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/thesis.txt").write_text("a year of work")
    files = [visits(tmp_path, [good(1)])] * (command == ["replay"])
    assert main([*command, *files, "--out", str(tmp_path / "ours")]) == 2
    error = capsys.readouterr().err
    assert "thesis.txt" in error
    assert error.count("\n") == 1
    assert [one.name for one in (tmp_path / "ours").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    "options",
    [
        ["--kind", "visit"],
        ["--encoding", "hex"],
        ["--delimiter", "ab"],
        ["--decimal", ";"],
        ["--time-zone", "Mars"],
        ["--epoch", "h"],
        ["--longest-gap", "5m"],
        ["--allow-refused", "2"],
        ["--allow-refused", "nan"],
    ],
    ids=lambda options: " ".join(options),
)
def test_a_wrong_value_of_an_option_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert replay(tmp_path, visits(tmp_path, [good(1)]), *options) == 2
    error = capsys.readouterr().err
    assert options[0] in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 5_000 + "]" * 5_000,
        "[label]\nhorizon = " + "[" * 200 + "]" * 200,
        "[label" + ".a" * 5_000 + "]",
        "x = " + "9" * 5_000,
        "[label]\nhorizon = 0x" + "f" * 5_000,
    ],
    ids=["nested lists", "a nested value", "nested tables", "many digits", "many hexadecimal digits"],
)
def test_a_profile_nested_too_deep_or_with_too_large_a_number_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "p.toml").write_text(text)
    assert main(["validate", visits(tmp_path, [good(1)]), "--profile", str(tmp_path / "p.toml")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", ["validate", "publish", "replay"])
def test_a_key_that_would_clear_the_terminal_is_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sent: list[bytes], command: str
) -> None:
    log = tmp_path / "service_visits.jsonl"
    log.write_text('{"\\u001b[2J": 1, "\\u001b[2J": 2}\n')
    main([command, str(log), *(["--out", str(tmp_path / "out")] if command == "replay" else [])])
    said = "".join(capsys.readouterr())
    assert "x1b[2J" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("command", ["replay", "validate", "publish"])
def test_amounts_in_another_currency_are_named_with_what_to_do(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], sent: list[bytes]
) -> None:
    path = tmp_path / "service_visits.csv"
    path.write_text("customer_id,event_time,amount,currency\nc1,2023-01-01T08:00:00Z,5,USD\n")
    out = ["--out", str(tmp_path / "out")] if command == "replay" else []
    assert main([command, str(path), *out]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "currency" in line]
    assert "amounts in USD count as unknown: the profile's currency is CNY" in line
