"""The memory: a fair sample of all examples, in which neither their order nor the batches' show; and its state."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.portable_math import Array
from online_model.bins import BINS, bins_of
from online_model.reservoir import SIZE, Reservoir


def filled(batches: list[Array]) -> Reservoir:
    """x of each: (1, n); the label says whether x is above 0, the weight is 1 and what x is above it."""
    memory = Reservoir()
    memory.add_features(1)
    for x in batches:
        memory.update(x, (x[0] > 0).astype(np.float64), 1.0 + np.maximum(x[0], 0.0))
    return memory


@settings(max_examples=20)
@given(st.integers(0, 1000), st.lists(st.integers(1, 6000), min_size=1, max_size=6))
def test_the_order_of_a_batch_does_not_show(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    batches = [np.round(rng.normal(0, 3, (1, n)), 1) for n in sizes]
    assert filled(batches).packed() == filled([rng.permutation(x, axis=1) for x in batches]).packed()


def test_every_example_has_the_same_chance_to_be_kept() -> None:
    ages = np.zeros(8)  # of the examples that are kept, by the eighth of all in which they came
    for seed in range(10):
        rng = np.random.default_rng(seed)
        memory = filled([np.full((1, SIZE // 2), number - 8.0) + rng.uniform(0, 0.1) for number in range(8)])
        ages += np.bincount(memory.bins[0] // 4, minlength=8)[:8]
    assert memory.seen == 4 * SIZE
    assert ages.sum() == 10 * SIZE
    assert np.abs(ages / ages.mean() - 1.0).max() < 0.06  # four standard deviations


def test_up_to_its_size_everything_is_kept() -> None:
    x = np.rint(np.linspace(-8, 23.9, SIZE)[None] * 1024) / 1024
    memory = filled([x[:, :100], x[:, 100:]])
    assert np.bincount(memory.bins[0], minlength=BINS).tolist() == np.bincount(bins_of(x[0]), minlength=BINS).tolist()


def test_a_feature_label_and_weight_stay_together() -> None:
    memory = filled([np.random.default_rng(n).normal(0, 2, (1, 5000)) for n in range(5)])
    is_above = memory.bins[0] > bins_of(np.zeros(1))[0]
    assert (memory.weight[is_above] > 1.0).all()
    assert memory.label[is_above].all()
    assert (memory.weight[memory.label == 0] == 1.0).all()


def test_a_feature_that_is_new_was_nothing_before() -> None:
    memory = filled([np.ones((1, 3))])
    memory.add_features(2)
    assert memory.bins.tolist() == [[36] * 3, [32] * 3]


@pytest.mark.parametrize("n", [0, 5, 3 * SIZE])
def test_what_is_restored_goes_on_the_same(n: int) -> None:
    first, more = np.random.default_rng(1).normal(0, 2, (1, n)), np.random.default_rng(2).normal(0, 2, (1, 300))
    kept, restored = filled([first] if n else []), Reservoir()
    restored.load(orjson.loads(orjson.dumps(kept.packed())), 1)
    for memory in (kept, restored):
        memory.update(more, np.ones(300), np.ones(300))
    assert kept.packed() == restored.packed()
