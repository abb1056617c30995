"""What closed cases say of strategies: weights by tier, and a memory that is restarted."""

from __future__ import annotations

from dataclasses import replace

from schemas.alerts import AlertKind
from schemas.instants import WEEK_US, format_instant, parse_instant
from schemas.internal_messages import ReportMark
from streams.engine.observations import mark
from streams.engine.reports import Report
from streams.interventions.strategy_memory import StrategyMemory
from streams.profile.loading import load_profile
from streams.profile.strategy_sections import Exploration, Strategy

NAMES = ("call", "sms", "mail")
PROFILE = load_profile("after-sales").model_copy(
    update={
        "strategies": tuple(Strategy(name=name, tiers=("high",)) for name in NAMES),
        "exploration": Exploration(mode="adaptive"),
    }
)
MONDAY = parse_instant("2024-01-01T00:00:00Z")
Counts = dict[str, tuple[int, int]]


def week(number: int, shares: dict[str, float], n: int = 400) -> Counts:
    at = format_instant(MONDAY + number * WEEK_US)
    return {f"high/{at}/{name}": (n, round(n * share)) for name, share in shares.items()}


def test_without_closed_cases_all_get_about_the_same() -> None:
    shares = StrategyMemory(PROFILE).weights()["high"]
    assert list(shares) == list(NAMES)
    assert all(abs(share - 1 / 3) < 0.05 for share in shares.values())


def test_the_better_one_gets_more_and_the_others_the_floor() -> None:
    memory = StrategyMemory(PROFILE)
    memory.learn(week(0, {"call": 0.5, "sms": 0.3, "mail": 0.3}), MONDAY + 20 * WEEK_US)
    assert memory.weights() == {"high": {"call": 0.9, "sms": 0.05, "mail": 0.05}}


def test_a_fixed_profile_has_no_weights() -> None:
    fixed = PROFILE.model_copy(update={"exploration": Exploration()})
    assert StrategyMemory(fixed).weights() == {}


def test_any_split_of_the_counts_and_any_restart_gives_the_same_weights() -> None:
    whole, parts = StrategyMemory(PROFILE), StrategyMemory(PROFILE)
    one, other = week(0, {"call": 0.5, "sms": 0.4}), week(1, {"call": 0.4, "mail": 0.45})
    whole.learn(one | other, MONDAY + 20 * WEEK_US)
    parts.learn(one, MONDAY + 19 * WEEK_US)
    restored = StrategyMemory(PROFILE)
    restored.load(parts.state())
    restored.learn(other, MONDAY + 20 * WEEK_US)
    assert restored.weights() == whole.weights()


def test_a_strategy_that_loses_its_lift_is_restarted() -> None:
    memory, rules = StrategyMemory(PROFILE), PROFILE.case
    late_us = WEEK_US + rules.last_window_us + rules.save_horizon_us
    for number in range(30):
        fall = 0.5 if number < 10 else 0.35
        memory.learn(
            week(number, {"call": fall, "sms": 0.38, "mail": 0.38, "holdout": 0.3}),
            MONDAY + number * WEEK_US + late_us,
        )
    assert list(memory.restarted["high"]) == ["call"]
    assert memory.restarted["high"]["call"] > MONDAY + 10 * WEEK_US
    assert memory.weights()["high"]["call"] < 0.2, "what it did before no longer speaks for it"


def test_a_restart_is_told_for_four_weeks() -> None:
    memory, rules = StrategyMemory(PROFILE), PROFILE.case
    restarted_us = MONDAY + 30 * WEEK_US
    memory.restarted["high"] = {"call": restarted_us - WEEK_US - rules.last_window_us - rules.save_horizon_us}
    (alert,) = memory.alerts(restarted_us + 4 * WEEK_US - 1)
    assert (alert.kind, alert.subject) == (AlertKind.STRATEGY_TIRED, "high/call")
    assert memory.alerts(restarted_us + 4 * WEEK_US) == []


def test_weeks_that_are_long_over_are_forgotten() -> None:
    memory = StrategyMemory(PROFILE)
    memory.learn(week(0, {"call": 0.5}), MONDAY + 20 * WEEK_US)
    memory.learn({}, MONDAY + 200 * WEEK_US)
    assert memory.counts == {}


def test_measured_cases_reach_the_learner_in_a_mark_of_the_published_schema() -> None:
    report = replace(Report.empty(), closed=week(0, {"call": 0.5}))
    found = ReportMark.model_validate_json(mark(MONDAY, 0, report))
    assert found.closed == Report.unpacked(report.packed()).closed == week(0, {"call": 0.5})
