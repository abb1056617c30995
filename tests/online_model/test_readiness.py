"""When the model may open cases, and the reason when it may not."""

from __future__ import annotations

import numpy as np
import pytest

from online_model.readiness import Hold, ReadinessRules, RecentMetrics, sampling_variance, weighted_auc

BAR = ReadinessRules(min_labels=100, min_labels_of_a_class=10, least_auc=0.6)


def rounds(
    recent: RecentMetrics, number: int, skill: float, n: int = 500, seed: int = 1, bias: float = 0.0
) -> RecentMetrics:
    """Adds `number` rounds of a model whose log-odds are `skill` times the truth, and of an uninformative prior."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        z = rng.normal(size=n)
        y = (rng.uniform(size=n) < 1 / (1 + np.exp(-2 * z))).astype(np.float64)
        recent.update(2 * skill * z + bias, np.zeros(n), y)
    return recent


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_the_share_of_pairs_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, y = rng.integers(0, 9, 80).astype(float), rng.integers(0, 2, 80).astype(float)
    wins = [0.5 * (a == b) + (a > b) for a in score[y == 1] for b in score[y == 0]]
    assert weighted_auc(score, y) == pytest.approx(np.mean(wins))


def test_the_sampling_error_is_what_repeated_samples_show() -> None:
    rng, found = np.random.default_rng(2), []
    for _ in range(800):
        score = np.concatenate([rng.exponential(2.0, 60), rng.exponential(1.0, 90)])
        found.append(weighted_auc(score, np.repeat([1.0, 0.0], [60, 90])))
    assert np.sqrt(sampling_variance(float(np.mean(found)), 60, 90)) == pytest.approx(np.std(found), rel=0.15)


def test_a_good_model_with_enough_labels_opens_cases() -> None:
    assert rounds(RecentMetrics(), 8, 1.0).hold(BAR, 4000, 2000, 0.25) is Hold.NOTHING


@pytest.mark.parametrize(("labels", "positives"), [(99, 50), (500, 9), (500, 491)])
def test_too_few_labels_of_either_class_hold_cases(labels: int, positives: int) -> None:
    assert rounds(RecentMetrics(), 8, 1.0).hold(BAR, labels, positives, 0.25) is Hold.LABELS


def test_before_the_first_judged_round_cases_are_held() -> None:
    assert RecentMetrics().hold(BAR, 4000, 2000, 1.0) is Hold.LABELS


def test_a_model_that_ranks_badly_holds_cases() -> None:
    assert rounds(RecentMetrics(), 8, 0.0).hold(BAR, 4000, 2000, 0.25) is Hold.AUC


def test_a_model_that_is_worse_than_the_prior_holds_cases() -> None:
    assert rounds(RecentMetrics(), 8, 1.0, bias=5.0).hold(BAR, 4000, 2000, 0.25) is Hold.PRIOR


def test_a_model_that_has_become_bad_holds_cases_again() -> None:
    recent = rounds(RecentMetrics(), 50, 1.0)
    assert recent.hold(BAR, 4000, 2000, 0.25) is Hold.NOTHING
    assert rounds(recent, 8, -1.0).hold(BAR, 4000, 2000, 0.25) is Hold.AUC


def test_more_rounds_of_the_same_customers_do_not_make_the_bound_tighter_than_one_instant_allows() -> None:
    once, often = rounds(RecentMetrics(), 1, 1.0, n=60), rounds(RecentMetrics(), 60, 1.0, n=60)
    error = np.sqrt(often.sampling / often.weight)
    assert often.auc / often.weight - (often.least_auc(1.0) or 0.0) >= 1.6 * error
    assert once.least_auc(1.0) is not None


def test_instants_whose_horizons_overlap_count_as_fewer() -> None:
    recent = rounds(RecentMetrics(), 20, 1.0)
    assert (recent.least_auc(0.05) or 0.0) < (recent.least_auc(1.0) or 0.0)


def test_a_round_of_one_class_is_ignored() -> None:
    recent = RecentMetrics()
    recent.update(np.zeros(5), np.zeros(5), np.ones(5))
    assert recent == RecentMetrics()
