"""Confidence sequences: their width, their exactness, and that they hold at every look."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom, norm

from streams.experiments.intervals import half_width, share_bounds


def test_at_the_planned_end_it_is_1_55_times_the_usual_interval() -> None:
    n, variance = np.array(1000.0), np.array(0.25)
    usual = norm.ppf(0.975) * np.sqrt(variance / n)
    assert abs(half_width(n, variance, 250.0) / usual - 1.549) < 0.001


@given(st.floats(0.1, 10.0), st.floats(1e-3, 0.5))
def test_nowhere_is_it_narrower_than_the_usual_interval(progress: float, alpha: float) -> None:
    n, variance = np.array(1000.0 * progress), np.array(0.25)
    usual = norm.ppf(1.0 - alpha / 2.0) * np.sqrt(variance / n)
    assert half_width(n, variance, 250.0, alpha) > usual


@given(st.integers(1, 199).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_bounds_of_a_share_are_where_the_mixture_of_likelihoods_reaches_one_in_alpha(
    drawn: tuple[int, int],
) -> None:
    n, hits = drawn
    low, high = (float(bound) for bound in share_bounds(np.array(float(hits)), np.array(float(n)), 0.05))
    for bound in {low, high} - {0.0, 1.0}:
        ratio = betabinom.pmf(hits, n, 1.0, 1.0) / binom.pmf(hits, n, bound)
        assert abs(ratio * 0.05 - 1.0) < 1e-6
    assert low <= hits / n <= high


def test_without_a_case_a_share_may_be_anything() -> None:
    low, high = share_bounds(np.array(0.0), np.array(0.0), 0.05)
    assert (float(low), float(high)) == (0.0, 1.0)


def test_a_share_is_inside_at_every_look_in_at_least_95_percent_of_the_runs() -> None:
    rng, runs, share = np.random.default_rng(3), 1000, 0.3
    hits, missed = np.zeros(runs), np.zeros(runs, bool)
    for n in range(1, 200):
        hits += rng.random(runs) < share
        low, high = share_bounds(hits, np.full(runs, float(n)), 0.05)
        missed |= (share < low) | (share > high)
    assert missed.mean() <= 0.05
