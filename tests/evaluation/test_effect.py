"""The effect of cases, against the holdout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import Failure
from streams.evaluation.effect import effects, read
from streams.evaluation.tables import effects as table


def measured(n: int, returned: int, *, holdout: bool, tier: str = "high") -> list[dict[str, Any]]:
    return [{"status": "measured", "tier": tier, "holdout": holdout, "returned": i < returned} for i in range(n)]


def test_the_effect_is_the_difference_of_the_shares_that_returned() -> None:
    (found, high) = effects(measured(200, 120, holdout=False) + measured(100, 30, holdout=True))
    assert (found.tier, high.tier) == ("all", "high")
    assert (found.sent, found.held_out) == (200, 100)
    assert found.difference == pytest.approx(0.3)


def test_the_interval_is_that_of_the_paper() -> None:
    """Newcombe 1998, table II, case (a): 56 of 70 against 48 of 80."""
    found = effects(measured(70, 56, holdout=False) + measured(80, 48, holdout=True))[0]
    assert found.low == pytest.approx(0.0524, abs=1e-4)
    assert found.high == pytest.approx(0.3339, abs=1e-4)


def test_the_interval_covers_the_truth_at_its_nominal_rate() -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(400):
        cases = measured(300, int(rng.binomial(300, 0.5)), holdout=False)
        found = effects(cases + measured(40, int(rng.binomial(40, 0.3)), holdout=True))[0]
        hits += (found.low or 0.0) <= 0.2 <= (found.high or 0.0)
    assert hits / 400 == pytest.approx(0.95, abs=0.03)


def test_each_tier_has_its_own_effect() -> None:
    cases = measured(5, 5, holdout=False, tier="medium") + measured(5, 0, holdout=True, tier="high")
    assert [(one.tier, one.sent, one.held_out) for one in effects(cases)] == [
        ("all", 5, 5), ("high", 0, 5), ("medium", 5, 0),
    ]  # fmt: skip


def test_without_a_holdout_there_is_no_difference() -> None:
    found = effects(measured(5, 5, holdout=False))
    assert found[0].difference is None
    assert "<td" in table(found)


def test_the_first_measured_case_of_each_customer_in_the_folder_counts(tmp_path: Path) -> None:
    lines = [one | {"customer_id": f"c{i}"} for i, one in enumerate(measured(3, 1, holdout=False))]
    lines += [lines[0] | {"returned": False}, {"status": "closed", "tier": "high", "customer_id": "c9"}]
    (tmp_path / "intervention-updates.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert (read(tmp_path)[0].sent, read(tmp_path)[0].sent_returned) == (3, 1)


def test_a_replay_without_updates_has_no_effects(tmp_path: Path) -> None:
    assert read(tmp_path) == []


def test_what_is_no_update_is_refused(tmp_path: Path) -> None:
    (tmp_path / "intervention-updates.jsonl").write_text('{"status": "measured"}')
    with pytest.raises(Failure, match="run the replay again"):
        read(tmp_path)
