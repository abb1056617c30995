"""The stop-loss in a whole replay: cases that were worked on and lost stop those that would follow."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.replay.runs import SHORT, Event, Run, replay, write_jsonl

STRICT = (*SHORT, "case.save_horizon=7d", "stop_loss.least_saved=0.99", "stop_loss.least_judged=5")


def contacted(case: Event) -> Event:
    """The CRM calls an hour after it has got the case."""
    called = datetime.fromisoformat(case["decided_at"]) + timedelta(hours=1)
    return {
        "event_id": f"{case['intervention_id']}-contacted", "kind": "intervention_outcome", "schema_version": 1,
        "customer_id": case["customer_id"], "event_time": called.isoformat(), "producer": "crm",
        "intervention_id": case["intervention_id"], "status": "contacted",
    }  # fmt: skip


@pytest.fixture(scope="module")
def runs(log: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """Without a CRM, and with one."""
    folder = tmp_path_factory.mktemp("stop-loss")
    alone = replay(folder / "alone", [log], STRICT, scores=False)
    outcomes = write_jsonl(folder / "outcomes.jsonl", list(map(contacted, alone.lines("interventions.jsonl"))))
    return alone, replay(folder / "called", [log, outcomes], STRICT, scores=False)


def test_cases_that_nobody_calls_stop_nothing(runs: tuple[Run, Run]) -> None:
    alone, _ = runs
    assert "withheld_stop_loss" not in alone.summary
    assert all(model["judged"] == {} for model in map(json.loads, (alone.folder / "models.jsonl").open()))


def test_after_enough_lost_cases_none_opens_and_the_replay_says_why(runs: tuple[Run, Run]) -> None:
    alone, called = runs
    version = called.summary["policy_version"]
    models = called.lines("models.jsonl")
    held = [model for model in models if model["judged"].get(version, [0, 0])[0] >= 5]
    cases, saved = held[0]["judged"][version]
    assert saved < 0.99 * cases
    since = datetime.fromtimestamp(held[0]["instant_us"] / 1e6, UTC)
    stopped = [one for one in called.lines("interventions-withheld.jsonl") if one["withheld_reason"] == "stop_loss"]
    assert len(stopped) == called.summary["withheld_stop_loss"] > 0
    begun = min(datetime.fromisoformat(one["decided_at"]) for one in stopped)
    opened = [datetime.fromisoformat(case["decided_at"]) for case in called.lines("interventions.jsonl")]
    assert opened, "nothing was opened before"
    assert max(opened) <= since <= begun
    assert any(datetime.fromisoformat(case["decided_at"]) > since for case in alone.lines("interventions.jsonl"))
