"""Percentiles and RFM-B: compared with ranks, over any number of partitions, and monotonic in each component."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import NAMES
from features.population import BINS, COMPONENTS, count, percentiles, rfmb, zero_counts


def customers(n: int, seed: int = 1) -> np.ndarray:
    """Returns random features in their units, (features, n)."""
    return np.random.default_rng(seed).lognormal(2.0, 2.0, (len(NAMES), n))


def test_the_weights_of_the_components_are_the_specified_ones() -> None:
    assert [share for _, share, _ in COMPONENTS] == [0.35, 0.30, 0.20, 0.15]


@given(st.integers(1, 300), st.integers(1, 7))
def test_counts_of_partitions_add_up_to_those_of_all(n: int, partitions: int) -> None:
    raw = customers(n)
    parts = np.array_split(np.random.default_rng(n).permutation(n), partitions)
    assert sum((count(raw[:, p]) for p in parts), zero_counts()).tolist() == count(raw).tolist()


@pytest.mark.parametrize("place", range(len(COMPONENTS)))
def test_a_percentile_differs_from_the_rank_by_at_most_a_bin(place: int) -> None:
    raw, (name, _, better) = customers(4000), COMPONENTS[place]
    ranked = rfmb(raw, percentiles(count(raw)))
    actual = (ranked.recency, ranked.frequency, ranked.monetary, ranked.behaviour)[place]
    rank = raw[NAMES.index(name)].argsort().argsort() / 40.0
    np.testing.assert_allclose(actual, rank if better else 100.0 - rank, atol=1.5)


def test_the_score_is_the_weighted_mean_of_the_percentiles() -> None:
    raw = customers(500)
    ranked = rfmb(raw, percentiles(count(raw)))
    wanted = 0.35 * ranked.recency + 0.3 * ranked.frequency + 0.2 * ranked.monetary + 0.15 * ranked.behaviour
    np.testing.assert_allclose(ranked.score, wanted, rtol=1e-12)
    assert 0 <= ranked.score.min() < 25 < 75 < ranked.score.max() <= 100


@pytest.mark.parametrize(("name", "better"), [(name, better) for name, _, better in COMPONENTS])
def test_the_score_is_monotonic_in_each_component(name: str, better: bool) -> None:
    table = percentiles(count(customers(1000)))
    raw = np.repeat(customers(1), 50, axis=1)
    raw[NAMES.index(name)] = np.linspace(0, 5000, 50)
    moved = np.diff(rfmb(raw, table).score)
    assert (moved >= 0).all() if better else (moved <= 0).all()


def test_without_a_population_every_percentile_is_50() -> None:
    assert percentiles(zero_counts()).tolist() == [[50.0] * BINS] * len(COMPONENTS)
    assert rfmb(customers(3), percentiles(zero_counts())).score == pytest.approx([50.0] * 3)


def test_values_beyond_all_bins_count_in_the_last_bin() -> None:
    assert count(np.full((len(NAMES), 2), 1e15))[:, -1].tolist() == [2] * len(COMPONENTS)
