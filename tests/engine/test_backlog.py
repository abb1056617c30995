"""The backlog: who is in it, and the pace of its turns, which is the same for any number of partitions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from heapq import nsmallest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.aggregates import First
from features.signals import KNOWN
from features.table import Slots
from schemas.instants import DAY_US
from streams.cases.columns import ARMED, ATTRIBUTES, OPENED, PENDING, RETRY, SENT, UPGRADE, VALUE, WIDTH
from streams.engine.backlog import DAYS, Rank, last_ranks
from streams.engine.engine import Engine
from streams.interventions.case import Case
from streams.interventions.case_states import State
from streams.interventions.customer_attributes import CustomerAttributes
from streams.interventions.message import net_values, tier_of, timing
from streams.profile.loading import load_profile

PACE = ("case.backlog_a_day=2", "gate.holdout_share=0")
PROFILE = load_profile("after-sales", PACE)
AT_US = 20_000 * DAY_US
RANKS = st.lists(st.tuples(st.sampled_from([-3.0, -2.0]) | st.floats(-1e6, 0), st.integers(0, 99)), unique=True)
Columns = dict[int, float]


@given(RANKS, st.integers(1, 5), st.integers(1, 4))
def test_each_day_has_its_number_of_turns_the_best_first_whatever_the_partitions(
    ranks: list[Rank], a_day: int, partitions: int
) -> None:
    parts = [ranks[partition::partitions] for partition in range(partitions)]
    last = last_ranks([rank for part in parts for rank in nsmallest(DAYS * a_day, part)], a_day)
    days = [min(bisect_left(last, rank), DAYS) for rank in sorted(ranks)]
    assert days == [min(place // a_day, DAYS) for place in range(len(ranks))]


@given(st.floats(0, 1), st.floats(0, 1e5), st.integers(0, 40 * DAY_US))
def test_ranks_are_by_the_net_value_that_the_message_would_have(p: float, value: float, delay_us: int) -> None:
    (ranked,) = net_values(PROFILE, np.array([p]), np.array([value]), np.array([float(delay_us)]))
    budget = tier_of(PROFILE, p).budget
    said = timing(PROFILE, p, value, budget, AT_US - delay_us, AT_US)["expected_net_value"]
    assert ranked == pytest.approx(said, abs=0.006)


def engine(customers: Iterable[Columns], *settings: str, partition: int = 0, partitions: int = 1) -> Engine:
    """Customers c0, c1, ... who are in the backlog, but for the columns that are given."""
    profile = load_profile("after-sales", [*PACE, *settings])
    made = Engine(profile, partition, DAY_US, waits_for_models=True, partitions=partitions)
    for i, columns in enumerate(customers):
        if i % partitions == partition:
            row = made.table.rows[made.table.slots([f"c{i}"])[0]] = made.table.empty.copy()
            row[made.layout.column[First(KNOWN)]], row[SENT - WIDTH] = AT_US - 400 * DAY_US, 0.6
            for column, value in columns.items():
                row[column - WIDTH] = value
            made.table.rows[made.table.slots([f"c{i}"])[0]] = row
    return made


def everybody(made: Engine) -> Slots:
    return np.arange(len(made.table))


def turns(made: Engine, last: list[Rank] | None = None) -> dict[str, float]:
    """The day of each customer's turn."""
    ranks = last_ranks(made.backlog.ranks(everybody(made), AT_US), 2) if last is None else last
    made.backlog.give_week(everybody(made), ranks, AT_US)
    retry_us = made.table.rows[: len(made.table), RETRY - WIDTH]
    return {made.table.names[i]: (retry_us[i] - AT_US) / DAY_US for i in np.flatnonzero(np.isfinite(retry_us)).tolist()}


def test_a_crossing_that_is_worth_nothing_after_its_wait_has_its_turn_as_a_case_of_the_backlog() -> None:
    late, early = AT_US - 28.0 * DAY_US, AT_US - 2.0 * DAY_US  # a tenth as much is saved after four weeks
    made = engine([{PENDING: late, VALUE: 1500.0}, {PENDING: early, VALUE: 1500.0}])
    assert set(turns(made)) == {"c0", "c1"}
    assert made.table.rows[:2, PENDING - WIDTH].tolist() == [-np.inf, early]


VALUES = [1000.0, 9000.0, 5000.0, 8000.0, 2000.0, 3000.0]


def test_two_a_day_by_value_and_the_same_in_one_partition_and_in_two() -> None:
    customers = [{VALUE: value} for value in VALUES]
    whole = turns(engine(customers))
    parts = [engine(customers, partition=partition, partitions=2) for partition in (0, 1)]
    last = last_ranks([rank for part in parts for rank in part.backlog.ranks(everybody(part), AT_US)], 2)
    assert whole == {"c1": 0.0, "c3": 0.0, "c2": 1.0, "c5": 1.0, "c4": 2.0, "c0": 2.0}
    assert {name: day for part in parts for name, day in turns(part, last).items()} == whole


def test_whoever_finds_no_place_within_the_week_waits_for_the_next_model() -> None:
    found = turns(engine([{VALUE: 5000.0 + i} for i in range(20)]))
    assert sorted(found.values()) == [day for day in range(7) for _ in range(2)]
    assert {"c0", "c5"}.isdisjoint(found)


DAY = float(DAY_US)
MAY: dict[str, Columns] = {
    "above the threshold": {},
    "a crossing that a hold made wait": {PENDING: AT_US - 3 * DAY},
    "the cool-down is over": {OPENED: AT_US - 30 * DAY, ARMED: 1.0},
    "above the tier of the last case": {OPENED: AT_US - 40 * DAY, ARMED: 0.0, UPGRADE: 0.55},
    "a row of the release before, waiting for the tenure": {PENDING: np.inf},
}
MAY_NOT: dict[str, Columns] = {
    "not above the threshold": {SENT: 0.5},
    "a crossing that waits for an instant": {PENDING: AT_US - 3 * DAY, RETRY: AT_US + DAY},
    "in the cool-down": {OPENED: AT_US - 29 * DAY, ARMED: 1.0},
    "had the case of this crossing": {OPENED: AT_US - 40 * DAY, ARMED: 0.0},
    "in the tier of the last case": {OPENED: AT_US - 40 * DAY, ARMED: 0.0, UPGRADE: 0.7},
    "refused for good": {RETRY: np.inf},
    "worth less than it costs": {VALUE: 100.0},
}


@pytest.mark.parametrize("columns", MAY.values(), ids=MAY)
def test_in_the_backlog(columns: Columns) -> None:
    assert turns(engine([columns])) == {"c0": 0.0}


@pytest.mark.parametrize("columns", MAY_NOT.values(), ids=MAY_NOT)
def test_not_in_the_backlog(columns: Columns) -> None:
    made = engine([columns])
    assert made.backlog.ranks(everybody(made), AT_US) == []


def test_nor_a_customer_who_is_too_new() -> None:
    made = engine([{}])
    made.table.rows[0, made.layout.column[First(KNOWN)]] = AT_US - 29 * DAY
    assert turns(made) == {}


def test_nor_one_whose_case_is_open() -> None:
    made = engine([{}])
    made.casebook.open(
        0, Case("i", State.CONTACTED, AT_US - 40 * DAY_US, AT_US - 40 * DAY_US, "high", "phone", None, 1)
    )
    assert turns(made) == {}


def test_nor_one_whom_the_roll_out_has_not_reached() -> None:
    made = engine([{}, {}], "roll_out.stage=city")
    number = made.attributes_table.number(CustomerAttributes(scope="city-1"))
    made.table.rows[1, ATTRIBUTES - WIDTH] = number
    assert turns(made) == {"c1": 0.0}


def test_the_holdout_is_followed_at_its_rank_and_uses_no_turn() -> None:
    made = engine([{VALUE: value} for value in VALUES], "gate.holdout_share=0.999999")
    assert made.backlog.ranks(everybody(made), AT_US) == []
    assert set(turns(made).values()) == {0.0}
