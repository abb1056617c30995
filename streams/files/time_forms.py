"""Event times that are not RFC 3339 but can mean one instant only, such as `2023-01-01 08:00+0100`.

A reader hands times on as they are. Only when decoding has refused the time of a row, its file's times pass here first:
a file in RFC 3339 pays nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from schemas.instants import EPOCH, format_instant, parse_instant
from schemas.refusals import Refused, excerpt
from schemas.time_zones import zone
from streams.files.read_options import EPOCH_UNITS_NS, ReadOptions

DATE = r"(?P<date>\d{4}-\d\d-\d\d)"
TIME = r"(?P<minute>[01]\d:[0-5]\d|2[0-3]:[0-5]\d)(?::(?P<second>[0-5]\d)(?:[.,](?P<fraction>\d{1,18}))?)?"
OFFSET = r" ?(?P<offset>Z|UTC|GMT|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?"
FORM = re.compile(rf"{DATE}(?:[T ]{TIME}{OFFSET})?", re.ASCII | re.IGNORECASE)
COUNT = re.compile(r"\d{9,19}(?:\.0*)?", re.ASCII)
WITHOUT_OFFSET = "it has no offset; --time-zone names the zone of such times"
EPOCH_COUNT = "a count since 1970? --epoch names its unit: s, ms, us or ns"


class TimeForms:
    """The times of one file."""

    def __init__(self, options: ReadOptions) -> None:
        self.zone = None if options.time_zone is None else zone(options.time_zone)
        self.unit_ns = None if options.epoch is None else EPOCH_UNITS_NS[options.epoch]
        self.needed = False  # whether a time of the file was not RFC 3339

    def rfc3339(self, value: Any) -> Any:
        """Returns RFC 3339 in UTC for a value that means one instant; any other value unchanged."""
        try:
            return format_instant(self._instant_us(value))
        except (ValueError, OverflowError):
            return value

    def explained(self, refused: Refused, value: Any) -> Refused:
        """Returns the refusal of an event time with what to do about it."""
        why = self._why(value)
        return Refused(refused.index, refused.field, refused.rule, f"{refused.sentence}; {why}") if why else refused

    def _instant_us(self, value: Any) -> int:
        if isinstance(value, str) and (found := FORM.fullmatch(value)):
            return self._calendar_us(found)
        if self.unit_ns is not None and _is_count(value):
            return int(float(value) if "." in str(value) else value) * self.unit_ns // 1000
        return parse_instant(value if isinstance(value, str) else "")

    def _calendar_us(self, found: re.Match[str]) -> int:
        at = datetime.fromisoformat(f"{found['date']}T{found['minute'] or '00:00'}:{found['second'] or '00'}")
        at += timedelta(microseconds=int((found["fraction"] or "").ljust(6, "0")[:6]))
        offset = found["offset"]
        if offset is None:
            return _us(_in_zone(at, self.zone))
        if offset[0] not in "+-":
            return _us(at.replace(tzinfo=UTC))
        digits = offset.replace(":", "").ljust(5, "0")
        ahead = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
        return _us(at.replace(tzinfo=UTC)) - (1 if offset[0] == "+" else -1) * (ahead // timedelta(microseconds=1))

    def _why(self, value: Any) -> str | None:
        if _is_count(value):
            return EPOCH_COUNT if self.unit_ns is None else None
        found = FORM.fullmatch(value) if isinstance(value, str) else None
        if found is None or found["offset"] is not None:
            return None
        if self.zone is None:
            return WITHOUT_OFFSET
        return f"{excerpt(value)} is no instant, or two, in {self.zone.key}; write its offset"


def _in_zone(at: datetime, named: ZoneInfo | None) -> datetime:
    """Raises ValueError for a time that the zone has twice or not at all, in the nights when its clocks change."""
    if named is None:
        raise ValueError("no offset and no zone")
    first, second = (at.replace(tzinfo=named, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        raise ValueError("the clocks change")
    return first


def _us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _is_count(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return COUNT.fullmatch(str(value)) is not None if isinstance(value, str | int | float) else False
