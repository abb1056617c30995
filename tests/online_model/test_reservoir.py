"""The reservoir: a uniform sample of all examples that does not depend on the order of a batch; and its state."""

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
    """Returns a reservoir of batches x: (1, n); label: x > 0; weight: 1 + max(x, 0)."""
    memory = Reservoir()
    memory.add_features(1)
    for x in batches:
        memory.update(x, (x[0] > 0).astype(np.float64), 1.0 + np.maximum(x[0], 0.0))
    return memory


@settings(max_examples=20)
@given(st.integers(0, 1000), st.lists(st.integers(1, 6000), min_size=1, max_size=6))
def test_the_order_of_a_batch_does_not_matter(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    batches = [np.round(rng.normal(0, 3, (1, n)), 1) for n in sizes]
    assert filled(batches).packed() == filled([rng.permutation(x, axis=1) for x in batches]).packed()


def test_every_example_is_kept_with_the_same_probability() -> None:
    ages = np.zeros(8)  # kept examples by the eighth of the stream that they come from
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


def test_a_new_feature_was_zero_before() -> None:
    memory = filled([np.ones((1, 3))])
    memory.add_features(2)
    assert memory.bins.tolist() == [[36] * 3, [32] * 3]


@pytest.mark.parametrize("n", [0, 5, 3 * SIZE])
def test_a_restored_reservoir_continues_the_same(n: int) -> None:
    first, more = np.random.default_rng(1).normal(0, 2, (1, n)), np.random.default_rng(2).normal(0, 2, (1, 300))
    kept, restored = filled([first] if n else []), Reservoir()
    restored.load(orjson.loads(orjson.dumps(kept.packed())), 1)
    for memory in (kept, restored):
        memory.update(more, np.ones(300), np.ones(300))
    assert kept.packed() == restored.packed()
