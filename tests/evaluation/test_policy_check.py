"""`keepline profile check`: figures recounted in plain Python, what it proposes, and any folder."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.instants import DAY_US, format_instant
from streams.cli import main
from streams.profile.layers import SHIPPED_IN
from tests.evaluation.folders import START_US, Observation, instant, write

Capture = pytest.CaptureFixture[str]


def opened(day: float, tier: str = "high", by: str = "crossing") -> bytes:
    fields = {"customer_id": "c1", "crossed_at": instant(day), "decided_at": instant(day)}
    return json.dumps(fields | {"tier": tier, "opened_by": by}).encode()


def checked(folder: Path, capsys: Capture, *options: str, code: int = 0) -> dict[str, Any]:
    assert main(["profile", "check", str(folder), "--json", *options]) == code
    body: dict[str, Any] = json.loads(capsys.readouterr().out)
    return body


def graded(leaves: float) -> list[Observation]:
    """A thousand customers whose probabilities are 0.0005, 0.0015, ...; the `leaves` riskiest of them leave."""
    return [Observation(f"c{i:03}", 0, int(i >= 1000 * (1 - leaves)), (i + 0.5) / 1000) for i in range(1000)]


def test_shares_precision_and_recall_are_those_of_a_plain_count(tmp_path: Path, capsys: Capture) -> None:
    draw = random.Random(1)
    seen = [Observation(f"c{i}", i % 3, draw.choice([0, 1, None]), draw.random()) for i in range(300)]
    found = checked(write(tmp_path / "out", seen), capsys)
    known = [one for one in seen if one.label is not None]
    assert (found["observations"], found["labelled"]) == (300, len(known))
    assert found["base_rate"] == pytest.approx(sum(one.label == 1 for one in known) / len(known))
    for row in found["thresholds"]:
        above = [one for one in known if one.probability > row["threshold"]]
        right = sum(one.label == 1 for one in above)
        assert row["above"] == pytest.approx(sum(one.probability > row["threshold"] for one in seen) / 300)
        assert row["precision"] == pytest.approx(right / len(above) if above else None)
        assert row["recall"] == pytest.approx(right / sum(one.label == 1 for one in known))
    high = next(tier for tier in found["tiers"] if tier["name"] == "high")
    assert high["observed"] == pytest.approx(sum(0.5 < one.probability <= 0.7 for one in seen) / 300)


def test_it_proposes_a_threshold_and_tiers_with_the_shares_of_the_sheet(tmp_path: Path, capsys: Capture) -> None:
    found = checked(write(tmp_path / "out", graded(0.18)), capsys)
    assert found["proposed_threshold"] == pytest.approx(0.89, abs=0.001)
    assert [tier["proposed"] for tier in found["tiers"]] == pytest.approx([0.97, 0.89, 0.77, None], abs=0.001)
    above = next(row["above"] for row in found["thresholds"] if row["threshold"] == found["proposed_threshold"])
    assert above == pytest.approx(0.11, abs=0.001)
    again = checked(tmp_path / "out", capsys, *(f"--set={setting}" for setting in found["settings"]))
    assert [tier["observed"] for tier in again["tiers"]] == pytest.approx([0.03, 0.08, 0.12, 0.77], abs=0.002)


def test_customers_who_have_left_by_their_own_due_date_take_none_of_the_shares(tmp_path: Path, capsys: Capture) -> None:
    gone = [Observation(f"gone{i}", 0, 1, 0.95, recency_days=100, count=5, gap_days=30) for i in range(250)]
    found = checked(write(tmp_path / "out", [*graded(0.18), *gone]), capsys)
    assert (found["observations"], found["gone"]) == (1000, pytest.approx(0.2))
    assert found["proposed_threshold"] == pytest.approx(0.89, abs=0.001)
    assert found["base_rate"] == pytest.approx(0.18, abs=0.002)


def test_where_most_leave_it_says_that_the_threshold_means_little_and_exits_1(tmp_path: Path, capsys: Capture) -> None:
    folder = write(tmp_path / "out", graded(0.6))
    assert checked(folder, capsys, code=1)["means_little"]
    assert main(["profile", "check", str(folder)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "0.5 means little here: 60.0% of the observed leave" in said


def test_cases_a_day_are_compared_with_the_teams(tmp_path: Path, capsys: Capture) -> None:
    team = '\n[[limits.teams]]\nname = "calls"\nwho = "service advisor"\nagents = 1\ncases_a_day = 2\n'
    profile = tmp_path / "mine.toml"
    profile.write_text((SHIPPED_IN / "after-sales.toml").read_text().replace("\n[goals]", f"{team}\n[goals]"))
    cases = [*[opened(1)] * 3, opened(2, "extreme", "backlog"), *[opened(9)] * 2]
    found = checked(write(tmp_path / "out", graded(0.18), cases), capsys, "--profile", str(profile))["cases"]
    assert (found["cases"], found["from_backlog"], found["first"], found["busiest"]) == (6, 1, "2024-01-02", 3)
    assert found["first_month"][:9] == [3, 1, 0, 0, 0, 0, 0, 0, 2]
    assert (found["capacity"], found["days_above_capacity"]) == (2, 1)


def test_weeks_are_whole_and_one_case_is_one_case(tmp_path: Path, capsys: Capture) -> None:
    cases = [opened(day) for day in (0, 1, 7, 27, 28, 29)]
    main(["profile", "check", str(write(tmp_path / "out", graded(0.18), cases))])
    said = " ".join(capsys.readouterr().out.split())
    assert "cases in its first 4 weeks: 2, 1, 0, 1" in said
    assert "they give 1 case a day." in said


def test_it_says_when_the_replay_ran_with_another_profile(tmp_path: Path, capsys: Capture) -> None:
    main(["profile", "check", str(write(tmp_path / "out", graded(0.18)))])
    assert "the replay ran with made-up, it is compared with after-sales-" in capsys.readouterr().err


def test_no_line_is_wider_than_80_columns(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    cases = [opened(day) for day in range(20)]
    assert main(["profile", "check", str(write(tmp_path / "out", graded(0.6), cases))]) == 1
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("seen", [[], [Observation("a", 0, None, 0.4)], [Observation("a", 0, 1, 0.9)]])
def test_few_observations_or_none_are_figures_too(seen: list[Observation], tmp_path: Path, capsys: Capture) -> None:
    folder = write(tmp_path / "out", seen)
    code = int(any(one.label == 1 for one in seen))
    found = checked(folder, capsys, code=code)
    assert found["observations"] == len(seen)
    assert (found["base_rate"] is None) == (not code)
    assert main(["profile", "check", str(folder)]) == code


def test_where_many_probabilities_are_equal_no_settings_are_proposed(tmp_path: Path, capsys: Capture) -> None:
    found = checked(write(tmp_path / "out", [Observation(f"c{i}", 0, 0, 0.2) for i in range(50)]), capsys)
    assert found["settings"] == []
    assert "the profile would refuse them" in found["advice"][-1]


def rewritten(folder: Path, **columns: Any) -> None:
    table = pq.read_table(folder / "examples.parquet")
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pq.write_table(table, folder / "examples.parquet")


HOSTILE = {
    "a probability above 1": {"probability": pa.array([0.5, 1.5])},
    "no probability": {"probability": pa.array([0.5, None], pa.float64())},
    "not a number": {"probability": pa.array([0.5, float("nan")])},
    "text for a probability": {"probability": pa.array(["much", "little"])},
    "text for an instant": {"observed_at": pa.array(["now", "then"])},
    "another label": {"label": pa.array([0, 7], pa.int8())},
    "text for a label": {"label": pa.array(["yes", "no"])},
}


@pytest.mark.parametrize("columns", HOSTILE.values(), ids=HOSTILE)
def test_columns_of_something_else_are_a_failure_with_the_file(
    columns: dict[str, Any], tmp_path: Path, capsys: Capture
) -> None:
    folder = write(tmp_path / "out", [Observation("a", 0, 1), Observation("b", 0, 0)])
    rewritten(folder, **columns)
    assert main(["profile", "check", str(folder)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "examples.parquet" in line
    assert "bug" not in line


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"7", b"{}", b'{"decided_at": 5, "tier": "high"}', b'{"decided_at": "soon", "tier": "x"}']
)
def test_lines_that_are_no_interventions_are_a_failure_with_the_file(
    line: bytes, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["profile", "check", str(write(tmp_path / "out", graded(0.1), [line]))]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "interventions.jsonl: not the interventions of a replay" in said


def test_any_bytes_in_the_files_of_the_folder_end_with_one_line(tmp_path: Path, capsys: Capture) -> None:
    draw = random.Random(7)
    folder = write(tmp_path / "out", graded(0.1), [opened(1)])
    for name in ("examples.parquet", "interventions.jsonl", "summary.json"):
        whole = (folder / name).read_bytes()
        for _ in range(15):
            at, cut = draw.randrange(len(whole)), draw.randrange(1, 40)
            (folder / name).write_bytes(whole[:at] + draw.randbytes(draw.randrange(9)) + whole[at + cut :])
            assert main(["profile", "check", str(folder), "--json"]) in (0, 1)
            said = capsys.readouterr().err
            assert "bug" not in said, said
        (folder / name).write_bytes(whole)


def test_a_folder_that_is_no_replay_is_wrong_use(tmp_path: Path, capsys: Capture) -> None:
    assert main(["profile", "check", str(tmp_path)]) == 2
    assert "keepline replay --out" in capsys.readouterr().err


def test_a_tier_from_the_file_cannot_steer_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    late = format_instant(START_US + 400 * DAY_US)
    case = json.dumps({"decided_at": late, "tier": "\x1b[2J[bold]", "opened_by": ["x"]}).encode()
    assert main(["profile", "check", str(write(tmp_path / "out", graded(0.1), [case]))]) == 0
    assert "\x1b" not in capsys.readouterr().out
