"""Early returns: the share that leaves before a label is known, and a correction that serves what it has earned."""

from __future__ import annotations

import math

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from online_model.early_returns import MOST_MOVED, STAYS, EarlyReturns, Returns
from schemas.instants import WEEK_US

HORIZON_WEEKS = 4
CUSTOMERS = 1000
SHARES = (0.4, 0.6, 0.75, 0.8)  # of a cohort that is back by age, in weeks


def returns_at(week: int, away: float = 0.2, shares: tuple[float, ...] = SHARES, said: float = 0.2) -> Returns:
    """What partitions report at a week: of the cohort of each week before `away` stay away; the model said `said`."""
    came = [round(CUSTOMERS * share * (1.0 - away) / shares[-1]) for share in shares]
    return {
        v * WEEK_US: (CUSTOMERS, round(CUSTOMERS * (1.0 - said) * STAYS), came[week - v - 1])
        for v in range(max(0, week - HORIZON_WEEKS), week)
    }


def after(weeks: int, away: float = 0.2, said: float = 0.2, early: EarlyReturns | None = None) -> EarlyReturns:
    """Weeks in which the model always said the same and `away` of the customers left."""
    early = early or EarlyReturns(7.0 * HORIZON_WEEKS)
    y = (np.arange(CUSTOMERS) < away * CUSTOMERS).astype(np.float64)
    z = np.full(CUSTOMERS, math.log(said / (1.0 - said)))
    for week in range(weeks):
        early.report(week * WEEK_US, returns_at(week, away, said=said))
        if week >= HORIZON_WEEKS:
            early.learn((week - HORIZON_WEEKS) * WEEK_US, z, y, np.ones(CUSTOMERS))
        early.shift(week * WEEK_US)
    return early


def log_odds(p: float) -> float:
    return math.log(p / (1.0 - p))


def test_before_anybody_could_come_back_nothing_is_known() -> None:
    assert EarlyReturns(28.0).outlook(0, CUSTOMERS) == (0.0, 0.0)


def test_the_share_that_leaves_is_known_once_a_cohort_has_aged_to_the_horizon() -> None:
    early = after(HORIZON_WEEKS + 1, away=0.2)
    found, evidence = early.outlook(HORIZON_WEEKS * WEEK_US, CUSTOMERS)
    assert found == pytest.approx(log_odds(0.2), abs=0.05)
    assert evidence == HORIZON_WEEKS / (HORIZON_WEEKS + 1)


def test_a_young_cohort_already_tells_a_log_of_leavers_from_one_of_stayers() -> None:
    few, many = (after(2, away=away).outlook(WEEK_US, CUSTOMERS)[0] for away in (0.1, 0.7))
    assert few < -0.5
    assert many > 0.5


def test_a_few_customers_of_the_oldest_cohort_do_not_say_how_silence_goes_on() -> None:
    few, many = (outlook_after_a_burst(customers) for customers in (4, 400))
    assert few > log_odds(0.5)
    assert many < log_odds(0.3)


def outlook_after_a_burst(customers: int) -> float:
    """Log-odds of leaving when nobody of the first cohort came back for a week and half of it did in the next."""
    early = EarlyReturns(28.0)
    early.report(WEEK_US, {0: (customers, customers * STAYS // 2, 0)})
    early.report(2 * WEEK_US, {0: (customers, customers * STAYS // 2, customers // 2)})
    return early.outlook(2 * WEEK_US, customers)[0]


def test_evidence_is_small_while_most_customers_are_newer_than_any_cohort() -> None:
    assert after(2).outlook(WEEK_US, 9 * CUSTOMERS)[1] == pytest.approx(0.1)


def test_nothing_is_served_before_a_matured_instant_has_shown_a_gain() -> None:
    assert after(HORIZON_WEEKS + 4, away=0.4).shift((HORIZON_WEEKS + 4) * WEEK_US) == 0.0


def test_a_level_that_the_model_misses_is_earned_and_served() -> None:
    early = after(60, away=0.4, said=0.2)
    assert early.strength >= 0.4  # the least of those that gain as much as an instant may count
    early.report(60 * WEEK_US, returns_at(60, away=0.4))
    shift = early.shift(60 * WEEK_US)
    assert log_odds(0.25) < log_odds(0.2) + shift < log_odds(0.45)


def test_where_the_model_is_right_nothing_is_moved() -> None:
    early = after(60, away=0.2, said=0.2)
    early.report(60 * WEEK_US, returns_at(60, away=0.2))
    assert early.shift(60 * WEEK_US) == pytest.approx(0.0, abs=0.01)


def test_returns_that_mislead_are_not_believed() -> None:
    """The newest cohorts come back late, but come back: the correction would call them lost."""
    early, z, y = EarlyReturns(28.0), np.full(CUSTOMERS, log_odds(0.2)), (np.arange(CUSTOMERS) < 200).astype(np.float64)
    for week in range(80):
        shares = (0.1, 0.2, 0.3, 0.8) if week % 8 < 4 else SHARES
        early.report(week * WEEK_US, returns_at(week, shares=shares))
        if week >= HORIZON_WEEKS:
            early.learn((week - HORIZON_WEEKS) * WEEK_US, z, y, np.ones(CUSTOMERS))
        assert abs(early.shift(week * WEEK_US)) <= 0.4
    assert early.strength <= 0.2


def test_a_shift_has_a_bound() -> None:
    early = after(60, away=0.4, said=0.2)
    early.report(60 * WEEK_US, returns_at(60, away=0.98))
    assert abs(early.shift(60 * WEEK_US)) <= MOST_MOVED


@given(st.integers(0, 30), st.integers(1, 8))
def test_state_that_was_stored_goes_on_with_the_same_bits(weeks: int, more: int) -> None:
    whole, stored = after(weeks, away=0.3), EarlyReturns(28.0)
    stored.load(orjson.loads(orjson.dumps(whole.state())))
    for one in (whole, stored):
        for week in range(weeks, weeks + more):
            one.report(week * WEEK_US, returns_at(week, away=0.5))
            one.shift(week * WEEK_US)
    assert orjson.dumps(whole.state()) == orjson.dumps(stored.state())
    at_us = (weeks + more) * WEEK_US
    assert (whole.shift(at_us), whole.outlook(at_us, 7)) == (stored.shift(at_us), stored.outlook(at_us, 7))


def test_a_week_without_a_report_counts_as_one_without_returns() -> None:
    early = EarlyReturns(28.0)
    early.report(2 * WEEK_US, {0: (10, 5 * STAYS, 4)})
    assert early.cohorts[0].back == [0, 4]


def test_old_cohorts_are_forgotten() -> None:
    assert len(after(100).cohorts) <= 26 + HORIZON_WEEKS + 1
