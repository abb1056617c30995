"""The sample of an instant: the same for any order and partitions, fair, and bounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from online_model.examples import joined, subset
from online_model.instant_sample import InstantSample, drawn, halvings
from tests.online_model.worlds import WEEK_US, examples

WHOLE = examples(1, n=600)


@pytest.mark.parametrize(("customers", "expected"), [(0, 0), (100, 0), (101, 1), (200, 1), (201, 2), (401, 3)])
def test_a_company_is_halved_until_it_fits(customers: int, expected: int) -> None:
    assert halvings(customers, most=100) == expected


def test_a_small_company_is_drawn_as_a_whole() -> None:
    assert drawn(WHOLE.customers, 0, halvings(len(WHOLE.customers))).all()


def test_each_instant_draws_anew_and_half_of_the_customers() -> None:
    names = [f"c{i}" for i in range(20_000)]
    first, second = (drawn(names, week * WEEK_US, 1) for week in (1, 2))
    assert abs(first.mean() - 0.5) < 0.02
    assert abs((first == second).mean() - 0.5) < 0.02


def test_a_smaller_sample_is_a_part_of_a_larger_one() -> None:
    names = [f"c{i}" for i in range(2_000)]
    assert not (drawn(names, WEEK_US, 3) & ~drawn(names, WEEK_US, 2)).any()


@given(st.lists(st.integers(0, 600), max_size=6), st.randoms(use_true_random=False), st.integers(1, 400))
def test_what_is_kept_depends_neither_on_parts_nor_on_their_order(cuts: list[int], chance: object, most: int) -> None:
    places = np.array_split(np.arange(600), sorted(cuts))
    chance.shuffle(places)  # type: ignore[attr-defined]
    in_parts, at_once = InstantSample(most), InstantSample(most)
    for some in places:
        in_parts.add(subset(WHOLE, some))
    at_once.add(WHOLE)
    assert in_parts.size == sum(len(part.customers) for part in in_parts.parts) <= most
    if at_once.parts:
        kept, expected = joined(in_parts.parts), joined(at_once.parts)
        assert kept.customers == expected.customers
        assert kept.features.tobytes() == expected.features.tobytes()


def test_whoever_fits_is_kept() -> None:
    sample = InstantSample(600)
    sample.add(WHOLE)
    assert sample.size == 600
