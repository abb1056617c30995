"""The verdict of a soak."""

from __future__ import annotations

import pytest

from streams.kafka.status import Status
from tests.soak.__main__ import Sample, judge

WELL = Status("soak", "", "Stable", 2, [], [], None, {})


@pytest.mark.parametrize(("grown", "code"), [(0, 0), (5, 0), (30, 1)])
def test_memory_that_grows_in_the_last_third_ends_with_1(grown: int, code: int) -> None:
    samples = [Sample(100 + (grown if minute > 20 else 0), 17, 7_000, 3_000, 160) for minute in range(30)]
    assert judge(samples, WELL) == code


def test_what_grows_while_caches_fill_is_no_growth() -> None:
    samples = [Sample(min(100 + 10 * minute, 200), 17, 7_000, 3_000, 160) for minute in range(30)]
    assert judge(samples, WELL) == 0
