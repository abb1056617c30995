"""The steps: what they find, what they do not claim to know, and when they are fitted."""

from __future__ import annotations

import numpy as np
import pytest

from features.portable_math import Array, sigmoid
from online_model.boosted_steps import LEAST_ROWS, BoostedSteps
from online_model.reservoir import Reservoir


def taught(x: Array, y: Array, fits: int = 1, weight: Array | None = None) -> BoostedSteps:
    """Steps that have learned the same examples again and again. x: (features, n); y: (n,)."""
    memory, steps = Reservoir(), BoostedSteps()
    memory.add_features(len(x))
    steps.add_features(len(x))
    for _ in range(fits):
        memory.update(x, y, np.ones(len(y)) if weight is None else weight)
        steps.fit(memory)
    return steps


def said(steps: BoostedSteps, *values: float) -> list[float]:
    """Probabilities at values of the first feature, the others being 0."""
    x = np.zeros((len(steps.tables), len(values)))
    x[0] = values
    return sigmoid(steps.log_odds(x)).tolist()


def world(rate_below: float, rate_above: float, n: int = 4000) -> tuple[Array, Array]:
    """Labels whose rate jumps where the first of two features passes 5."""
    rng = np.random.default_rng(7)
    x = rng.uniform(0, 10, (2, n))
    rate = np.where(x[0] < 5.0, rate_below, rate_above)
    return x, (rng.uniform(size=n) < rate).astype(np.float64)


def test_a_jump_is_found_where_it_is() -> None:
    steps = taught(*world(0.1, 0.6), fits=10)
    below, just_below, just_above, above = said(steps, 2.0, 4.7, 5.3, 8.0)
    assert below == pytest.approx(just_below, abs=0.03)
    assert just_above == pytest.approx(above, abs=0.05)
    assert (below < 0.25, above > 0.45) == (True, True)


def test_a_feature_that_says_nothing_gets_next_to_nothing() -> None:
    tables = taught(*world(0.1, 0.6)).tables
    assert np.abs(tables[1]).max() < 0.2 * np.abs(tables[0]).max()


def test_beyond_what_it_has_seen_it_says_what_it_says_at_the_end() -> None:
    first, far = said(taught(*world(0.1, 0.6)), 9.9, 20.0)
    assert first == pytest.approx(far, abs=0.03)


def test_a_world_that_turns_round_is_followed() -> None:
    memory, steps, (x, y) = Reservoir(), BoostedSteps(), world(0.1, 0.6, 8000)
    memory.add_features(2)
    steps.add_features(2)
    for turned in [False] + 10 * [True]:
        memory.update(x, 1.0 - y if turned else y, np.ones(len(y)))
        steps.fit(memory)
    below, above = said(steps, 2.0, 8.0)
    assert below > above


def test_of_few_rows_no_step_is_made() -> None:
    x, y = world(0.0, 1.0, 2 * LEAST_ROWS - 1)
    assert not taught(x, y).tables.any()


def test_a_row_counts_by_its_weight() -> None:
    x, y = world(0.2, 0.2)
    heavy = said(taught(x, y, weight=np.where(y == 1.0, 8.0, 1.0)), 5.0)[0]
    assert heavy == pytest.approx(8 * 0.2 / (8 * 0.2 + 0.8), abs=0.06)


def test_one_class_alone_says_nothing() -> None:
    steps = taught(world(0.5, 0.5)[0], np.ones(4000))
    assert (steps.intercept, steps.tables.any()) == (0.0, False)


def test_it_is_fitted_when_a_hundredth_of_its_memory_is_new() -> None:
    memory, steps, (x, y) = Reservoir(), BoostedSteps(), world(0.1, 0.6, 5000)
    memory.add_features(2)
    steps.add_features(2)
    moved = []
    for rows in (slice(0, 4000), slice(4000, 4030), slice(4030, 4041)):
        before = steps.tables.copy()
        memory.update(x[:, rows], y[rows], np.ones(len(y[rows])))
        steps.fit(memory)
        moved.append(bool((steps.tables != before).any()))
    assert moved == [True, False, True]


def test_what_nothing_speaks_for_any_more_fades() -> None:
    memory, steps, (x, y) = Reservoir(), BoostedSteps(), world(0.3, 0.3)
    memory.add_features(2)
    steps.add_features(2)
    steps.tables[0] = 1.0
    memory.update(x * np.array([[0.0], [1.0]]), y, np.ones(len(y)))
    steps.fit(memory)
    assert steps.tables[0] == pytest.approx(0.9)
