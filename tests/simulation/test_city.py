from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.columns import ACTIVITY_TYPES
from schemas.instants import DAY_US, parse_instant
from streams.simulation import City, city
from streams.simulation.blocks import Block
from streams.simulation.churn import SOLD, hazard_by_traits

START_US = parse_instant("2023-01-02T00:00:00Z")
YEAR_DAYS = 365
OPENED, RESOLVED = ACTIVITY_TYPES.index("complaint_opened"), ACTIVITY_TYPES.index("complaint_resolved")


class Lived:
    """A city after two years, with all its events."""

    def __init__(self) -> None:
        self.city = City(4_000, START_US, seed=7)
        self.days = [self.city.next_day() for _ in range(2 * YEAR_DAYS)]
        self.people = self.city.people
        self.visits = np.concatenate([day.visits for day in self.days])
        self.activity = np.concatenate([day.activity for day in self.days])
        self.surveys = np.concatenate([day.surveys for day in self.days])


@pytest.fixture(scope="module")
def lived() -> Lived:
    return Lived()


def bytes_of(blocks: list[Block]) -> bytes:
    return b"".join(rows.tobytes() for day in blocks for rows in (day.visits, day.activity, day.surveys))


def within(days: NDArray[np.float64], above: float, up_to: float) -> int:
    return int(np.sum((days > above) & (days <= up_to)))


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    long = list(city(200, 60, START_US, seed=3))
    assert bytes_of(list(city(200, 25, START_US, seed=3))) == bytes_of(long[:25])


def test_another_seed_has_other_customers() -> None:
    one, other = (City(200, START_US, seed).people for seed in (3, 4))
    assert not np.array_equal(one.base_satisfaction, other.base_satisfaction)


def test_another_seed_has_other_events() -> None:
    assert bytes_of(list(city(200, 5, START_US, seed=3))) != bytes_of(list(city(200, 5, START_US, seed=4)))


def test_events_of_a_day_lie_in_that_day_and_in_order(lived: Lived) -> None:
    for day in lived.days:
        midnight_us = START_US + day.day * DAY_US
        for rows in (day.visits, day.activity, day.surveys):
            times = rows["time_us"]
            assert np.all(np.diff(times) >= 0)
            assert np.all((times > midnight_us) & (times < midnight_us + DAY_US))


@pytest.mark.parametrize("year", [0, 1])
def test_about_eighteen_in_a_hundred_leave_within_a_year(lived: Lived, year: int) -> None:
    people, from_us = lived.people, START_US + year * YEAR_DAYS * DAY_US
    left_us = np.where(people.left_us, people.left_us, 2**62)
    there = (people.joined_us != 0) & (people.joined_us < from_us) & (left_us > from_us)
    assert 0.15 < np.mean(left_us[there] <= from_us + YEAR_DAYS * DAY_US) < 0.22


def test_nobody_visits_between_leaving_and_returning(lived: Lived) -> None:
    people, who, times = lived.people, lived.visits["customer"], lived.visits["time_us"]
    back_us = np.where(people.returned_us, people.returned_us, 2**62)
    away = (people.left_us[who] != 0) & (times >= people.left_us[who]) & (times < back_us[who])
    assert not away.any()


def test_a_returned_customer_visits_at_the_time_of_return(lived: Lived) -> None:
    people = lived.people
    back = np.flatnonzero(people.returned_us)
    visited = set(zip(lived.visits["customer"].tolist(), lived.visits["time_us"].tolist(), strict=True))
    assert len(back) > 20
    assert all((who, people.returned_us[who]) in visited for who in back.tolist())


def test_a_third_of_the_silent_with_a_vehicle_come_back(lived: Lived) -> None:
    people = lived.people
    silent = (people.left_us != 0) & ~people.with_signs & (people.cause != SOLD)
    assert np.mean(people.return_day[silent] < 2**31) == pytest.approx(1 / 3, abs=0.08)


def test_nobody_does_anything_before_joining(lived: Lived) -> None:
    for rows in (lived.visits, lived.activity, lived.surveys):
        assert np.all(rows["time_us"] >= lived.people.joined_us[rows["customer"]])


def test_the_hazard_by_traits_ranks_who_leaves(lived: Lived) -> None:
    people = lived.people
    hazard = hazard_by_traits(people, lived.city.rules)
    order = np.argsort(hazard[people.join_day < 0])
    lowest, *_, highest = np.array_split((people.left_us[people.join_day < 0] != 0)[order], 5)
    assert highest.mean() > 2 * lowest.mean()


def test_the_hazard_by_traits_does_not_depend_on_history(lived: Lived) -> None:
    fresh = City(4_000, START_US, seed=7)
    before, after = (hazard_by_traits(one.people, one.rules) for one in (fresh, lived.city))
    assert np.array_equal(before, after)


def test_leavers_with_signs_open_the_app_less_before_they_go(lived: Lived) -> None:
    people = lived.people
    leavers = (people.left_us > START_US + 180 * DAY_US) & people.with_signs
    who, times = lived.activity["customer"], lived.activity["time_us"]
    before_days = (people.left_us[who] - times)[leavers[who]] / DAY_US
    assert within(before_days, 0, 30) < 0.5 * within(before_days, 120, 150)


def test_leavers_without_signs_use_the_app_as_before_until_they_go(lived: Lived) -> None:
    people = lived.people
    sold = (people.left_us > START_US + 90 * DAY_US) & (people.cause == SOLD)
    who, times = lived.activity["customer"], lived.activity["time_us"]
    before_days = (people.left_us[who] - times)[sold[who]] / DAY_US
    assert within(before_days, 0, 30) > 0.6 * within(before_days, 30, 60)


def test_a_complaint_is_open_before_it_is_resolved_and_only_one_at_a_time(lived: Lived) -> None:
    rows = lived.activity[np.isin(lived.activity["code"], (OPENED, RESOLVED))]
    open_now: set[int] = set()
    for who, code in zip(rows["customer"].tolist(), rows["code"].tolist(), strict=True):
        assert (who in open_now) == (code == RESOLVED)
        open_now ^= {who}
    assert 0.5 < np.sum(rows["code"] == RESOLVED) / np.sum(rows["code"] == OPENED) < 0.8


def test_a_customer_may_complain_again_after_a_resolution(lived: Lived) -> None:
    opened = lived.activity["customer"][lived.activity["code"] == OPENED]
    assert np.bincount(opened).max() > 1


def test_dissatisfied_customers_give_lower_scores(lived: Lived) -> None:
    csat = lived.surveys[lived.surveys["code"] == 1]
    base = lived.people.base_satisfaction[csat["customer"]]
    assert np.corrcoef(base, csat["score"])[0, 1] > 0.5


def test_most_customers_who_stay_come_within_a_horizon_of_180_days(lived: Lived) -> None:
    people, at_us = lived.people, START_US + 360 * DAY_US
    stays = (people.join_day < 0) & (people.left_us == 0)
    times = lived.visits["time_us"]
    came = np.zeros(len(people), np.bool_)
    came[lived.visits["customer"][(times > at_us) & (times <= at_us + 180 * DAY_US)]] = True
    assert came[stays].mean() > 0.94


def test_a_city_of_one_customer_runs() -> None:
    assert len(list(city(1, 30, START_US, seed=0))) == 30
