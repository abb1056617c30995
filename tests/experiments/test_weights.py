"""Adaptive shares: the better arm gets more, the floor holds, and a season fools nobody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.experiments.weights import DRAWS, best_shares, with_floor


def test_without_cases_all_arms_are_about_equal() -> None:
    assert best_shares(np.zeros((1, 4)), np.zeros((1, 4))) == pytest.approx(np.full(4, 0.25), abs=0.03)


def test_the_better_arm_gets_more() -> None:
    best = best_shares(np.array([[500.0, 500.0]]), np.array([[150.0, 210.0]]))
    assert best[1] > 0.99


def test_an_arm_that_was_drawn_more_often_in_a_good_season_is_not_taken_for_a_better_one() -> None:
    n = np.array([[900.0, 100.0], [100.0, 900.0]])
    hits = n * np.array([[0.6], [0.3]])  # both arms alike in each week
    assert hits.sum(0)[0] > 1.6 * hits.sum(0)[1]
    assert best_shares(n, hits) == pytest.approx([0.5, 0.5], abs=0.05)


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0.0, 1.0)), min_size=2, max_size=5))
def test_shares_add_up_and_none_is_below_the_floor(arms: list[tuple[int, float]]) -> None:
    n = np.array([[float(cases) for cases, _ in arms]])
    best = best_shares(n, np.floor(n * np.array([share for _, share in arms])))
    shares = with_floor(best, 0.05)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= 0.05 - 1e-12).all()
    assert (best * DRAWS == np.rint(best * DRAWS)).all()


def test_experiments_side_by_side_do_not_know_of_each_other() -> None:
    n, hits = np.array([[300.0, 200.0, 100.0]]), np.array([[120.0, 60.0, 50.0]])
    both = best_shares(np.stack([n, n[:, ::-1]]), np.stack([hits, hits[:, ::-1]]))
    assert (both[0] == best_shares(n, hits)).all()
