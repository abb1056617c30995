"""Baselines, and that none uses a label before it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schemas.instants import WEEK_US
from streams.evaluation import lightgbm_baseline, metrics
from streams.evaluation.baselines import Clock, Served, base_rate, recency, rfm_b
from streams.evaluation.observation_rows import RFM_B, Rows
from tests.evaluation.folders import Observation, crowd, rows_of

WEEKS = 8
Serve = Callable[[Rows, Clock], Served]


def no_time() -> float:
    return 0.0


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return rows_of(tmp_path_factory.mktemp("crowd") / "out", crowd(WEEKS, 500))


def boosted(rows: Rows, clock: Clock) -> Served:
    if missing := lightgbm_baseline.missing():
        pytest.skip(missing)
    return lightgbm_baseline.retrained_weekly(rows, clock)


def test_a_label_is_known_a_horizon_later(rows: Rows) -> None:
    assert rows.horizon_us == 2 * WEEK_US
    assert list(rows.known_weeks) == [0, 0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("serve", [recency, rfm_b, base_rate, boosted])
def test_labels_that_are_not_known_yet_change_nothing(serve: Serve, rows: Rows) -> None:
    week = 5
    turned = np.where(rows.week >= rows.known_weeks[week], 1 - rows.label, rows.label).astype(np.int8)
    now = rows.week == week
    plain, other = (serve(one, no_time).probability[now] for one in (rows, replace(rows, label=turned)))
    np.testing.assert_array_equal(plain, other)


@pytest.mark.parametrize("serve", [recency, rfm_b, base_rate, boosted])
def test_labels_that_are_known_are_used(serve: Serve, rows: Rows) -> None:
    week = 5
    turned = np.where(rows.week < rows.known_weeks[week], 1 - rows.label, rows.label).astype(np.int8)
    now = rows.week == week
    plain, other = (serve(one, no_time).probability[now] for one in (rows, replace(rows, label=turned)))
    assert not np.array_equal(plain, other)


@pytest.mark.parametrize("serve", [recency, rfm_b, base_rate, boosted])
def test_nothing_is_served_before_the_first_label(serve: Serve, rows: Rows) -> None:
    served = serve(rows, no_time).probability
    np.testing.assert_array_equal(np.isnan(served), rows.known_weeks[rows.week] == 0)


def test_the_base_rate_is_that_of_the_known_labels(rows: Rows) -> None:
    served = base_rate(rows, no_time).probability[rows.week == 6]
    np.testing.assert_allclose(served, rows.label[rows.week < 5].mean())


def test_recency_beats_the_base_rate_where_silent_customers_leave(rows: Rows) -> None:
    last = rows.week == WEEKS - 1
    ours, theirs = (
        metrics.log_loss(serve(rows, no_time).probability[last], rows.label[last]) for serve in (recency, base_rate)
    )
    assert ours < theirs - 0.05


def test_rfm_b_ranks_silent_and_rare_customers_first(tmp_path: Path) -> None:
    seen = [
        Observation("silent and rare", 0, recency_days=50, count=1),
        Observation("silent", 0, recency_days=50, count=9),
        Observation("rare", 0, recency_days=2, count=1),
        Observation("loyal", 0, recency_days=2, count=9),
    ]
    rows = rows_of(tmp_path / "out", seen)
    score = dict(zip([rows.names[i] for i in rows.customer], rfm_b(rows, no_time).score, strict=True))
    assert score["silent and rare"] == max(score.values())
    assert score["loyal"] == min(score.values())


def test_rfm_b_of_the_replay_is_taken_where_there_is_one(rows: Rows) -> None:
    score = np.linspace(0, 100, len(rows.label))
    served = rfm_b(replace(rows, features=rows.features | {RFM_B: score}), no_time)
    np.testing.assert_array_equal(served.score, -score)


def test_the_time_of_a_baseline_comes_from_the_clock(rows: Rows) -> None:
    times = iter([3.0, 5.5])
    assert base_rate(rows, lambda: next(times)).seconds == 2.5
