"""The estimator keeps River's contract, and its weights are the posterior mode."""

from __future__ import annotations

from typing import Any

import numpy as np
from river.checks import check_estimator, yield_checks

from online_model.estimator import LogisticRegression, solve


def test_it_keeps_rivers_contract() -> None:
    check_estimator(LogisticRegression())


def test_of_rivers_contract_only_one_check_is_left_out() -> None:
    model = LogisticRegression()
    assert model._unit_test_skips() <= {getattr(check, "__name__", "") for check in yield_checks(model)}
    assert len(model._unit_test_skips()) == 1


def unlike(seed: int, rows: int = 500) -> tuple[Any, Any]:
    """Returns a batch unlike that of another seed: other features are large, and their weights differ."""
    rng = np.random.default_rng(seed)
    x = rng.exponential(1.0, (rows, 12)) * 10.0 ** rng.uniform(-2, 1.5, 12)
    y = (x @ rng.normal(0, 1, 12) + rng.normal(size=rows) > 0).astype(np.float64)
    return np.clip(np.round(x, 3), -32, 32), y


def test_the_weights_are_at_the_mode_even_when_a_batch_is_unlike_the_one_before() -> None:
    model = LogisticRegression(forget=0.99)
    model.add_features(list(range(12)))
    for seed in range(6):
        x, y = unlike(seed)
        before, precision = model.weights.copy(), model.precision * 0.99
        model.update(x, y)
        if seed:
            design = np.column_stack([np.ones(len(x)), x])
            p = 1 / (1 + np.exp(-design @ model.weights))
            gradient = design.T @ (p - y) + precision @ (model.weights - before)
            step = np.linalg.solve(model.precision, gradient)
            assert gradient @ step / 2 < 0.05, f"batch {seed}: a Newton step would gain more"


def test_the_first_batch_is_a_ridge_regression() -> None:
    rng = np.random.default_rng(1)
    x, model = np.round(rng.normal(size=(400, 3)), 3), LogisticRegression(prior_precision=5.0)
    y = (x[:, 0] - x[:, 1] + rng.normal(size=400) > 0).astype(np.float64)
    model.add_features(list("abc"))
    model.update(x, y)
    design, weights = np.column_stack([np.ones(400), x]), np.zeros(4)
    prior = np.diag([1e-3, *(5.0 * x.var(axis=0))])
    for _ in range(30):
        p = 1 / (1 + np.exp(-design @ weights))
        curvature = (design * (p * (1 - p))[:, None]).T @ design + prior
        weights -= np.linalg.solve(curvature, design.T @ (p - y) + prior @ weights)
    np.testing.assert_allclose(model.weights, weights, atol=0.01)


def test_solve_solves() -> None:
    rng = np.random.default_rng(2)
    root, right = rng.normal(size=(30, 30)), rng.normal(size=30)
    matrix = root @ root.T + np.eye(30)
    np.testing.assert_allclose(solve(matrix, right), np.linalg.solve(matrix, right), rtol=1e-8)
