"""`case.opens_from`: history is learned from, and nobody is told or asked anything about it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from schemas.instants import parse_instant
from streams.simulation import write_city
from tests.replay.runs import SHORT, Run, replay

START_US, DAY = parse_instant("2023-01-02T00:00:00Z"), "2023-12-01"
FROM_US, A_DAY = parse_instant(f"{DAY}T00:00:00Z"), 2
HISTORY = (*SHORT, f"case.opens_from={DAY}", f"case.backlog_a_day={A_DAY}")
MESSAGES = {
    "interventions.jsonl": "decided_at",
    "interventions-withheld.jsonl": "decided_at",
    "intervention-updates.jsonl": "updated_at",
    "touches.jsonl": "touched_at",
    "tasks.jsonl": "updated_at",
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("city")
    write_city(folder, 200, 400, START_US, seed=3)
    return [path for path in sorted(folder.glob("*.jsonl")) if path.stem != "truth"]


@pytest.fixture(scope="module")
def with_history(paths: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return replay(tmp_path_factory.mktemp("with") / "out", paths, HISTORY, "e-commerce", scores=False)


@pytest.fixture(scope="module")
def without(paths: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return replay(tmp_path_factory.mktemp("without") / "out", paths, SHORT, "e-commerce", scores=False)


@pytest.mark.parametrize("name", MESSAGES)
def test_no_message_is_about_history_but_about_what_follows(name: str, with_history: Run, without: Run) -> None:
    at = [parse_instant(body[MESSAGES[name]]) for body in with_history.lines(name)]
    assert at
    assert min(at) > FROM_US
    assert any(parse_instant(body[MESSAGES[name]]) <= FROM_US for body in without.lines(name))


def test_the_model_is_ready_when_the_history_ends(with_history: Run) -> None:
    served = [body for body in with_history.lines("models.jsonl") if body["instant_us"] <= FROM_US]
    assert served[-1]["hold"] == "NOTHING"


def test_who_was_above_the_threshold_at_the_end_of_the_history_has_turns_day_by_day(with_history: Run) -> None:
    days = Counter(
        body["decided_at"][:10] for body in with_history.lines("interventions.jsonl") if body["opened_by"] == "backlog"
    )
    assert sum(days.values()) > A_DAY
    assert max(days.values()) <= A_DAY


def test_signs_that_held_at_the_end_of_the_history_do_not_begin_then(with_history: Run, without: Run) -> None:
    def most_a_day(run: Run) -> int:
        days = Counter(body["touched_at"][:10] for body in run.lines("touches.jsonl") if body["touched_at"] > DAY)
        return max(days.values())

    assert most_a_day(with_history) <= 2 * most_a_day(without)
