"""The newest days with an event, whatever the order and the batches in which the events come."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features import day_rings
from features.day_rings import COLUMNS, KEPT, NONE

GROUPS = 3
places = st.tuples(st.integers(0, GROUPS - 1), st.integers(0, 47_000) | st.integers(19_000, 19_020))


def added(batches: list[list[tuple[int, int]]]) -> np.ndarray:
    block = np.zeros((COLUMNS, GROUPS))
    for batch in batches:
        in_order = sorted(batch, key=lambda pair: pair[0])  # groups are ascending, days are not
        groups, days = np.array(in_order, np.int64).reshape(-1, 2).T
        day_rings.add(block, groups.astype(np.intp), days)
    return block


@given(st.lists(st.lists(places, max_size=25), max_size=6))
def test_the_newest_distinct_days_of_each_group_are_kept(batches: list[list[tuple[int, int]]]) -> None:
    kept = day_rings.unpack(added(batches))
    for group in range(GROUPS):
        days = sorted({day for batch in batches for g, day in batch if g == group}, reverse=True)[:KEPT]
        assert kept[:, group].tolist() == days + [NONE] * (KEPT - len(days))


@given(st.lists(places, max_size=40))
def test_one_customer_is_unpacked_as_many_are(events: list[tuple[int, int]]) -> None:
    block = added([events])
    many = day_rings.unpack(block)
    for group in range(GROUPS):
        one = day_rings.unpack_one(block[:, group].tolist())
        assert one == [day for day in many[:, group].tolist() if day != NONE]


@given(st.lists(places, max_size=40), st.randoms(use_true_random=False))
def test_any_order_and_any_split_gives_the_same_bytes(events: list[tuple[int, int]], random: object) -> None:
    shuffled = events.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    cut = random.randrange(len(events) + 1)  # type: ignore[attr-defined]
    assert added([shuffled[:cut], shuffled[cut:]]).tobytes() == added([events]).tobytes()


@given(st.lists(st.integers(0, 131_070), unique=True, max_size=KEPT))
def test_what_is_packed_is_unpacked(days: list[int]) -> None:
    column = np.array(sorted(days, reverse=True) + [NONE] * (KEPT - len(days)), np.int64)[:, None]
    assert day_rings.unpack(day_rings.pack(column)).tolist() == column.tolist()
