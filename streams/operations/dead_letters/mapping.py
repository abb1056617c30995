"""Repairs of refused events, from a small TOML file:

[rename]           # field as it was sent = field as it should be
sum = "amount"
[time_zone]        # field without an offset = the zone that it is in
event_time = "Europe/Madrid"
[divide]           # field = what to divide it by
amount = 100
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from schemas.errors import UsageError
from schemas.time_zones import zone

TABLES = ("rename", "time_zone", "divide")


@dataclass(frozen=True)
class Repairs:
    """rename: old -> new name; time_zone: field -> zone of times without offset; divide: field -> divisor."""

    rename: Mapping[str, str] = field(default_factory=dict)
    time_zone: Mapping[str, ZoneInfo] = field(default_factory=dict)
    divide: Mapping[str, float] = field(default_factory=dict)

    def applied(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the repaired event. Raises ValueError for a time that its zone has twice or not at all, for a new
        name that the event has already, and for a number that division makes infinite.
        """
        found: dict[str, Any] = {}
        for name, value in event.items():
            if (new := self.rename.get(name, name)) in found:
                raise ValueError(f"{new} is in the event twice, once by its new name")
            found[new] = value
        for name, of in self.time_zone.items():
            if isinstance(value := found.get(name), str):
                found[name] = _with_offset(value, of)
        for name, divisor in self.divide.items():
            value = found.get(name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found[name] = value / divisor
                if not isfinite(found[name]):
                    raise ValueError(f"{name}: {value} / {divisor} is too large")
        return found


def load(path: Path) -> Repairs:
    """Reads a mapping; raises UsageError saying what is wrong."""
    try:
        body = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    if unknown := sorted(body.keys() - set(TABLES)):
        raise UsageError(f"{path}: [{unknown[0]}] is not known; there are {', '.join(TABLES)}")
    for table in TABLES:
        if not isinstance(body.get(table, {}), dict):
            raise UsageError(f"{path}: {table} is {body[table]!r}, expected a table [{table}]")
    rename, zones, divide = (body.get(table, {}) for table in TABLES)
    if wrong := [name for name, new in rename.items() if not isinstance(new, str)]:
        raise UsageError(f"{path}: rename.{wrong[0]} is {rename[wrong[0]]!r}, expected the new name of the field")
    return Repairs(rename, {name: _zone(path, name, of) for name, of in zones.items()}, _divisors(path, divide))


def _zone(path: Path, name: str, of: object) -> ZoneInfo:
    try:
        return zone(str(of))
    except (ValueError, KeyError, UsageError):
        raise UsageError(f"{path}: time_zone.{name} is {of!r}, expected a zone, as in Europe/Madrid") from None


def _divisors(path: Path, divide: Mapping[str, Any]) -> dict[str, float]:
    for name, by in divide.items():
        if not isinstance(by, (int, float)) or isinstance(by, bool) or not by or not isfinite(by):
            raise UsageError(f"{path}: divide.{name} is {by!r}, expected a finite number other than 0")
    return dict(divide)


def _with_offset(text: str, of: ZoneInfo) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text  # refused again, with its own sentence
    if at.tzinfo is not None:
        return text
    early, late = at.replace(tzinfo=of, fold=0), at.replace(tzinfo=of, fold=1)
    if early.utcoffset() != late.utcoffset():
        raise ValueError(f"{text} is no instant, or two, in {of.key}")
    return early.isoformat()
