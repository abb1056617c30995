"""Instants as microseconds since 1970-01-01T00:00:00Z and as RFC 3339; durations as microseconds and as `90d`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from schemas.errors import UsageError

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
WEEK_US = 7 * DAY_US
MONDAY_US = 4 * DAY_US  # 1970-01-05 was a Monday
LONGEST_US = 36_525 * DAY_US  # a century: float64 holds every microsecond of it exactly

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
UNITS_US = {"us": 1, "ms": 1_000, "s": SECOND_US, "m": 60 * SECOND_US, "h": HOUR_US, "d": DAY_US, "w": WEEK_US}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)", re.ASCII)


def parse_instant(text: str) -> int:
    """Returns microseconds since 1970 of an RFC 3339 time with an offset; digits beyond microseconds are cut.

    Raises ValueError with the rule that `text` breaks.
    """
    if not RFC3339.fullmatch(text):
        raise ValueError("expected RFC 3339 with an offset, as in 2024-03-01T08:30:00Z")
    if text[17:19] == "60":
        raise ValueError("leap seconds are not accepted; send second 59 or the next minute")
    try:
        return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not a time of the calendar ({error})") from None


@lru_cache(maxsize=4096)  # messages of a tick share their instants
def format_instant(us: int) -> str:
    """Returns RFC 3339 in UTC, without the fraction where it is zero."""
    text = (EPOCH + timedelta(microseconds=us)).isoformat()
    return text.replace("+00:00", "Z")


def parse_duration(text: str) -> int:
    """Returns microseconds of a duration such as `90d`, `12h`, `200ms`; raises UsageError."""
    match = DURATION.fullmatch(text)
    if not match:
        raise UsageError(f"duration {text[:40]!r}: expected a number and a unit (us ms s m h d w), as in 90d or 200ms")
    us = Decimal(match[1]) * UNITS_US[match[2]]
    if us > LONGEST_US:
        raise UsageError(f"duration {text[:40]!r}: expected at most {format_duration(LONGEST_US)}")
    if us != int(us):
        raise UsageError(f"duration {text[:40]!r} is not a whole number of microseconds")
    return int(us)


def format_duration(us: int) -> str:
    """Returns the exact text with the largest unit up to days: `14d`, `36h`, `1500ms`."""
    for unit in ("d", "h", "m", "s", "ms"):
        if us % UNITS_US[unit] == 0:
            return f"{us // UNITS_US[unit]}{unit}"
    return f"{us}us"
