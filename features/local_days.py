"""Days of a time zone: which day an instant falls on, and when a day begins. Day 0 is 1970-01-01."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from schemas.instants import DAY_US, EPOCH, SECOND_US
from schemas.time_zones import zone as zone_of

Days = NDArray[np.int64]
FIRST_DAY = date(1970, 1, 1)
APART_S = 7 * DAY_US // SECOND_US  # no zone has changed its offset twice in so few days since 1970
LAST_DAY = (date(2100, 1, 1) - FIRST_DAY).days  # the rules of the time zones are not known so far ahead anyway


class Calendar:
    """The days of a time zone with an IANA name."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._from_us, self._offset_us = _offsets(zone)
        self._changes: tuple[list[int], list[int]] = self._from_us.tolist(), self._offset_us.tolist()

    def days(self, at_us: Array) -> Days:
        """Returns the day of each instant."""
        at = np.asarray(at_us).astype(np.int64)
        offset = self._offset_us[np.searchsorted(self._from_us, at, "right") - 1]
        days: Days = (at + offset) // DAY_US
        return days

    def day(self, at_us: int) -> int:
        """Returns the day of one instant."""
        from_us, offset_us = self._changes
        return (at_us + offset_us[bisect_right(from_us, at_us) - 1]) // DAY_US

    def start_us(self, day: int) -> int:
        """Returns the first instant of a day; where clocks skip midnight, the instant at which they do."""
        return _start_us(self, day)


@lru_cache(maxsize=4096)
def _start_us(calendar: Calendar, day: int) -> int:
    low, high = (day - 2) * DAY_US, (day + 2) * DAY_US
    while low < high:
        middle = (low + high) // 2
        if calendar.day(middle) < day:
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

    last, now = LAST_DAY * DAY_US // SECOND_US, offset(0)
    changes = [(-last, now)]
    for low in range(0, last, APART_S):
        high, then = low + APART_S, offset(low + APART_S)
        if then == now:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == now else (low, middle)
        changes.append((high, then))
        now = then
    instants, offsets = np.array(changes, np.int64).T * SECOND_US
    return instants, offsets
