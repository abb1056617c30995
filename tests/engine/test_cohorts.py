"""Cohorts: who of the customers observed at an instant has come back, without a list of them."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.aggregates import Layout
from features.catalogue import AGGREGATES
from features.day_rings import KEPT
from online_model.early_returns import STAYS
from schemas.columns import SERVICE_VISIT, empty_rows
from schemas.instants import DAY_US
from streams.engine import scoring
from streams.engine.cohorts import Cohorts
from streams.engine.engine import Engine
from streams.engine.reports import Report, report_of
from streams.profile.loading import load_profile
from tests.engine.test_engine import START_US, visits

LABEL = load_profile("e-commerce", ["label.horizon=28d", "label.lapsed_after=60d"]).label
NOW, DAY_OF_COHORT = 19_700, 19_680
HOUR_US = DAY_US // 24


def back(hours: list[int], zone: str = "UTC") -> int:
    """How many of the cohort of DAY_OF_COHORT are back: one customer with visits at these hours before NOW."""
    layout = Layout(AGGREGATES, ("service_visit",), zone)
    rows = empty_rows(len(hours))
    rows["kind"], rows["id"] = SERVICE_VISIT, range(1, len(hours) + 1)
    rows["time_us"] = [NOW * DAY_US - hour * HOUR_US for hour in sorted(hours, reverse=True)]
    block = layout.empty[:, None].copy()
    layout.update(block, rows, np.zeros(len(hours), np.intp), np.array([float(NOW * DAY_US)]))
    cohorts = Cohorts(layout, LABEL)
    cohorts.observed[DAY_OF_COHORT * DAY_US] = 1, STAYS
    return cohorts.returns([block])[DAY_OF_COHORT * DAY_US][2]


def expected(hours: list[int]) -> int:
    ages = [hour - (NOW - DAY_OF_COHORT) * 24 for hour in hours]  # of the events before the instant of the cohort
    return int(any(0 <= age <= 60 * 24 for age in ages) and any(age < 0 for age in ages))


@given(st.lists(st.integers(0, 75 * 24), min_size=1, max_size=KEPT - 1, unique=True))
def test_it_is_what_the_raw_events_say(hours: list[int]) -> None:
    if not any(60 * 24 < hour - 20 * 24 < 61 * 24 for hour in hours):  # a day is the unit of the time until a lapse
        assert back(hours) == expected(hours)


def test_with_more_days_since_than_are_kept_the_first_event_says_who_was_there() -> None:
    daily = [24 * day for day in range(15)]
    assert back(daily) == 0
    assert back([*daily, 24 * 25]) == 1


def test_a_first_visit_earlier_on_the_day_of_the_instant_counts_in_every_zone() -> None:
    two_hours_before = 20 * 24 + 2
    assert back([two_hours_before, 24], zone="Asia/Shanghai") == 1
    assert back([two_hours_before], zone="Asia/Shanghai") == 0


def test_stays_are_those_that_the_model_said_without_the_shift_of_the_instant() -> None:
    cohorts = Cohorts(Layout(AGGREGATES, ("service_visit",)), LABEL)
    p = np.array([0.5, 0.5, 0.2])
    cohorts.add(0, p[:2], 0.0)
    cohorts.add(0, p[2:], 0.0)
    assert cohorts.observed[0] == (3, pytest.approx((0.5 + 0.5 + 0.8) * STAYS, abs=2))
    shift = float(np.log(4.0))  # 0.2 was served, 1/17 was said
    cohorts.add(7, p[2:], shift)
    assert cohorts.observed[7][1] == pytest.approx(16 / 17 * STAYS, abs=2)


def test_reports_of_partitions_add_up_and_come_back_from_their_messages() -> None:
    a, b = (
        Report(Report.empty().population, Report.empty().histograms, {}, returns=r)
        for r in ({7: (1, 2, 3)}, {7: (10, 20, 30), 9: (4, 5, 6)})
    )
    both = a + b
    assert both.returns == {7: (11, 22, 33), 9: (4, 5, 6)} == (b + a).returns
    assert Report.unpacked(orjson.loads(orjson.dumps(both.packed()))).returns == both.returns


def test_a_cohort_is_dropped_after_its_last_report() -> None:
    cohorts = Cohorts(Layout(AGGREGATES, ("service_visit",)), LABEL)
    cohorts.observed = {0: (1, STAYS)}
    cohorts.end(28 * DAY_US)
    assert cohorts.observed
    cohorts.end(35 * DAY_US)
    assert not cohorts.observed


def test_the_report_of_many_customers_counts_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Engine(load_profile("after-sales", []), 0, DAY_US, waits_for_models=True)
    made.start(START_US)
    visits(made, 0, range(5))
    slots, at_us = np.arange(5), START_US + 8 * DAY_US
    made.cohorts.add(START_US + DAY_US, np.full(5, 0.5), 0.0)
    whole = report_of(made.scoring, made.cohorts, slots, at_us)
    monkeypatch.setattr(scoring, "ROWS_AT_ONCE", 2)
    assert report_of(made.scoring, made.cohorts, slots, at_us).packed() == whole.packed()
    assert whole.returns[START_US + DAY_US][0] == 5
