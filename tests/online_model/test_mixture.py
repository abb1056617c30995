"""The mixture: River's contract, any order of rows, degenerate input, a loss close to the base rate's at worst."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.checks import check_estimator, yield_checks

from online_model.expert_weights import BEGIN, ExpertWeights, mean_loss
from online_model.mixture import MixtureOfExperts
from online_model.parameters import EXPERTS, SERVED
from tests.online_model.worlds import learner

DELAY = 4  # rounds until a label matures
FRESH = 0.25
Labels = Callable[[np.random.Generator, np.ndarray, int], np.ndarray]


def test_it_keeps_rivers_contract() -> None:
    check_estimator(MixtureOfExperts())


def test_of_rivers_contract_only_one_check_is_left_out() -> None:
    model = MixtureOfExperts()
    assert model._unit_test_skips() <= {getattr(check, "__name__", "") for check in yield_checks(model)}
    assert len(model._unit_test_skips()) == 1


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_the_order_of_a_batch_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0, 2, (5, 300)), rng.integers(0, 2, 300).astype(np.float64)
    order, models = rng.permutation(300), (MixtureOfExperts("f0"), MixtureOfExperts("f0"))
    for model, places in zip(models, (np.arange(300), order), strict=True):
        model.add_features([f"f{i}" for i in range(5)])
        for _ in range(3):
            said = model.expert_log_odds(x[:, places])
            model.pool.update(said, y[places])
            model.update(x[:, places], y[places])
    assert models[0].parameters().packed() == models[1].parameters().packed()


columns = st.sampled_from(["constant", "huge", "infinite", "missing", "copy", "tiny", "normal"])


@settings(max_examples=60)
@given(
    st.lists(columns, min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["mixed", "ones", "zeros"])), min_size=1, max_size=6),
    st.integers(0, 1000),
)
def test_no_batch_breaks_the_model(kinds: list[str], batches: list[tuple[int, str]], seed: int) -> None:
    model, rng = MixtureOfExperts("f0", worth=0.5), np.random.default_rng(seed)
    model.add_features([f"f{i}" for i in range(len(kinds))])
    for rows, labels in batches:
        base = rng.normal(size=rows)
        makers = {
            "constant": np.full(rows, 3.0), "huge": base * 1e300, "infinite": np.where(base > 0, np.inf, -np.inf),
            "missing": np.where(base > 0, np.nan, base), "copy": base, "tiny": base * 1e-300,
            "normal": rng.normal(size=rows),
        }  # fmt: skip
        x = np.stack([makers[kind] for kind in kinds])
        y = {"mixed": np.arange(rows) % 2, "ones": np.ones(rows), "zeros": np.zeros(rows)}[labels].astype(np.float64)
        model.update(x, y)
        model.pool.update(model.expert_log_odds(np.nan_to_num(x)), y)
        p = model.probability(np.nan_to_num(x))
        assert ((p > 0) & (p < 1)).all()
        assert np.isfinite(np.concatenate([model.hinges.weights, model.steps.tables.ravel()])).all()
        assert model.pool.weights.sum() == pytest.approx(1.0)


def test_a_million_labels_of_one_class_move_only_the_base_rate() -> None:
    model = MixtureOfExperts("f0")
    model.add_features(["f0"])
    model.update(np.linspace(0, 5, 1_000_000)[None], np.ones(1_000_000))
    assert model.parameters().base > 13
    assert not model.hinges.weights.any()
    assert not model.steps.tables.any()


def test_the_first_labels_do_not_dominate_the_prior() -> None:
    model, x = MixtureOfExperts("f0", prior_probability=0.25), np.full((1, 1), 2.0)
    model.add_features(["f0"])
    model.update(x, np.ones(1))
    prior = model.expert_log_odds(x)[EXPERTS.index("prior"), 0]
    assert np.log(0.25 / 0.75) < prior < 1.0


def signal(rng: np.random.Generator, x: np.ndarray, week: int) -> np.ndarray:
    return (x[0] - x[1] + rng.logistic(size=x.shape[1]) > 1.0).astype(np.float64)


def shuffled(rng: np.random.Generator, x: np.ndarray, week: int) -> np.ndarray:
    return (rng.uniform(size=x.shape[1]) < 0.3).astype(np.float64)


def flips(rng: np.random.Generator, x: np.ndarray, week: int) -> np.ndarray:
    y = signal(rng, x, week)
    return y if week < 40 else 1.0 - y


def deadlines(rng: np.random.Generator, x: np.ndarray, week: int) -> np.ndarray:
    """Returns labels whose rate is common to all customers and changes with the calendar, which no feature holds."""
    rate = np.random.default_rng(week // 3).choice([0.05, 0.2, 0.95, 1.0])
    return (rng.uniform(size=x.shape[1]) < rate).astype(np.float64)


def losses(labels: Labels, seed: int, weeks: int = 80, n: int = 300) -> tuple[float, float]:
    """Returns the summed log loss as served and of the running base rate; labels mature after DELAY rounds."""
    rng, model = np.random.default_rng(seed), MixtureOfExperts("f0", worth=FRESH)
    model.add_features([f"f{i}" for i in range(6)])
    waiting, served, base = [], 0.0, 0.0
    for week in range(weeks):
        if len(waiting) == DELAY:
            x, y, said = waiting.pop(0)
            if said is not None:
                model.pool.update(said, y)
            model.update(x, y)
        x = np.abs(rng.normal(1, 1, (6, n)))
        x[2] = week / 20.0  # the same for all customers
        y = labels(rng, x, week)
        said = model.expert_log_odds(x) if model.labels else None
        if said is not None:
            served += mean_loss(said[SERVED], y)
            base += mean_loss(said[EXPERTS.index("base")], y)
        waiting.append((x, y, said))
    return served, base


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("labels", [signal, shuffled, flips, deadlines])
def test_it_is_never_worse_than_the_running_base_rate_by_more_than_a_hundredth(labels: Labels, seed: int) -> None:
    served, base = losses(labels, seed)
    assert served <= 1.01 * base


def test_it_is_better_where_features_predict() -> None:
    served, base = losses(signal, 1)
    assert served < 0.9 * base


def test_the_best_expert_gets_the_greatest_weight_and_the_others_keep_some() -> None:
    pool, y = ExpertWeights(FRESH), np.tile([0.0, 1.0], 300)
    said = np.zeros((len(EXPERTS) + 1, 600))
    said[EXPERTS.index("steps")] = 2.0 * y - 1.0
    for _ in range(10):
        pool.update(said, y)
    assert EXPERTS[int(pool.weights.argmax())] == "steps"
    assert (pool.weights[BEGIN > 0] > 0).all()


def test_the_base_rate_takes_over_where_the_experts_fail() -> None:
    pool, rng = ExpertWeights(FRESH), np.random.default_rng(3)
    for _ in range(15):
        y = (rng.uniform(size=200) < 0.5).astype(np.float64)
        said = np.tile(-3.0 * (2.0 * y - 1.0), (len(EXPERTS) + 1, 1))
        said[EXPERTS.index("base")] = 0.0
        pool.update(said, y)
    assert pool.weights[EXPERTS.index("base")] > 0.95


def test_one_bad_week_changes_weights_little() -> None:
    pool, y = ExpertWeights(FRESH), np.tile([0.0, 1.0], 3000)
    before = pool.weights
    pool.update(np.stack([0.0 * y, *np.tile(-9.0 * (2.0 * y - 1.0), (len(EXPERTS), 1))]), y)
    assert np.abs(pool.weights - before).max() < 0.4


def test_the_level_rises_when_predictions_were_too_low() -> None:
    pool, rng = ExpertWeights(FRESH), np.random.default_rng(3)
    for _ in range(60):
        y = (rng.uniform(size=200) < 0.5).astype(np.float64)
        pool.update(np.full((len(EXPERTS) + 1, 200), -0.4), y)
    assert pool.level > 0.0
    assert pool.level - 0.4 * pool.slope == pytest.approx(0.0, abs=0.06)


def test_the_slope_falls_when_the_pool_was_overconfident() -> None:
    pool, rng = ExpertWeights(FRESH), np.random.default_rng(3)
    for _ in range(20):
        y = (rng.uniform(size=200) < 0.5).astype(np.float64)
        pool.update(np.tile(4.0 * rng.choice([-1.0, 1.0], 200), (len(EXPERTS) + 1, 1)), y)
    assert pool.slope < 0.3


def test_state_and_snapshot_stay_small() -> None:
    one = learner(4)
    assert max(map(len, one.dumps().values())) < 2_000_000
    assert len(one.snapshot(0).dumps()) < 200_000
