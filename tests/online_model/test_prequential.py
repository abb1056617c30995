"""Prequential metrics against their definitions over all pairs and rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from online_model.prequential import BINS, PrequentialMetrics

predictions = st.lists(
    st.tuples(st.floats(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.integers(0, 1)), min_size=1, max_size=60
)


def judged(pairs: list[tuple[float, int]], batches: int = 1) -> PrequentialMetrics:
    judge = PrequentialMetrics()
    for part in np.array_split(np.array(pairs, np.float64), batches):
        judge.update(part[:, 0], part[:, 1].astype(np.uint8))
    return judge


def auc(pairs: list[tuple[float, int]], tie: float) -> float:
    """Returns AUC over all pairs of a positive and a negative; differences up to `tie` count half."""
    ones, zeros = ([p for p, label in pairs if label == k] for k in (1, 0))
    wins = sum(0.5 if abs(a - b) <= tie else float(a > b) for a in ones for b in zeros)
    return wins / (len(ones) * len(zeros))


@given(predictions)
def test_auc_is_the_share_of_pairs_in_order(pairs: list[tuple[float, int]]) -> None:
    metrics = judged(pairs).get()
    positives = sum(label for _, label in pairs)
    assert (metrics.labels, metrics.positives) == (len(pairs), positives)
    if positives in (0, len(pairs)):
        assert metrics.auc is None
        return
    bins = [(min(int(p * BINS), BINS - 1), label) for p, label in pairs]
    assert metrics.auc == pytest.approx(auc(bins, 0), abs=1e-12)


def test_auc_is_exact_where_no_bin_holds_two_predictions() -> None:
    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, 400)
    p = rng.permutation(400) / 400
    pairs = list(zip(p.tolist(), label.tolist(), strict=True))
    assert judged(pairs).get().auc == pytest.approx(auc(pairs, 0), abs=1e-12)


@given(predictions)
def test_log_loss_and_brier_are_means_over_rows(pairs: list[tuple[float, int]]) -> None:
    metrics = judged(pairs).get()
    of_truth = [max(p if label else 1 - p, 1e-15) for p, label in pairs]
    assert metrics.log_loss == pytest.approx(np.mean([-np.log(q) for q in of_truth]), rel=1e-9, abs=1e-9)
    assert metrics.brier == pytest.approx(np.mean([(p - label) ** 2 for p, label in pairs]), abs=1e-12)
    assert metrics.base_rate == pytest.approx(np.mean([label for _, label in pairs]))


@given(predictions, st.integers(1, 7))
def test_metrics_do_not_depend_on_batches(pairs: list[tuple[float, int]], batches: int) -> None:
    assert judged(pairs, batches).get() == judged(pairs).get()


def test_the_calibration_error_is_that_of_fifteen_equal_groups() -> None:
    rng = np.random.default_rng(2)
    p = np.sort(rng.uniform(0, 1, 15_000))
    label = (rng.uniform(0, 1, len(p)) < p**2).astype(np.uint8)
    groups = zip(np.split(p, 15), np.split(label, 15), strict=True)
    wanted = np.mean([abs(a.mean() - b.mean()) for a, b in groups])
    assert judged(list(zip(p.tolist(), label.tolist(), strict=True))).get().ece == pytest.approx(wanted, abs=1e-3)
    assert wanted > 0.1


def test_metrics_are_undefined_before_the_first_label() -> None:
    metrics = PrequentialMetrics().get()
    assert metrics.labels == 0
    assert {metrics.base_rate, metrics.auc, metrics.log_loss, metrics.brier, metrics.ece} == {None}
