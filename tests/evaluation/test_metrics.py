"""Metrics against their definitions over all pairs and rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.evaluation import metrics

some = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.integers(0, 1)), min_size=1, max_size=40)
Pairs = list[tuple[float, int]]


def columns(pairs: Pairs) -> tuple[metrics.Floats, metrics.Labels]:
    return np.array([p for p, _ in pairs]), np.array([label for _, label in pairs], np.int8)


@given(some)
def test_auc_is_the_share_of_pairs_in_order(pairs: Pairs) -> None:
    ones, zeros = ([p for p, label in pairs if label == k] for k in (1, 0))
    wins = [0.5 if a == b else float(a > b) for a in ones for b in zeros]
    expected = sum(wins) / len(wins) if wins else float("nan")
    assert metrics.auc(*columns(pairs)) == pytest.approx(expected, nan_ok=True)


@given(some, st.integers(1, 20))
def test_equal_values_are_in_the_same_bin_and_bins_rise(pairs: Pairs, bins: int) -> None:
    values = columns(pairs)[0]
    part = metrics.equal_mass(values, bins)
    order = np.argsort(values)
    assert (np.diff(part[order]) >= 0).all()
    assert all(len(set(part[values == value])) == 1 for value in values)


def test_bins_of_different_values_are_equally_full() -> None:
    assert set(np.bincount(metrics.equal_mass(np.arange(150.0), 15))) == {10}


def test_the_calibration_error_of_two_bins_is_their_weighted_distance() -> None:
    p, label = np.repeat([0.2, 0.8], [30, 10]), np.repeat([0, 1, 1], [24, 6, 10]).astype(np.int8)
    assert metrics.ece(p, label) == pytest.approx(0.25 * 0.2)


def test_the_log_loss_of_a_certain_and_wrong_prediction_is_finite() -> None:
    assert metrics.log_loss(np.array([0.0]), np.array([1], np.int8)) == pytest.approx(-np.log(1e-15))


@given(some)
def test_the_whole_share_finds_every_leaver(pairs: Pairs) -> None:
    score, label = columns(pairs)
    found = metrics.gains(score, label, np.zeros(len(label), np.int64), np.array([0.0, 1.0]))
    np.testing.assert_allclose(found, [0.0, 1.0] if label.any() else [np.nan, np.nan])


def test_a_tie_at_the_cut_counts_with_its_mean() -> None:
    score, label = np.array([0.9, 0.5, 0.5, 0.5]), np.array([1, 1, 0, 0], np.int8)
    found = metrics.gains(score, label, np.zeros(4, np.int64), np.array([0.25, 0.5]))
    np.testing.assert_allclose(found, [1 / 2, (1 + 1 / 3) / 2])


def test_the_top_is_taken_within_each_week() -> None:
    week = np.array([0, 0, 1, 1])
    score, label = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 1, 0, 1], np.int8)
    assert metrics.gains(score, label, week, np.array([0.5])) == pytest.approx([1.0])
