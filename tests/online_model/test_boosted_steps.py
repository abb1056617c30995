"""The steps: jumps are found, noise is not, and fits wait for enough new examples."""

from __future__ import annotations

import numpy as np
import pytest

from features.portable_math import Array, sigmoid
from online_model.boosted_steps import LEAST_ROWS, BoostedSteps
from online_model.reservoir import Reservoir


def taught(x: Array, y: Array, fits: int = 1, weight: Array | None = None) -> BoostedSteps:
    """Returns steps that were fitted `fits` times to the same examples. x: (features, n); y: (n,)."""
    memory, steps = Reservoir(), BoostedSteps()
    memory.add_features(len(x))
    steps.add_features(len(x))
    for _ in range(fits):
        memory.update(x, y, np.ones(len(y)) if weight is None else weight)
        steps.fit(memory)
    return steps


def said(steps: BoostedSteps, *values: float) -> list[float]:
    """Returns probabilities at values of the first feature; the other features are 0."""
    x = np.zeros((len(steps.tables), len(values)))
    x[0] = values
    return sigmoid(steps.log_odds(x)).tolist()


def world(rate_below: float, rate_above: float, n: int = 4000) -> tuple[Array, Array]:
    """Returns features and labels; the label rate jumps where the first of two features passes 5."""
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


def test_a_feature_without_information_gets_a_table_close_to_zero() -> None:
    tables = taught(*world(0.1, 0.6)).tables
    assert np.abs(tables[1]).max() < 0.2 * np.abs(tables[0]).max()


def test_a_value_beyond_the_learned_range_scores_as_its_end() -> None:
    first, far = said(taught(*world(0.1, 0.6)), 9.9, 20.0)
    assert first == pytest.approx(far, abs=0.03)


def test_a_reversed_effect_is_learned() -> None:
    memory, steps, (x, y) = Reservoir(), BoostedSteps(), world(0.1, 0.6, 8000)
    memory.add_features(2)
    steps.add_features(2)
    for turned in [False] + 10 * [True]:
        memory.update(x, 1.0 - y if turned else y, np.ones(len(y)))
        steps.fit(memory)
    below, above = said(steps, 2.0, 8.0)
    assert below > above


def test_too_few_rows_make_no_step() -> None:
    x, y = world(0.0, 1.0, 2 * LEAST_ROWS - 1)
    assert not taught(x, y).tables.any()


def test_a_row_counts_by_its_weight() -> None:
    x, y = world(0.2, 0.2)
    heavy = said(taught(x, y, weight=np.where(y == 1.0, 8.0, 1.0)), 5.0)[0]
    assert heavy == pytest.approx(8 * 0.2 / (8 * 0.2 + 0.8), abs=0.06)


def test_one_class_alone_makes_no_fit() -> None:
    steps = taught(world(0.5, 0.5)[0], np.ones(4000))
    assert (steps.intercept, steps.tables.any()) == (0.0, False)


def test_it_is_fitted_when_a_hundredth_of_the_reservoir_is_new() -> None:
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


def test_a_table_without_evidence_decays() -> None:
    memory, steps, (x, y) = Reservoir(), BoostedSteps(), world(0.3, 0.3)
    memory.add_features(2)
    steps.add_features(2)
    steps.tables[0] = 1.0
    memory.update(x * np.array([[0.0], [1.0]]), y, np.ones(len(y)))
    steps.fit(memory)
    assert steps.tables[0] == pytest.approx(0.9)
