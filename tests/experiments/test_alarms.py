"""Alarms on the split and on fatigue: they come when something is wrong, and hardly ever else."""

from __future__ import annotations

import numpy as np
import pytest

from streams.experiments.fatigue import Fatigue
from streams.experiments.sample_ratio import SampleRatio


@pytest.mark.parametrize(("share", "least", "most"), [(0.08, 0.95, 1.0), (0.1, 0.0, 0.02)])
def test_a_splitter_that_holds_out_too_few_is_found_and_a_healthy_one_is_left_alone(
    share: float, least: float, most: float
) -> None:
    rng, runs = np.random.default_rng(2), 200
    alarm, raised = SampleRatio((runs,)), np.zeros(runs, bool)
    for _ in range(40):
        alarm.add(rng.random((runs, 500)) < share, np.full((runs, 500), 0.1))
        raised |= alarm.is_wrong()
    assert least <= raised.mean() <= most


def test_propensities_may_differ_from_case_to_case() -> None:
    rng, runs = np.random.default_rng(2), 100
    alarm = SampleRatio((runs,))
    p = rng.uniform(0.05, 0.5, (runs, 5000))
    alarm.add(rng.random(p.shape) < p, p)
    assert not alarm.is_wrong().any()
    assert np.abs(alarm.drawn - alarm.expected).max() < 5 * np.sqrt(5000 * 0.25)


def weeks_of(lifts: list[float], *, season: float = 0.0, runs: int = 200) -> np.ndarray:
    """Whether the alarm was ever on. lifts: of the first strategy, week by week."""
    rng, alarm, raised = np.random.default_rng(4), Fatigue((runs,)), np.zeros(runs, bool)
    for week, lift in enumerate(lifts):
        base = 0.35 + season * np.sin(2.0 * np.pi * week / 52.0)
        n = rng.multinomial(7000, [0.1, 0.45, 0.45], runs)
        hits = rng.binomial(n, [base, base + lift, base + 0.06])
        alarm.add(1, n.astype(np.float64), hits.astype(np.float64))
        raised |= alarm.is_tired()
    return raised


def test_a_strategy_that_tires_is_found_in_half_a_year() -> None:
    assert weeks_of([0.03 + 0.09 * 0.5 ** (week / 6.0) for week in range(26)]).mean() >= 0.95


def test_one_that_tires_after_a_year_is_found_too() -> None:
    assert weeks_of([0.12] * 52 + [0.03 + 0.09 * 0.5 ** (week / 6.0) for week in range(26)]).mean() >= 0.95


def test_a_season_and_a_lift_that_stays_raise_no_alarm() -> None:
    assert weeks_of([0.12] * 52, season=0.1).mean() <= 0.07


def test_a_week_without_enough_cases_is_left_out() -> None:
    alarm = Fatigue()
    for _ in range(3):
        alarm.add(0, np.array([100.0, 2.0]), np.array([50.0, 1.0]))
    assert float(alarm.evidence) == 1.0
