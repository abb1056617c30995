"""Days of a time zone: which day an instant falls on, and when a day begins. Day 0 is 1970-01-01."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from schemas.instants import DAY_US, EPOCH, SECOND_US
from schemas.time_zones import zone as zone_of

Days = NDArray[np.int64]
FIRST_DAY = date(1970, 1, 1)
LAST_DAY = (date(2100, 1, 1) - FIRST_DAY).days  # the rules of the time zones are not known so far ahead anyway


class Calendar:
    """The days of a time zone with an IANA name."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._from_us, self._offset_us = _offsets(zone)

    def days(self, at_us: Array) -> Days:
        """Returns the day of each instant."""
        at = np.asarray(at_us).astype(np.int64)
        offset = self._offset_us[np.searchsorted(self._from_us, at, "right") - 1]
        days: Days = (at + offset) // DAY_US
        return days

    def start_us(self, day: int) -> int:
        """Returns the first instant of a day; where clocks skip midnight, the instant at which they do."""
        return _start_us(self, day)


@lru_cache(maxsize=4096)
def _start_us(calendar: Calendar, day: int) -> int:
    low, high = (day - 2) * DAY_US, (day + 2) * DAY_US
    while low < high:
        middle = (low + high) // 2
        if int(calendar.days(np.array([middle]))[0]) < day:
            low = middle + 1
        else:
            high = middle
    return low


def date_of(day: int) -> date:
    """Returns the date of a day."""
    return FIRST_DAY + timedelta(days=day)


@cache
def _offsets(zone: str) -> tuple[Days, Days]:
    """Returns the instants from which another offset to UTC holds, in us, and the offsets in us."""
    known = zone_of(zone)

    def offset(second: int) -> int:
        found = (EPOCH + timedelta(seconds=second)).astimezone(known).utcoffset()
        assert found is not None
        return int(found.total_seconds())

    a_day, changes = DAY_US // SECOND_US, [(-LAST_DAY * DAY_US // SECOND_US, offset(0))]
    for start in range(0, LAST_DAY * a_day, a_day):
        low, high = start, start + a_day
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        changes.append((high, offset(high)))
    instants, offsets = np.array(changes, np.int64).T * SECOND_US
    return instants, offsets
