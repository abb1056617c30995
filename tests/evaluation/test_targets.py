"""The goals of the profile against what a replay measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import Failure
from streams.evaluation.effect import Effect
from streams.evaluation.targets import Target, read, targets
from streams.profile.loading import load_profile
from tests.evaluation.folders import instant

GOALS = load_profile("e-commerce").goals.model_dump(exclude={"auc", "response_us"})
NOTHING = (0, 0)
NOBODY = (0, 0, 90.0)


def folder(path: Path, cases: dict[str, list[dict[str, Any]]], lifecycle: str = "mature") -> Path:
    """A folder with these cases and their updates, each of which is measured at its end."""
    sent = [
        {"intervention_id": name, "lifecycle": lifecycle, "customer_value": 1000.0, "budget": {"amount": 100.0}}
        for name in cases
    ]
    updates = [
        {"intervention_id": name} | update
        for name, some in cases.items()
        for update in [*some, {"status": "measured", "returned": any("returned_at" in one for one in some)}]
    ]
    for file, lines in (("interventions.jsonl", sent), ("intervention-updates.jsonl", updates)):
        (path / file).write_text("\n".join(map(json.dumps, lines)))
    return path


def found(path: Path, cases: dict[str, list[dict[str, Any]]], lifecycle: str = "mature") -> dict[str, Target]:
    measured = targets(GOALS, read(folder(path, cases, lifecycle)), [], NOTHING, NOBODY)
    return {one.name: one for one in measured}


CONTACTED = {"status": "contacted", "state": "contacted", "contacted_at": instant(1)}
SAVED = {"status": "closed", "state": "saved", "contacted_at": instant(1), "returned_at": instant(7)}
LATE = {"status": "closed", "state": "saved", "contacted_at": instant(1), "returned_at": instant(9)}
LOST = {"status": "closed", "state": "lost", "contacted_at": instant(1)}
EXPIRED = {"status": "expired", "state": "expired"}
CAME = {"status": "withdrawn", "state": "withdrawn", "returned_at": instant(2)}


def test_reached_are_the_contacted_of_those_who_were_to_be_contacted(tmp_path: Path) -> None:
    one = found(tmp_path, {"a": [CONTACTED, LOST], "b": [EXPIRED], "c": [CAME]})["reached"]
    assert (one.measured, one.of, one.met) == (0.5, 2, False)


def test_saved_are_of_the_contacted(tmp_path: Path) -> None:
    one = found(tmp_path, {"a": [CONTACTED, SAVED], "b": [CONTACTED, LOST], "c": [EXPIRED]})["saved"]
    assert (one.measured, one.of, one.goal, one.met) == (0.5, 2, 0.35, True)


def test_a_return_counts_within_seven_days_of_the_contact(tmp_path: Path) -> None:
    one = found(tmp_path, {"a": [SAVED], "b": [LATE], "c": [LOST]})["returned_7d"]
    assert (one.measured, one.of) == (pytest.approx(1 / 3), 3)
    assert "at best 48%" in one.why


def test_an_answer_counts_among_the_contacted(tmp_path: Path) -> None:
    answered = {"status": "responded", "state": "responded", "contacted_at": instant(1)}
    one = found(tmp_path, {"a": [answered], "b": [CONTACTED]})["responded"]
    assert (one.measured, one.met) == (0.5, True)


def test_the_silent_who_came_back_were_woken(tmp_path: Path) -> None:
    assert found(tmp_path, {"a": [SAVED], "b": [LOST]}, "silent")["woken"].measured == 0.5
    assert found(tmp_path, {"a": [SAVED], "b": [LOST]}, "growing")["woken"].measured is None


def test_the_saved_are_counted_again(tmp_path: Path) -> None:
    again = [{"status": "followed_up", "bought_again": True}, {"status": "followed_up", "stayed": False}]
    measured = found(tmp_path, {"a": [SAVED, *again], "b": [SAVED]})
    assert (measured["bought_again"].measured, measured["bought_again"].of) == (1.0, 1)
    assert (measured["stayed"].measured, measured["stayed"].met) == (0.0, False)


def test_a_case_that_is_not_measured_yet_does_not_count(tmp_path: Path) -> None:
    folder(tmp_path, {"a": [SAVED]})
    (tmp_path / "intervention-updates.jsonl").write_text(json.dumps({"intervention_id": "a"} | SAVED))
    assert read(tmp_path) == []


def test_the_return_on_budgets_is_that_of_the_difference_to_the_holdout(tmp_path: Path) -> None:
    cases = read(folder(tmp_path, {"a": [SAVED], "b": [SAVED]}))
    effect = Effect("all", 2, 2, 1, 0, 0.5, 0.1, 0.9)
    (roi,) = [one for one in targets(GOALS, cases, [effect], NOTHING, NOBODY) if one.name == "roi"]
    assert roi.measured == (0.5 * 2000 - 200) / 200


def test_churn_is_shown_for_a_year_and_is_to_be_lower() -> None:
    (one,) = [one for one in targets(GOALS, [], [], NOTHING, (10, 100, 73.0)) if one.name == "churn_a_year_after"]
    assert one.measured == pytest.approx(1 - 0.9**5)
    assert (one.goal, one.met, one.why) == (0.28, False, "churn a year, at 38% before")


def test_precision_is_of_the_cases_whose_horizon_is_over() -> None:
    (one,) = [one for one in targets(GOALS, [], [], (9, 10), NOBODY) if one.name == "precision"]
    assert (one.measured, one.met) == (0.9, True)


def test_a_replay_of_an_earlier_release_has_no_goals() -> None:
    assert targets({}, [], [], NOTHING, NOBODY) == []


def test_a_line_that_is_no_update_is_refused(tmp_path: Path) -> None:
    (tmp_path / "intervention-updates.jsonl").write_text("{")
    with pytest.raises(Failure, match="not the cases of a replay"):
        read(tmp_path)
