"""Days of a time zone, against the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.local_days import Calendar, date_of
from schemas.instants import EPOCH
from schemas.time_zones import zone as zone_of

ZONES = (
    *("UTC", "Asia/Shanghai", "America/Sao_Paulo", "Europe/Berlin"),
    *("Pacific/Apia", "Africa/Casablanca", "Asia/Kathmandu"),
)
zones = pytest.mark.parametrize("zone", ZONES)
instants = st.integers(0, 4_000_000_000_000_000)


@zones
@given(at_us=instants)
def test_an_instant_falls_on_the_day_that_the_clocks_of_the_zone_show(zone: str, at_us: int) -> None:
    local = (EPOCH + timedelta(microseconds=at_us)).astimezone(zone_of(zone))
    calendar = Calendar(zone)
    assert date_of(int(calendar.days(np.array([at_us]))[0])) == date_of(calendar.day(at_us)) == local.date()


@zones
@given(at_us=instants)
def test_a_day_begins_at_the_first_instant_that_falls_on_it(zone: str, at_us: int) -> None:
    calendar = Calendar(zone)
    day = int(calendar.days(np.array([at_us]))[0])
    start_us = calendar.start_us(day)
    before, at = calendar.days(np.array([start_us - 1, start_us])).tolist()
    assert before < day == at


def test_a_midnight_that_clocks_skip_is_when_they_skip_it() -> None:
    skipped = datetime(2018, 11, 4, 3, tzinfo=UTC)  # in Sao Paulo clocks went from 0:00 to 1:00
    calendar, at_us = Calendar("America/Sao_Paulo"), round(skipped.timestamp()) * 1_000_000
    assert calendar.start_us(int(calendar.days(np.array([at_us]))[0])) == at_us
