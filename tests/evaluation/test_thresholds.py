"""Warnings at other thresholds, on silences that are told by hand."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import numpy as np
import pytest

from schemas.instants import DAY_US, WEEK_US, parse_instant
from streams.evaluation import metrics
from streams.evaluation.observation_rows import NO_LABEL, Rows
from streams.evaluation.thresholds import Threshold, thresholds

START_US = parse_instant("2024-01-01T00:00:00Z")
HORIZON_WEEKS = 4


def rows(customers: list[list[tuple[float, float, int]]]) -> Rows:
    """Each customer's Mondays: weeks since the last visit, probability, label."""
    weeks = max(map(len, customers))
    table = [(week, number, *one) for number, mine in enumerate(customers) for week, one in enumerate(mine)]
    week, customer, recency, probability, label = map(np.array, zip(*sorted(table), strict=True))
    features = {"f_retained_recency": recency * 7.0, "f_tenure": np.full(len(week), 400.0)}
    features |= {name: np.zeros(len(week)) for name in ("f_retained_count", "f_spend_total", "f_activity_28d")}
    features |= {"f_rfm_b": np.zeros(len(week)), "f_gap_mean": np.full(len(week), 7.0)}
    return Rows(
        Path(), [f"c{i}" for i in range(len(customers))], customer, START_US + np.arange(weeks) * WEEK_US, week,
        probability, label.astype(np.int8), features, HORIZON_WEEKS * 7 * DAY_US, weeks,
    )  # fmt: skip


STAYS = [(0.5, 0.35, 0), (1.5, 0.55, 0), (0.5, 0.2, 0)]  # warned of above .3 and .5, and came back
LEAVES = [(0.5, 0.2, 1), (1.5, 0.6, 1), (2.5, 0.95, 1)]  # above .5 two and a half weeks before the horizon is over
OPEN = [(0.5, 0.2, NO_LABEL), (1.5, 0.9, NO_LABEL), (2.5, 0.95, NO_LABEL)]


def of(above: float) -> Threshold:
    return next(one for one in thresholds(rows([STAYS, LEAVES, OPEN])) if one.above == above)


@pytest.mark.parametrize(
    ("above", "warnings", "judged", "right", "in_time"),
    [(0.3, 3, 2, 1, 1), (0.5, 3, 2, 1, 1), (0.6, 2, 1, 1, 1), (0.9, 2, 1, 1, 1)],
)
def test_a_warning_is_the_first_prediction_of_a_silence_above_the_threshold(
    above: float, warnings: int, judged: int, right: int, in_time: int
) -> None:
    found = of(above)
    assert (found.warnings, found.judged, found.right, found.in_time) == (warnings, judged, right, in_time)
    assert (found.leavings, found.recall) == (1, 1.0)


def test_lead_time_is_up_to_the_end_of_the_horizon_of_silence() -> None:
    assert of(0.5).median_days_early == pytest.approx((HORIZON_WEEKS - 1.5) * 7)
    assert of(0.9).median_days_early == pytest.approx((HORIZON_WEEKS - 2.5) * 7)


def test_without_warnings_precision_is_unknown() -> None:
    assert isnan(thresholds(rows([[(0.5, 0.2, 0)]]))[0].precision)


def test_bins_of_equal_width_hold_each_prediction_once() -> None:
    p = np.array([0.0, 0.049, 0.05, 0.5, 0.549, 1.0])
    found = metrics.by_probability(p, np.array([0, 0, 0, 1, 0, 1], np.int8))
    assert [one.count for one in found] == [2, 1, 2, 1]
    assert found[2].happened == 0.5
