from __future__ import annotations

from schemas.instants import DAY_US
from streams.operations.cases.curve import draw, sampled


def test_without_points_nothing_is_drawn() -> None:
    assert draw([], 10, 3) == []


def test_a_value_holds_until_the_next() -> None:
    assert sampled([(0, 0.2), (6, 0.8), (10, 0.4)], 5) == [0.2, 0.2, 0.8, 0.8, 0.4]


def test_one_point_is_a_level_line() -> None:
    assert sampled([(7, 0.3)], 3) == [0.3, 0.3, 0.3]


def test_full_and_half_heights() -> None:
    lines = draw([(0, 0.5), (DAY_US, 1.0)], 2, 2)
    assert [line[5:] for line in lines[:2]] == [" █", "██"]


def test_the_last_line_has_both_dates() -> None:
    assert draw([(0, 0.5), (DAY_US, 1.0)], 30, 2)[-1].split() == ["1970-01-01", "1970-01-02"]


def test_dates_do_not_run_together_on_a_short_curve() -> None:
    assert draw([(0, 0.5)], 2, 2)[-1].split() == ["1970-01-01", "1970-01-01"]
