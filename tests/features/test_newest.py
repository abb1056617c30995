"""The instants of the newest events: the same in any order and any split, each event as often as it counts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features import newest

EVENTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(1, 5)), max_size=12)


@given(EVENTS, st.integers(0, 12), st.randoms(use_true_random=False))
def test_the_newest_of_each_customer_are_those_of_the_sorted_list(
    events: list[tuple[int, int, int]], cut: int, random: object
) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    block = np.full((newest.KEPT, 3), -np.inf)
    for part in (sorted(shuffled[:cut]), sorted(shuffled[cut:])):  # as the rows of a batch
        groups, times, counts = (np.array([event[i] for event in part]) for i in range(3))
        newest.add(block, groups.astype(np.intp), times.astype(float), counts.astype(float))
    for group in range(3):
        all_times = sorted((t for g, t, n in events for _ in range(n) if g == group), reverse=True)
        wanted = [*all_times[: newest.KEPT], *[-np.inf] * newest.KEPT][: newest.KEPT]
        assert block[:, group].tolist() == wanted
