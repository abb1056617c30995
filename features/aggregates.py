"""Commutative aggregates: the state does not depend on the order or the batches in which events arrive.

A `Signal` selects events and their weights; an aggregate combines the weights. A decayed sum refers to a reference
instant: an event at t adds w * 2^-((reference - t) / half_life), and a newer reference scales the sum. So a late event
has the same effect as a timely one. Sums are computed in the order of the rows, so that equal order gives equal bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features import day_rings, newest
from features.local_days import Calendar
from features.portable_math import Array, exp2_negative
from schemas.columns import KINDS, SURVEY_TYPES, Rows
from schemas.instants import DAY_US

RETENTION, ANY = -1, -2  # kinds of a signal: the retention events of the policy profile; all kinds
HALF_LIVES_DAYS = (112, 28, 7)  # each a quarter of the last: two squarings replace an exponential
NPS = SURVEY_TYPES.index("nps")

Index = NDArray[np.intp]
Codes = NDArray[np.generic]
NO_EVENTS: Index = np.empty(0, np.intp)


class Signal(NamedTuple):
    """Events of `kind`, and the weight of each.

    codes: only events with one of these codes; cause: only surveys that name it; having: only events with this number.
    weight: a number of the event or `level`, a survey's score on 0 to 100; None: 1. Events without the number are left
    out.
    """

    kind: int
    weight: str | None = None
    codes: tuple[int, ...] | None = None
    cause: int | None = None
    having: str | None = None


# The classes below are tuples, since they are looked up at every use; `name` tells those with equal fields apart.
class Total(NamedTuple):
    """Sum of the weights of all events."""

    signal: Signal
    name: str = "Total"


class Decayed(NamedTuple):
    """Sum of the weights, each of which halves every `half_life_days` (one of HALF_LIVES_DAYS)."""

    signal: Signal
    half_life_days: int
    name: str = "Decayed"


class First(NamedTuple):
    """Earliest event time in us, +inf when there is none."""

    signal: Signal
    name: str = "First"


class Last(NamedTuple):
    """Latest event time in us, -inf when there is none."""

    signal: Signal
    name: str = "Last"


class Greatest(NamedTuple):
    """Largest weight (weights are not negative), 0 when there is none."""

    signal: Signal
    name: str = "Greatest"


class Latest(NamedTuple):
    """Weight of the event with the latest time, the larger one of equal times; 0 when there is none."""

    signal: Signal
    name: str = "Latest"


class RecentDays(NamedTuple):
    """The newest days with an event, in the time zone of the layout: one of the columns of `features.day_rings`."""

    signal: Signal
    part: int  # 0 to day_rings.COLUMNS - 1
    name: str = "RecentDays"


class Newest(NamedTuple):
    """Instant in us of one of the newest events, -inf where there are fewer; an event with a weight counts as many."""

    signal: Signal
    rank: int  # 0: of the newest, up to newest.KEPT - 1
    name: str = "Newest"


Aggregate = Total | Decayed | First | Last | Greatest | Latest | RecentDays | Newest
INITIAL_VALUES: dict[type, float] = {
    First: np.inf,
    Last: -np.inf,
    Newest: -np.inf,
}  # of a column before the first event; else 0


def column_name(aggregate: Aggregate) -> str:
    """Returns the name of an aggregate's column: rows of the changelog carry a hash of all of them."""
    fields = (f"{name}={value!r}" for name, value in zip(aggregate._fields[:-1], aggregate, strict=False))
    return f"{aggregate.name}({', '.join(fields)})"


class Layout:
    """The columns of a customer's row: `reference_us`, the decayed sums by half-life, the other aggregates."""

    REFERENCE = 0

    def __init__(self, aggregates: Sequence[Aggregate], retention_kinds: Sequence[str], zone: str = "UTC") -> None:
        """zone: IANA name of the time zone whose days `RecentDays` keeps."""
        wanted = set(aggregates) | {Last(a.signal) for a in aggregates if isinstance(a, Latest)}
        self.aggregates: tuple[Aggregate, ...] = tuple(sorted(wanted, key=_place))
        self.column = {aggregate: i + 1 for i, aggregate in enumerate(self.aggregates)}
        self.width = len(self.aggregates) + 1
        self.retention = tuple(KINDS.index(kind) for kind in retention_kinds)
        self.calendar = Calendar(zone)
        self.empty = np.array([0.0] + [INITIAL_VALUES.get(type(a), 0.0) for a in self.aggregates])
        self.decays = [self._span(half_life) for half_life in HALF_LIVES_DAYS]
        self.signals = _by_signal(self.column)
        self._rings = {a.signal: i for a, i in self.column.items() if isinstance(a, RecentDays) and a.part == 0}

    def _span(self, half_life_days: int) -> slice:
        places = [i for a, i in self.column.items() if isinstance(a, Decayed) and a.half_life_days == half_life_days]
        return slice(min(places), max(places) + 1) if places else slice(0, 0)

    def update(self, block: Array, rows: Rows, group: Index, due_us: Array) -> None:
        """Updates the aggregates of some customers with events, in place.

        block: (columns, groups), a group is a customer; rows: events sorted by group, event time, kind and id;
        group: (events,), ascending; due_us: (groups,), the new reference, not before the old one.
        """
        self._bring_forward(block, due_us)
        batch = _Batch(rows, group, decays((due_us[group] - rows["time_us"]) / DAY_US))
        for signal, columns in self.signals:
            found = self._select(signal, batch)
            if len(found):
                _add(block, columns, signal, found, batch)
                if (first := self._rings.get(signal)) is not None:
                    ring = block[first : first + day_rings.COLUMNS]
                    day_rings.add(ring, group[found], self.calendar.days(rows["time_us"][found]))

    def _bring_forward(self, block: Array, due_us: Array) -> None:
        """Scales the decayed sums to the new reference."""
        factors = decays((due_us - block[self.REFERENCE]) / DAY_US)
        for span, factor in zip(self.decays, factors, strict=True):
            block[span] *= factor
        block[self.REFERENCE] = due_us

    def _select(self, signal: Signal, batch: _Batch) -> Index:
        """Returns the indexes of the signal's events, ascending."""
        if signal.kind == ANY:
            return np.arange(len(batch.group))
        kinds = self.retention if signal.kind == RETENTION else (signal.kind,)
        parts = [batch.of_kind[kind] for kind in kinds if kind in batch.of_kind]
        if not parts:
            return NO_EVENTS
        found, code = parts[0] if len(parts) == 1 else _joined(parts)
        if signal.codes is not None:
            found = found[reduce(np.logical_or, [code == wanted for wanted in signal.codes])]
        if signal.cause is not None:
            found = found[(batch.rows["causes"][found] >> signal.cause) & 1 == 1]
        if number := signal.having or signal.weight:
            found = found[~np.isnan(batch.rows[_field(number)][found])]
        return found


class _Batch:
    """What the signals of one update share. rows and group: as for `Layout.update`; ages: of `decays`."""

    def __init__(self, rows: Rows, group: Index, ages: tuple[Array, Array, Array]) -> None:
        self.rows, self.group, self.ages = rows, group, dict(zip(HALF_LIVES_DAYS, ages, strict=True))
        self.time_us = rows["time_us"].astype(np.float64)
        self.ones = np.ones(len(group))
        kind, code = rows["kind"], rows["code"]
        self.of_kind: dict[int, tuple[Index, Codes]] = {}  # -> the indexes of its events, ascending, and their codes
        for one in set(kind.tolist()):
            found = (kind == one).nonzero()[0]
            self.of_kind[one] = found, code[found]


def _joined(parts: Sequence[tuple[Index, Codes]]) -> tuple[Index, Codes]:
    found = np.concatenate([found for found, _ in parts])
    order = np.argsort(found)
    return found[order], np.concatenate([code for _, code in parts])[order]


def decays(age_days: Array) -> tuple[Array, Array, Array]:
    """Returns 2^-(age / half-life) for each of HALF_LIVES_DAYS; ages have any shape."""
    slow = exp2_negative(age_days / HALF_LIVES_DAYS[0])
    middle = _fourth_power(slow)
    return slow, middle, _fourth_power(middle)


def _fourth_power(x: Array) -> Array:
    square = x * x
    return square * square


def _place(aggregate: Aggregate) -> tuple[int, str]:
    """Returns the sort key of an aggregate's column."""
    half_life = aggregate.half_life_days if isinstance(aggregate, Decayed) else 0
    return -half_life, column_name(aggregate)


def _by_signal(column: dict[Aggregate, int]) -> list[tuple[Signal, list[tuple[Aggregate, int]]]]:
    """Returns each signal with its aggregates; `Latest` before `Last`, whose old value it needs."""
    found: dict[Signal, list[tuple[Aggregate, int]]] = {}
    for aggregate, i in column.items():
        found.setdefault(aggregate.signal, []).append((aggregate, i))
    for columns in found.values():
        columns.sort(key=lambda pair: (not isinstance(pair[0], Latest), pair[1]))
    return sorted(found.items(), key=lambda pair: repr(pair[0]))


def _field(weight: str) -> str:
    return "score" if weight == "level" else weight


def _weights(signal: Signal, batch: _Batch, found: Index) -> Array:
    if signal.weight is None:
        return batch.ones[: len(found)]
    values: Array = batch.rows[_field(signal.weight)][found]
    return np.where(batch.rows["code"][found] == NPS, values * 10.0, values) if signal.weight == "level" else values


def _add(block: Array, columns: list[tuple[Aggregate, int]], signal: Signal, found: Index, batch: _Batch) -> None:
    """Updates the columns of one signal with its events `found`."""
    groups, weight, time_us = batch.group[found], _weights(signal, batch, found), batch.time_us[found]
    n = block.shape[1]
    for aggregate, i in columns:
        column = block[i]
        match aggregate:
            case Total():
                column += np.bincount(groups, weight, n)
            case Decayed(half_life_days=half_life):
                column += np.bincount(groups, weight * batch.ages[half_life][found], n)
            case First():
                np.minimum.at(column, groups, time_us)
            case Last():
                np.maximum.at(column, groups, time_us)
            case Greatest():
                np.maximum.at(column, groups, weight)
            case Newest(rank=0):  # the other ranks are the next columns
                newest.add(block[i : i + newest.KEPT], groups, time_us, weight)
            case Latest():
                last = next(j for a, j in columns if isinstance(a, Last))
                _take_latest(column, block[last], groups, time_us, weight)


def _take_latest(value: Array, last_us: Array, groups: Index, time_us: Array, weight: Array) -> None:
    """Updates `value` where a group has an event later than `last_us`, or a larger weight at the same time."""
    order = np.lexsort((weight, time_us, groups))
    ends = order[newest.is_last(groups)]  # groups are in order already
    at, t, w = groups[ends], time_us[ends], weight[ends]
    newer = (t > last_us[at]) | ((t == last_us[at]) & (w > value[at]))
    value[at[newer]] = w[newer]
