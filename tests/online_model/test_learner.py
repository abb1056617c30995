"""The learner: order does not matter, a restore continues with the same bits, degenerate batches do not break it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import NAMES
from features.matrix import scaled
from online_model.estimator import LogisticRegression
from online_model.examples import subset, with_label
from online_model.expert_weights import mean_loss
from online_model.learner import Learner
from online_model.mixture import MOST_EARLY
from online_model.parameters import EXPERTS, KNOTS
from online_model.readiness import Hold
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot
from online_model.treatment import NO_LABEL
from schemas.errors import Failure
from tests.online_model.worlds import RULES, WEEK_US, examples, learner, snapshot

WHOLE = [examples(11, week=1), examples(12, week=2)]


@cache
def in_order() -> tuple[bytes, dict[str, bytes]]:
    """The snapshot and the state of a learner that learned everything at once."""
    calm = learner(1)
    return calm.learn(WEEK_US, WHOLE).dumps(), calm.dumps()


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_parameters_do_not_depend_on_order_or_partitions(seed: int, partitions: int) -> None:
    rng, parts = np.random.default_rng(seed), []
    for one in WHOLE:
        parts += [subset(one, p) for p in np.array_split(rng.permutation(len(one.customers)), partitions)]
    rng.shuffle(parts)  # type: ignore[arg-type]
    shuffled = learner(1)
    assert (shuffled.learn(WEEK_US, parts).dumps(), shuffled.dumps()) == in_order()


def test_examples_without_predictions_are_learned_but_do_not_weight_experts() -> None:
    whole, before = examples(12, week=2), examples(11, week=1)
    silent, spoke = (subset(whole, places) for places in np.array_split(np.arange(len(whole.customers)), 2))
    silent = replace(silent, said={})
    both, alone = learner(1), learner(1)
    both.learn(WEEK_US, [before, silent, spoke])
    alone.learn(WEEK_US, [before, spoke])
    assert both.model.pool.weights.tolist() == alone.model.pool.weights.tolist()
    assert both.model.labels == alone.model.labels + len(silent.customers)


def test_the_estimator_does_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(0, 3, (3000, 8)), rng.integers(0, 2, 3000).astype(np.float64)
    order = rng.permutation(3000)
    a, b = LogisticRegression(), LogisticRegression()
    for estimator, rows in ((a, slice(None)), (b, order)):
        estimator.add_features(list("abcdefgh"))
        estimator.update(x[rows], y[rows])
    assert a.weights.tolist() == b.weights.tolist()
    assert a.precision.tolist() == b.precision.tolist()


def test_a_restored_learner_goes_on_with_the_same_bits() -> None:
    kept = learner(3)
    restored = learner(0)
    restored.loads(kept.dumps())
    assert restored.dumps() == kept.dumps()
    for week in (3, 4):
        batch = [examples(week, week=week)]
        assert restored.learn(week * WEEK_US, batch).dumps() == kept.learn(week * WEEK_US, batch).dumps()
    assert restored.dumps() == kept.dumps()


@pytest.mark.parametrize("model", [snapshot(), learner(2).snapshot(WEEK_US), Snapshot.initial(0.18)])
def test_a_snapshot_survives_dumps_and_loads_with_every_bit(model: Snapshot) -> None:
    again = Snapshot.loads(model.dumps())
    assert [one.packed() for one in model.shadow.values()] == [one.packed() for one in again.shadow.values()]
    for one, other in ((model, again), (model.parameters, again.parameters)):
        for name, value in (vars(one) | {"parameters": None, "shadow": None}).items():
            theirs = (vars(other) | {"parameters": None, "shadow": None})[name]
            same = value.tobytes() == theirs.tobytes() if isinstance(value, np.ndarray) else value == theirs
            assert same, name
    assert again.dumps() == model.dumps()


@pytest.mark.parametrize("change", [{"format": 0}, {"features": ["recency"]}])
def test_a_state_of_another_format_or_catalogue_is_refused(change: dict[str, object]) -> None:
    rows = learner(1).dumps()
    model, state = orjson.loads(snapshot().dumps()), orjson.loads(rows[""])
    with pytest.raises(Failure, match=r"run the release|catalogue"):
        Snapshot.loads(orjson.dumps(model | change))
    with pytest.raises(Failure, match="run the release"):
        learner(0).loads(rows | {"": orjson.dumps(state | change)})


def test_it_is_served_when_it_has_enough_labels_of_both_classes() -> None:
    one = examples(1, n=RULES.readiness.min_labels)
    few = replace(one, label=np.arange(len(one.customers)) < RULES.readiness.min_labels_of_a_class - 1)
    for label, learned in ((few.label, False), (np.zeros(100), False), (np.ones(100), False), (one.label, True)):
        assert learner(0).learn(0, [replace(one, label=np.asarray(label, np.uint8))]).learned is learned
    assert not learner(0).learn(0, [subset(one, np.arange(99))]).learned


def test_until_there_are_enough_labels_the_prior_gives_way_to_the_hinges_label_by_label() -> None:
    enough = RULES.readiness.min_labels
    weights = []
    for share in (0.25, 0.5):
        one = learner(0)
        weights.append(one.learn(0, [examples(1, n=int(share * enough))]).parameters.weights)
    by_name = [dict(zip(EXPERTS, some.tolist(), strict=True)) for some in weights]
    assert by_name == [
        {"base": 0.0, "prior": 1.0 - share * MOST_EARLY, "hinges": share * MOST_EARLY, "steps": 0.0}
        for share in (0.25, 0.5)
    ]


def test_a_few_hundred_labels_already_separate_customers_whom_the_prior_alone_does_not() -> None:
    new = examples(99, n=2000)
    early = learner(0).learn(0, [examples(1, n=RULES.readiness.min_labels // 2)])
    assert not early.learned
    prior = replace(early, parameters=early.parameters.of_prior())
    alone, served = (
        mean_loss(Scorer(one).log_odds(scaled(new.features)), new.label.astype(float)) for one in (prior, early)
    )
    assert served < alone - 0.02


def test_a_model_of_an_earlier_release_that_has_not_learned_goes_on_with_the_prior_alone() -> None:
    early = learner(0).learn(0, [examples(1, n=RULES.readiness.min_labels // 2)])
    of_pool = replace(early.parameters, weights=np.array([0.05, 0.0, 0.19, 0.76]), slope=1.1, level=0.1)
    stored = orjson.loads(replace(early, parameters=of_pool).dumps()) | {"format": 6}
    x = scaled(examples(99, n=50).features)
    alone = Scorer(replace(early, parameters=early.parameters.of_prior()))
    assert Scorer(Snapshot.loads(orjson.dumps(stored))).log_odds(x).tobytes() == alone.log_odds(x).tobytes()


def test_a_week_without_labels_is_a_new_version_of_the_same_model() -> None:
    one = learner(2)
    before = one.snapshot(0)
    after = one.learn(9 * WEEK_US, [])
    assert after.version == before.version + 1
    assert (after.instant_us, after.parameters.packed()) == (9 * WEEK_US, before.parameters.packed())


def test_it_learns() -> None:
    one, new = learner(6), examples(99, n=2000)
    p = Scorer(one.snapshot(0)).probability(scaled(new.features))
    assert np.mean((p > 0.5) == (new.label == 1)) > 0.75


columns = st.sampled_from(["constant", "zero", "huge", "infinite", "copy", "tiny", "normal"])


def batch(kinds: list[str], rows: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=rows)
    makers = {
        "constant": lambda: np.full(rows, 3.0),
        "zero": lambda: np.zeros(rows),
        "huge": lambda: rng.normal(size=rows) * 1e300,
        "infinite": lambda: np.where(base > 0, np.inf, -np.inf),
        "copy": lambda: base,
        "tiny": lambda: base * 1e-300,
        "normal": lambda: rng.normal(size=rows),
    }
    return np.column_stack([makers[kind]() for kind in kinds])


@settings(max_examples=60)
@given(
    st.lists(columns, min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["mixed", "ones", "zeros"])), min_size=1, max_size=6),
    st.sampled_from([1.0, 0.9, 0.5]),
    st.integers(0, 1000),
)
def test_no_batch_breaks_the_model(kinds: list[str], batches: list[tuple[int, str]], forget: float, seed: int) -> None:
    model = LogisticRegression(forget=forget)
    model.add_features(list(range(len(kinds))))
    for number, (rows, labels) in enumerate(batches):
        x = batch(kinds, rows, seed + number)
        y = {"mixed": np.arange(rows) % 2, "ones": np.ones(rows), "zeros": np.zeros(rows)}[labels]
        model.update(x, y.astype(np.float64))
        p = model.probability(np.clip(x, -32, 32))
        assert np.isfinite(model.weights).all()
        assert ((p > 0) & (p < 1)).all()
        (met,) = np.nonzero(model.precision.diagonal())
        assert np.linalg.eigvalsh(model.precision[np.ix_(met, met)]).min() > 0


def test_a_batch_of_one_class_moves_the_model_towards_it() -> None:
    one = examples(5)
    zeros, ones = (learner(0).learn(0, [replace(one, label=np.full(200, k, np.uint8))]).parameters for k in (0, 1))
    assert zeros.base < -3 < 3 < ones.base
    assert not np.concatenate(
        [zeros.hinges, ones.hinges, zeros.steps, ones.steps]
    ).any()  # one class does not separate customers


def test_a_model_that_has_seen_stayers_only_says_so_and_expects_few_to_leave() -> None:
    stayers = learner(0)
    for week in range(1, 10):
        of_week = examples(week, week=week)
        served = stayers.learn(week * WEEK_US, [replace(of_week, label=np.zeros_like(of_week.label))])
    assert served.hold is Hold.ONE_CLASS
    assert float(Scorer(served).score(examples(10).features).max()) < 0.05


def test_eleven_first_leavers_do_not_make_everybody_a_leaver() -> None:
    first = subset(examples(1), np.arange(11))
    served = learner(0).learn(WEEK_US, [replace(first, label=np.ones_like(first.label))])
    assert float(Scorer(served).score(examples(10).features).mean()) < 0.5


def test_all_features_have_a_weight() -> None:
    one = Learner(RULES).learn(0, [examples(1)]).parameters
    assert np.count_nonzero(one.hinges[1 :: 1 + KNOTS]) > len(NAMES) / 2
    assert one.hinges.shape == (1 + len(NAMES) * (1 + KNOTS),)


def test_customers_whose_horizon_was_cut_are_dropped() -> None:
    whole = examples(1, 50)
    cut = replace(whole, label=np.where(np.arange(50) % 2, NO_LABEL, whole.label).astype(np.uint8))
    nobody_left = replace(whole, label=np.full(50, NO_LABEL, np.uint8))
    (kept,) = with_label([cut, nobody_left])
    assert kept.customers == whole.customers[::2]
    assert kept.features.tobytes() == np.ascontiguousarray(whole.features[:, ::2]).tobytes()
    assert kept.label.tolist() == whole.label[::2].tolist()
