"""`keepline cases` on a replay's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len

from schemas.instants import parse_instant
from streams.cli import main
from tests.operations.cases.messages import Message, intervention, update, withheld

FILES = ("interventions.jsonl", "interventions-withheld.jsonl", "intervention-updates.jsonl")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    updates = [
        update("overdue", why="not_acknowledged", to="manager", state="open"),
        update("contacted", "i2", state="contacted", updated_at="2024-03-05T00:00:00Z"),
    ]
    sent = [intervention("i1"), intervention("i2", customer_id="berta", expected_net_value=2000.0)]
    for name, bodies in zip(FILES, (sent, [withheld("i3", customer_id="carl")], updates), strict=True):
        write(tmp_path / name, bodies)
    return tmp_path


def write(path: Path, bodies: list[Message]) -> None:
    path.write_bytes(b"".join(orjson.dumps(body) + b"\n" for body in bodies))


def json_output(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["cases", *words, "--json"]) == 0
    return orjson.loads(capsys.readouterr().out)


def ids(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    return [case["intervention_id"] for case in json_output(capsys, *words)["cases"]]


def test_the_list_is_ordered_by_expected_net_value(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ids(capsys, "--dir", str(folder)) == ["i2", "i1"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--state", "contacted"), ["i2"]),
        (("--state", "withheld"), ["i3"]),
        (("--due-today",), ["i1"]),
        (("--due-today", "--at", "2024-03-01T00:00:00Z"), []),
        (("--limit", "1"), ["i2"]),
        (("--agent", "zoe"), []),
        (("--scope", "pilot", "--tier", "high"), ["i2", "i1"]),
    ],
)
def test_filters(words: tuple[str, ...], expected: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ids(capsys, "--dir", str(folder), *words) == expected


def test_now_is_the_last_instant_of_the_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json_output(capsys, "--dir", str(folder))["at"] == "2024-03-05T00:00:00Z"


def test_deadlines_are_the_profile_s(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = json_output(capsys, "--dir", str(folder), "--due-today", "--set", "case.contact_within=2d")["cases"]
    assert {"what": "contact", "at": "2024-03-03T00:00:00Z"} in one["due"]


@pytest.mark.parametrize("name", ["i1", "anna"])
def test_a_case_is_shown_with_its_history(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = json_output(capsys, "show", name, "--dir", str(folder))
    assert (one["intervention_id"], [entry["status"] for entry in one["history"]], one["to"]) == (
        "i1", ["overdue"], "manager",
    )  # fmt: skip


def test_the_source_may_be_given_before_show(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json_output(capsys, "--dir", str(folder), "show", "i1")["intervention_id"] == "i1"


@pytest.mark.parametrize(
    "words", [("--profile", "e-commerce", "show", "i1"), ("show", "i1", "--profile", "e-commerce")]
)
def test_the_profile_may_be_given_before_show_or_after(
    words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / FILES[2], [update("overdue", to="own adviser", state="open")])
    assert main(["cases", "--dir", str(folder), "--lang", "zh", *words]) == 0
    assert "专属顾问" in capsys.readouterr().out


def test_the_curve_has_the_replay_s_probabilities_of_the_customer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = [parse_instant("2024-02-26T00:00:00Z")] * 2
    columns = {"observed_at": pa.array(at, pa.timestamp("us", "UTC")), "customer_id": ["anna", "berta"]}
    pq.write_table(pa.table(columns | {"probability": [0.25, 0.9]}), folder / "examples.parquet")
    assert json_output(capsys, "show", "i1", "--dir", str(folder))["curve"] == [
        {"at": "2024-02-26T00:00:00Z", "probability": 0.25},
        {"at": "2024-03-01T00:00:00Z", "probability": 0.6},
    ]


def test_the_terminal_shows_expected_net_value_and_missed_deadlines(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["cases", "--dir", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["1,000", "anna", "high", "0.60", "open", "contact", "24", "h", "late", "7d", "manager"] in map(
        str.split, lines
    )


def test_the_terminal_shows_a_case_s_reasons_and_history(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "show", "i1", "--dir", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "Came 2 times" in out
    assert "overdue: not acknowledged; now with manager" in out


def columns(capsys: pytest.CaptureFixture[str], *words: str, title: str = "reasons") -> list[str]:
    """Returns the lines of the section on reasons."""
    assert main(["cases", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index(title) + 1
    return lines[start : lines.index("", start)]


def test_the_reasons_are_shown_as_a_sum(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = columns(capsys, "show", "i1", "--dir", str(folder))
    assert [float(line.split()[0]) for line in shown] == [-0.5, 0.5, 0.5, -0.2, 0.1, 0.4]
    assert "in all: p 0.60" in shown[-1]


def test_the_reasons_are_shown_in_chinese(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = columns(capsys, "show", "i1", "--dir", str(folder), "--lang", "zh", title="原因")
    assert "给我们打了 3 分（满分 10）" in shown[1]
    assert not any("Rated" in line or "everything" in line for line in shown)


def test_the_list_gives_its_first_reason_in_chinese(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["cases", "--dir", str(folder), "--lang", "zh"]) == 0
    assert "给我们打了 3 分" in capsys.readouterr().out


def test_wide_characters_keep_the_columns_of_the_list(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["cases", "--dir", str(folder), "--lang", "zh"]) == 0
    assert {cell_len(line) for line in capsys.readouterr().out.splitlines()[2:] if line} == {100}


def test_an_unknown_case_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "show", "zoe", "--dir", str(folder)]) == 1
    assert capsys.readouterr().err.startswith("keepline: no case of zoe")


def test_a_folder_of_something_else_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "--dir", str(tmp_path)]) == 2
    assert "interventions.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize("line", [b"{", b"{}", b"[]"])
def test_a_broken_line_is_named(line: bytes, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / FILES[2]).write_bytes(orjson.dumps(update("overdue")) + b"\n" + line)
    assert main(["cases", "--dir", str(folder)]) == 2
    assert "intervention-updates.jsonl line 2" in capsys.readouterr().err


def test_updates_without_a_case_are_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / FILES[2], [update("expired", "gone", state="expired")])
    assert main(["cases", "--dir", str(folder), "--json"]) == 0
    assert "read neither as sent nor as withheld: 1 expired" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--at", "yesterday"], ["--lang", "fr"], ["--limit", "0"], ["--state", "odd"], ["show"]]
)
def test_options_that_cannot_be_parsed_are_wrong_use(words: list[str], folder: Path) -> None:
    assert main(["cases", "--dir", str(folder), *words]) == 2
