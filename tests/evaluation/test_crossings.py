"""Crossings: what was said where customers crossed, and what happened, by who let them pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.evaluation import lead_time
from streams.evaluation.crossings import READY, Crossings, crossings
from streams.evaluation.observation_rows import read
from tests.evaluation.folders import Observation, case, write

WEEKS = 6
LEFT = [Observation("left", week, int(week >= 1), recency_days=7.0 * week + 1) for week in range(WEEKS)]
STAYED = [Observation("stayed", week, 0) for week in range(WEEKS)]


def judged(folder: Path, sent: list[bytes], withheld: list[bytes]) -> dict[str, Crossings]:
    rows, _ = read(write(folder / "out", [*LEFT, *STAYED], sent, withheld))
    found = lead_time.read(folder / "out", rows)
    assert found is not None
    return {one.name: one for one in crossings(*found, rows)}


def test_what_was_said_stands_beside_what_happened(tmp_path: Path) -> None:
    sent = [case("left", 10, probability=0.7), case("stayed", 10, probability=0.6)]
    found = judged(tmp_path, sent, [])["sent"]
    assert (found.crossings, found.judged, found.left) == (2, 2, 0.5)
    assert found.said == pytest.approx(0.65)
    assert found.difference.value == pytest.approx(0.15)


def test_crossings_of_a_model_that_was_not_ready_stand_apart(tmp_path: Path) -> None:
    withheld = [
        case("left", 10, probability=0.9, withheld_reason="model_not_ready"),
        case("stayed", 10, probability=0.6, withheld_reason="consent"),
    ]
    found = judged(tmp_path, [], withheld)
    assert {name: one.crossings for name, one in found.items()} == {READY: 1, "consent": 1, "model_not_ready": 1}


def test_a_crossing_whose_horizon_is_not_over_is_counted_but_not_judged(tmp_path: Path) -> None:
    later = [Observation("new", 4, None, recency_days=1), Observation("new", 5, None, recency_days=8)]
    rows, _ = read(write(tmp_path / "out", [*STAYED, *later], [case("new", 30, probability=0.6)]))
    found = lead_time.read(tmp_path / "out", rows)
    assert found is not None
    (_, sent) = crossings(*found, rows)
    assert (sent.crossings, sent.judged) == (1, 0)


def test_crossings_of_one_week_count_as_one_for_the_interval(tmp_path: Path) -> None:
    people = [f"c{i:03}" for i in range(60)]
    seen = [Observation(name, week, 0) for name in people for week in range(WEEKS)]
    widths = []
    for folder, day in (("apart", lambda i: 1 + i % 30), ("together", lambda i: 1 + 7 * (i % 2))):
        sent = [case(name, day(i), probability=0.6 + 0.3 * (i % 2)) for i, name in enumerate(people)]
        rows, _ = read(write(tmp_path / folder, seen, sent))
        found = lead_time.read(tmp_path / folder, rows)
        assert found is not None
        difference = crossings(*found, rows)[0].difference
        widths.append(difference.high - difference.low)
    assert widths[0] < widths[1]
