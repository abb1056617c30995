"""Exact facts about a customer, which anybody can recount from the customer's applied events (docs/facts.md).

The model's features are decayed sums, means and ratios; what an adviser reads is a date, a count or an amount instead.
A fact is a mapping with the fields of `schemas.outputs.Fact`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import inf
from statistics import median
from typing import Any

from features import day_rings
from features.aggregates import Aggregate, Decayed, First, Greatest, Last, Latest, Layout, RecentDays, Signal, Total
from features.local_days import date_of
from features.signals import ACTIVITY, CSAT, KNOWN, RETAINED, WAITS, naming
from features.view import View
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, CAUSES, KINDS, SURVEY_TYPES
from schemas.instants import DAY_US, format_instant

Fact = dict[str, Any]
NOTHING: Mapping[str, Any] = {}

# what is kept for facts alone, beside what the features use
KEPT_FOR_FACTS: tuple[Aggregate, ...] = (
    *(RecentDays(signal, part) for signal in (RETAINED, ACTIVITY) for part in range(day_rings.COLUMNS)),
    *(kind(signal) for signal in (WAITS, CSAT) for kind in (Last, Latest)),
    *(Last(naming(cause)) for cause in CAUSES),
)


def signal_of(layout: Layout, signal: Signal) -> Signal | None:
    """Returns the signal with the kind of event that it stands for; None: it stands for several."""
    if signal != RETAINED:
        return signal
    return Signal(layout.retention[0]) if len(layout.retention) == 1 else None


def _where(signal: Signal) -> dict[str, str]:
    if signal.cause is not None:
        return {"causes": CAUSES[signal.cause]}
    if signal.codes is None:
        return {}
    names, field = (ACTIVITY_TYPES, "activity_type") if signal.kind == APP_ACTIVITY else (SURVEY_TYPES, "survey_type")
    return {field: names[signal.codes[0]]}


@dataclass(frozen=True, slots=True)
class Pressure:
    """A market signal that is in force. scope: None: all customers."""

    name: str
    scope: str | None
    level: float
    from_us: int


@dataclass(frozen=True)
class Facts:
    """What is known exactly of one customer at the instant of the view. Signals are of one kind of event. pressures:
    the market signals in force at the customer's scope, the highest level first.
    """

    view: View
    currency: str
    pressures: Sequence[Pressure] = ()
    claimed: dict[Any, Any] = field(default_factory=dict)  # what `features.claims` made of them, by claim and direction
    _days: dict[Signal, list[int]] = field(default_factory=dict)

    @cached_property
    def at_us(self) -> int:
        return int(self.view.at_us[0])

    @cached_property
    def today(self) -> int:
        return self._day(self.at_us)

    def newest_us(self, signal: Signal) -> int | None:
        """Returns when the newest event was; None: there is none."""
        found = self._value(Last(signal))
        return int(found) if found > -inf else None

    def days_ago(self, signal: Signal) -> int | None:
        """Returns whole days since the newest event, rounded down; None: there is none."""
        newest_us = self.newest_us(signal)
        return None if newest_us is None else (self.at_us - newest_us) // DAY_US

    def total(self, signal: Signal) -> float:
        """Returns the sum of the signal's weights."""
        return self._value(Total(signal))

    def value(self, signal: Signal) -> float:
        """Returns the weight of the newest event."""
        return self._value(Latest(signal))

    def recent_mean(self, whole: Signal, count: Signal) -> float:
        """Returns the decayed mean of the model: for comparisons, it is no fact."""
        sums = (float(self.view.get(Decayed(signal, 112))[0]) for signal in (whole, count))
        return next(sums) / next(sums)

    def days(self, signal: Signal) -> list[int]:
        """Returns the newest days with an event, newest first: all there were since the last of them."""
        days = self._days.get(signal)
        if days is None:
            first = self.view.layout.column[RecentDays(signal, 0)]
            days = self._days[signal] = day_rings.unpack_one(self._row[first : first + day_rings.COLUMNS])
        return days

    def date(self, us: int) -> str:
        """Returns the day of an instant as YYYY-MM-DD."""
        return date_of(self._day(us)).isoformat()

    def last_at(self, signal: Signal) -> Fact:
        """When the newest event was."""
        newest_us = self.newest_us(signal)
        assert newest_us is not None
        value = format_instant(newest_us)
        return self._fact(signal, "last_at", value, "instant", {"day": self.date(newest_us)} | self._zone)

    def days_since(self, signal: Signal) -> Fact:
        """Whole days since the newest event."""
        return self._fact(signal, "days_since", self.days_ago(signal), "days")

    def usual_gap(self, signal: Signal, days: Sequence[int]) -> Fact:
        """The median gap between consecutive days of these newest ones (at least two), newest first."""
        gap = float(median(newer - older for newer, older in pairwise(days)))
        return self._fact(signal, "usual_gap_days", gap, "days", {"last": len(days) - 1} | self._zone)

    def longest_gap(self, signal: Signal, days: Sequence[int]) -> Fact:
        """The longest gap between consecutive days of these newest ones (at least two), newest first."""
        gap = float(max(newer - older for newer, older in pairwise(days)))
        return self._fact(signal, "longest_gap_days", gap, "days", {"last": len(days) - 1} | self._zone)

    def active_days(self, signal: Signal, days: Sequence[int], first: int, end: int) -> Fact:
        """On how many days from `first` until before `end` there was an event. days: as of `days`, also before."""
        count, calendar = sum(first <= day < end for day in days), self.view.layout.calendar
        window_us = calendar.start_us(first) - 1, min(calendar.start_us(end) - 1, self.at_us)
        more = {"from_day": date_of(first).isoformat()} | self._zone
        return self._fact(signal, "active_days", count, "days", more, window_us)

    def latest(self, signal: Signal, field: str, unit: str) -> Fact:
        """`field` of the newest event that has it; of several at that instant the greatest."""
        at_us = self.newest_us(signal)
        assert at_us is not None
        more = {"field": field, "at": format_instant(at_us), "day": self.date(at_us)} | self._zone
        return self._fact(signal, "latest", self.value(signal), unit, more)

    def mean(self, whole: Signal, count: Signal, field: str, unit: str) -> Fact:
        """The mean of `field`, since the first event of the customer."""
        return self._in_all(whole, "mean", self.total(whole) / self.total(count), unit, {"field": field})

    def count(self, signal: Signal) -> Fact:
        """How many events there were since the customer's first one; signal: with weights of 1."""
        return self._in_all(signal, "count", int(self.total(signal)), "events")

    def sum(self, signal: Signal, field: str, unit: str) -> Fact:
        """The sum of `field` since the customer's first event."""
        return self._in_all(signal, "sum", self.total(signal), unit, {"field": field})

    def greatest(self, signal: Signal, field: str, unit: str) -> Fact:
        """The greatest `field` since the customer's first event."""
        return self._in_all(signal, "max", self._value(Greatest(signal)), unit, {"field": field})

    def pressure(self, one: Pressure) -> Fact:
        """The level of a market signal."""
        return {
            "measure": "signal_level",
            "kind": "market_signal",
            "where": {"scope": one.scope, "name": one.name},
            "field": "level",
            "from": None,
            "until": format_instant(self.at_us),
            "value": one.level,
            "unit": "level",
            "at": format_instant(one.from_us),
            "day": self.date(one.from_us),
            **self._zone,
        }

    @cached_property
    def first_us(self) -> int:
        """When the customer's first event was."""
        return int(self._value(First(KNOWN)))

    def _in_all(self, signal: Signal, measure: str, value: float, unit: str, more: Mapping[str, Any] = NOTHING) -> Fact:
        """A fact over everything since the customer's first event: a customer who was forgotten begins anew."""
        first = {"from_day": self.date(self.first_us)} | self._zone
        return self._fact(signal, measure, value, unit, {**more, **first}, (self.first_us - 1, self.at_us))

    @property
    def _zone(self) -> dict[str, str]:
        return {"zone": self.view.layout.calendar.zone}

    def _day(self, us: int) -> int:
        return self.view.layout.calendar.day(us)

    @cached_property
    def _row(self) -> list[float]:
        row: list[float] = self.view.block[:, 0].tolist()
        return row

    def _value(self, aggregate: Aggregate) -> float:
        return self._row[self.view.layout.column[aggregate]]

    def _fact(
        self,
        signal: Signal,
        measure: str,
        value: float | str | None,
        unit: str,
        more: Mapping[str, Any] = NOTHING,
        window_us: tuple[int | None, int] | None = None,
    ) -> Fact:
        one, (since_us, until_us) = signal_of(self.view.layout, signal), window_us or (None, self.at_us)
        assert one is not None, "the facts of several kinds of events are no facts of one"
        where = _where(one)
        return {
            "measure": measure,
            "kind": KINDS[one.kind],
            **({"where": where} if where else {}),
            "from": None if since_us is None else format_instant(since_us),
            "until": format_instant(until_us),
            "value": value,
            "unit": unit,
            **more,
        }
