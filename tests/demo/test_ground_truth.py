"""How the demo evaluates its cases against the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schemas.instants import DAY_US, format_instant, parse_instant
from streams.demo.ground_truth import GroundTruth, example_customers, read_truth
from streams.demo.topic_watcher import TopicRecords

START_US = parse_instant("2024-01-01T00:00:00Z")
OPENS_US, END_US = START_US + 100 * DAY_US, START_US + 600 * DAY_US


def day(number: int) -> str:
    return format_instant(START_US + number * DAY_US)


def truth_of(
    folder: Path, truth: dict[str, tuple[int | None, int | None]], cases: list[tuple[str, int]]
) -> GroundTruth:
    """Writes truth.jsonl and reads it. truth: customer -> days of leaving and return; cases: (customer, day)."""
    lines = [
        {"customer_id": name, "left_at": left and day(left), "returned_at": back and day(back), "saved_at": None}
        for name, (left, back) in truth.items()
    ]
    (folder / "truth.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_truth(folder, records_of(cases), OPENS_US, END_US)


def records_of(cases: list[tuple[str, int]]) -> TopicRecords:
    records = TopicRecords()
    for name, at in cases:
        body: dict[str, Any] = {"customer_id": name, "crossed_at": day(at), "tier": "high"}
        records.take("interventions", json.dumps(body).encode())
    return records


def test_a_case_before_the_departure_is_early_and_one_after_it_is_late(tmp_path: Path) -> None:
    result = truth_of(tmp_path, {"a": (300, None), "b": (300, None)}, [("a", 260), ("b", 390)])
    assert result.early == [40.0, -90.0]


def test_a_case_long_before_the_departure_does_not_count_for_it(tmp_path: Path) -> None:
    assert truth_of(tmp_path, {"a": (500, None)}, [("a", 100)]).early == []


def test_a_case_is_right_from_half_a_year_before_the_departure_until_the_return(tmp_path: Path) -> None:
    truth: dict[str, tuple[int | None, int | None]] = {"a": (300, 400), "stays": (None, None)}
    assert truth_of(tmp_path, truth, [("a", 130), ("a", 399)]).precision == 1.0
    assert truth_of(tmp_path, truth, [("a", 110), ("a", 401), ("stays", 300)]).precision == 0.0


def test_who_left_in_history_could_have_no_case_and_is_counted_apart(tmp_path: Path) -> None:
    result = truth_of(tmp_path, {"a": (99, None), "b": (100, None)}, [])
    assert [customer.customer_id for customer in result.leavers] == ["b"]
    assert result.sentences()[1].startswith(
        "1 customers had left before the history ended. Of the 1 who have left since"
    )


def test_leavers_without_a_case_are_counted_too(tmp_path: Path) -> None:
    result = truth_of(tmp_path, {"a": (300, None), "b": (310, None), "c": (None, None)}, [("a", 290)])
    assert "Of the 2 who have left since, 1 had a case before" in result.sentences()[1]
    assert "1 none yet" in result.sentences()[1]


def test_the_false_alarm_and_the_missed_are_shown(tmp_path: Path) -> None:
    cases = [("alarm", 200), ("early", 250)]
    truth: dict[str, tuple[int | None, int | None]] = {"alarm": (None, None), "early": (300, None), "missed": (310, 0)}
    records = records_of(cases)
    for name in truth:
        records.scores[name] = [(START_US, 0.1)] * 30
    titles = {
        customer.customer_id: title for title, customer in example_customers(truth_of(tmp_path, truth, cases), records)
    }
    assert titles["alarm"].startswith("False alarm")
    assert titles["missed"].startswith("Missed")
