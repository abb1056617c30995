"""Which rows run away from all others, and whether a file is in order."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from schemas.columns import Events, empty_rows
from schemas.decode import Decoded
from schemas.instants import DAY_US, HOUR_US
from schemas.validation import Mark
from streams.files.time_order import LONGEST_GAP_US, Days, OrderWatch

SHOP = [day for day in range(19_000, 19_400) for _ in range(3)]  # three rows a day for 400 days


def kept(days: Sequence[int], longest_gap_us: int = LONGEST_GAP_US) -> tuple[int, int] | None:
    """Returns the first and the last day that are kept, None where all are."""
    found = Days()
    found.add(np.array(days, np.int64) * DAY_US + HOUR_US)
    bounds = found.bounds(longest_gap_us)
    return None if bounds is None else (bounds.earliest_us // DAY_US, bounds.latest_us // DAY_US)


RUNAWAYS = {
    "a year ahead": [19_765],
    "nine months ahead": [19_399 + 275],
    "several, each in a year of its own": [19_700, 20_100, 20_465],
    "before": [18_000],
    "before and ahead": [17_000, 20_000],
    "in 1970": [0, 365],
    "at the zero of clocks, however many": [0] * 500 + [1],
}


@pytest.mark.parametrize("rows", RUNAWAYS.values(), ids=list(RUNAWAYS))
def test_few_rows_far_from_all_others_run_away(rows: list[int]) -> None:
    mixed = SHOP + rows
    random.Random(1).shuffle(mixed)
    assert kept(mixed) == (19_000, 19_399)


GENUINE = {
    "a steady log": SHOP,
    "a day after three weeks of holidays": [*SHOP, 19_421],
    "a day after three months": [*SHOP, 19_399 + 90],
    "another half after a closure of a year": SHOP + [day + 800 for day in SHOP[:300]],
    "a closure of a year, then one row in forty": SHOP + [19_765] * 30,
    "a sparse log": list(range(15_000, 20_000, 80)),
    "seasons": [start + day for start in range(15_000, 18_000, 365) for day in range(100)] + [18_285],
    "few rows": [19_000, 19_400],
    "less than fifty": [19_000] * 48 + [19_400],
    "one": [19_000],
    "none": [],
    "the first days of 1970": [0, 1, 2, 3],
}


@pytest.mark.parametrize("rows", GENUINE.values(), ids=list(GENUINE))
def test_a_gap_of_a_genuine_log_is_kept(rows: list[int]) -> None:
    assert kept(rows) is None


def test_rows_that_run_away_are_found_behind_a_closure_too() -> None:
    assert kept(SHOP + [day + 600 for day in SHOP] + [22_000]) == (19_000, 19_999)


def test_customers_without_a_rhythm_leave_gaps_that_are_kept() -> None:
    chance = np.random.default_rng(1)
    logs = (
        np.cumsum(chance.exponential(mean, n)) + 15_000 for mean in (5, 20, 60) for n in (60, 200) for _ in range(50)
    )
    assert [kept(log.astype(int).tolist()) for log in logs] == [None] * 300


def test_a_longer_gap_may_be_allowed() -> None:
    assert kept([*SHOP, 19_765], 400 * DAY_US) is None


def decoded(*hours: float, marks: Sequence[tuple[int, float]] = ()) -> Decoded:
    """Returns a batch whose rows are events at these hours, and marks (index, hour)."""
    taken = {index for index, _ in marks}
    index = [i for i in range(len(hours) + len(marks)) if i not in taken]
    rows = empty_rows(len(hours))
    rows["time_us"] = np.array(hours) * HOUR_US
    found = [Mark(i, "heartbeat", int(hour * HOUR_US), "p") for i, hour in marks]
    return Decoded(Events(rows, [""] * len(hours), [""] * len(hours)), np.array(index), found, [], {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("batches", "late"),
    [
        ([decoded(1, 25, 30)], [0]),
        ([decoded(23, 1, 24)], [0]),  # one day, in any order; midnight belongs to the day before
        ([decoded(25, 24)], [1]),
        ([decoded(25), decoded(1, 2, 26)], [0, 2]),
        ([decoded(1, 2, marks=[(1, 30)])], [1]),  # behind a heartbeat of the next day
        ([decoded(1, 2, marks=[(1, 23)])], [0]),
        ([decoded(), decoded(1)], [0, 0]),
    ],
)
def test_rows_of_an_earlier_day_are_late(batches: list[Decoded], late: list[int]) -> None:
    watch = OrderWatch(DAY_US)
    assert [watch.late(batch) for batch in batches] == late


def test_a_gap_is_seen_between_rows_between_batches_and_between_files() -> None:
    watch = OrderWatch(DAY_US)
    assert watch.gap_us(decoded(1, 5, 4), None, None) == 4 * HOUR_US
    assert watch.gap_us(decoded(15), 0, 0) == 10 * HOUR_US
    assert OrderWatch(DAY_US).gap_us(decoded(100), 0, 40 * HOUR_US) == 60 * HOUR_US
    assert OrderWatch(DAY_US).gap_us(decoded(0), 30 * HOUR_US, 40 * HOUR_US) == 30 * HOUR_US
