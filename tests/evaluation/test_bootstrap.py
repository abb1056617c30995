"""Intervals: of the textbook's width, by customer, and paired."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.evaluation import metrics
from streams.evaluation.baselines import Served
from streams.evaluation.bootstrap import auc_tally, brier_tally, calibration_tally, estimate, loss_tally, resample
from streams.evaluation.comparison import compare
from streams.evaluation.observation_rows import Rows
from streams.evaluation.over_time import metrics_over_time
from tests.evaluation.folders import Observation, crowd, rows_of


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return rows_of(tmp_path_factory.mktemp("crowd") / "out", crowd(6, 400))


def test_the_first_replicate_is_the_data_itself(rows: Rows) -> None:
    p, label = rows.probability, rows.label
    part = metrics.equal_mass(p, 15)
    tallies = [auc_tally(p, label), loss_tally(p, label), brier_tally(p, label), calibration_tally(p, label, part)]
    drawn = resample(tallies, rows, rows.week)[:, 1, 0, -1]
    plain = [metric(p, label) for metric in (metrics.auc, metrics.log_loss, metrics.brier, metrics.ece)]
    np.testing.assert_allclose(drawn, plain, atol=1e-4)


def test_a_week_alone_is_evaluated_on_its_own_rows(rows: Rows) -> None:
    found, third = metrics_over_time(rows).weeks[2].alone, rows.only(rows.week == 2)
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(third.probability, third.label))
    assert found["ece"].value == pytest.approx(metrics.ece(third.probability, third.label))


def test_up_to_a_week_counts_the_weeks_before(rows: Rows) -> None:
    found, until = metrics_over_time(rows).weeks[2].so_far, rows.only(rows.week <= 2)
    assert found["auc"].value == pytest.approx(metrics.auc(until.probability, until.label), abs=1e-4)


def test_the_second_half_is_that_of_the_instants_with_labels(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "out", crowd(9, 40, matured=6))
    judged = rows.only(rows.labelled)
    later = judged.only(judged.week >= 3)
    expected = metrics.log_loss(later.probability, later.label)
    assert metrics_over_time(judged).second_half["log_loss"].value == pytest.approx(expected)


def test_the_interval_of_a_mean_over_independent_customers_has_its_textbook_width(rows: Rows) -> None:
    one = rows.only(rows.week == 0)
    found = estimate(resample([loss_tally(one.probability, one.label)], one, one.week)[0, 1, :, -1])
    losses = metrics.losses(one.probability, one.label)
    assert found.high - found.low == pytest.approx(2 * 1.96 * losses.std() / np.sqrt(len(losses)), rel=0.2)


def test_a_customer_repeated_every_week_makes_no_interval_narrower(tmp_path: Path) -> None:
    once = crowd(1, 300)
    often = [replace(one, week=week) for one in once for week in range(8)]
    few, many = (rows_of(tmp_path / name, seen) for name, seen in (("once", once), ("often", often)))
    narrow, wide = (metrics_over_time(found).overall["log_loss"] for found in (many, few))
    assert narrow.high - narrow.low == pytest.approx(wide.high - wide.low)


def test_a_baseline_with_the_same_predictions_has_no_difference(rows: Rows) -> None:
    same = Served("the same", "", rows.probability, rows.probability, 0.0)
    differences = [one.difference for one in compare(rows, [same]).differences]
    assert len(differences) == 4
    assert {(one.value, one.low, one.high) for one in differences} == {(0.0, 0.0, 0.0)}


def test_a_baseline_of_random_predictions_is_worse_by_its_interval(rows: Rows) -> None:
    blind = np.full(len(rows.label), 0.5)
    found = {
        (one.metric, one.period): one.difference
        for one in compare(rows, [Served("b", "", blind, blind, 0.0)]).differences
    }
    assert found["auc", "overall"].low > 0 > found["log_loss", "second half"].high


def test_rows_without_a_prediction_of_a_baseline_are_not_compared(rows: Rows) -> None:
    late = np.where(rows.week < 2, np.nan, 0.5)
    assert compare(rows, [Served("late", "", late, late, 0.0)]).rows == int((rows.week >= 2).sum())


def test_of_one_class_there_is_no_auc_but_a_log_loss(tmp_path: Path) -> None:
    found = metrics_over_time(rows_of(tmp_path / "out", [Observation(f"c{i}", 0, 1, 0.8) for i in range(50)])).overall
    assert np.isnan(found["auc"].value)
    assert found["log_loss"].value == pytest.approx(-np.log(0.8))


def test_customers_who_err_together_in_a_week_widen_the_interval(tmp_path: Path) -> None:
    apart = crowd(12, 200)
    rng = np.random.default_rng(3)
    bad = set(rng.choice(12, 3, replace=False).tolist())
    together = [replace(one, label=1 if one.week in bad else 0, probability=0.2) for one in apart]
    rows = rows_of(tmp_path / "out", together)
    found = metrics_over_time(rows).overall["log_loss"]
    of_weeks = np.array([metrics.losses(rows.probability, rows.label)[rows.week == week].mean() for week in range(12)])
    assert found.high - found.low == pytest.approx(2 * 1.96 * of_weeks.std() / np.sqrt(12), rel=0.3)
