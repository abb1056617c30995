"""Market signals: what presses from outside on the customers of a scope, or on all.

Every partition reads every signal. One is known from the tick in which it is applied, in event time; it is in force
from then or from its `from` on, whichever is later, until its `until`, a withdrawal, or a signal with the same key and
a later event time. So what was scored stays as it is, whatever comes later, and any batches give the same levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Literal, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from features.catalogue import NAMES
from features.portable_math import Array
from schemas.columns import Details
from schemas.events import ALL, signal_key
from schemas.instants import DAY_US, parse_instant
from streams.interventions.customer_attributes import AttributesTable

PRESSURE = NAMES.index("market_pressure")  # the feature
NEVER_US = (1 << 63) - 1
KEPT_US = 60 * DAY_US  # a crossing may wait a month for its message, which names the signals of its instant
MOST = 10_000  # keys; what comes with another one is refused
MOST_REPLACED = 8 * MOST  # in event time more than a batch can replace: it has at most a week of daily ticks
MOST_SAID = 10  # in a message: its size is bounded, whatever is sent
A_ROW = 1_000  # signals in a row of the changelog
Outcome = Literal["applied", "late", "duplicate", "rejected"]
Row = tuple[bytes | None, bytes | None]
SignalSaid = dict[str, str | float | None]


class Signal(NamedTuple):
    """A version of a signal, in force from max(known_us, from_us) until before until_us. scope: None: all customers."""

    name: str
    scope: str | None
    level: float
    from_us: int
    until_us: int
    known_us: int
    event_us: int

    @property
    def key(self) -> str:
        """What it has in common with the signals that it replaces."""
        return signal_key(self.scope, self.name)

    @property
    def begins_us(self) -> int:
        """Since when it is in force."""
        return max(self.from_us, self.known_us)

    @property
    def content(self) -> tuple[int, float, int, int]:
        """What the signal said; of two with one key the greater one holds."""
        return self.event_us, self.level, self.from_us, self.until_us


class MarketSignals:
    """The signals that a partition knows: of each key the last one, and those replaced or withdrawn lately."""

    def __init__(self) -> None:
        self._last: dict[str, Signal] = {}
        self._replaced: list[Signal] = []
        self._day = 0  # up to which the old ones are forgotten
        self._steps: dict[str | None, tuple[NDArray[np.int64], Array]] = {}  # by scope
        self._changed = False
        self.rows = 0  # in the changelog

    def __bool__(self) -> bool:
        """Whether there is a signal, or was one of late."""
        return bool(self._last or self._replaced)

    def add(self, fields: Details, event_us: int, known_us: int, *, late: bool = False) -> Outcome:
        """Adds a signal; fields: of the message. Signals come in the order of `known_us`."""
        until, scope = fields.get("until"), fields.get("scope")
        from_us, until_us = parse_instant(fields["from"]), NEVER_US if until is None else parse_instant(until)
        scope = None if scope == ALL else scope
        signal = Signal(fields["name"], scope, fields["level"], from_us, until_us, known_us, event_us)
        self._forget(known_us)
        before = self._last.get(signal.key)
        if before is None and len(self._last) >= MOST:
            return "rejected"
        if before is not None and before.content == signal.content:
            return "duplicate"
        if before is None or before.content < signal.content:
            self._end(signal.key, known_us)
            self._last[signal.key] = signal
        return "late" if late else "applied"

    def withdraw(self, key: str, known_us: int) -> Outcome:
        """Ends the signal with this key."""
        self._forget(known_us)
        self._end(key, known_us)
        return "applied"

    def in_force(self, scope: str | None, at_us: float) -> list[Signal]:
        """Returns the signals in force for customers of a scope, the highest level first."""
        found = [one for one in self._of(scope) if one.begins_us <= at_us < one.until_us]
        return sorted(found, key=lambda one: (-one.level, one.key))

    def levels(self, attributes: AttributesTable, numbers: Array, at_us: Array) -> Array:
        """Returns (n,) the highest level in force for each customer at its instant, 0 where none is. numbers: (n,) of
        the customers' attributes.
        """
        different, place = np.unique(numbers, return_inverse=True)
        scopes = [attributes[number].scope for number in different.tolist()]
        out = np.zeros(len(numbers))
        for scope in dict.fromkeys(scopes):
            mine = np.array([one == scope for one in scopes], np.bool_)[place]
            instants, level = self._levels_of(scope)
            out[mine] = level[np.searchsorted(instants, at_us[mine], "right")]
        return out

    def take_changes(self, prefix: bytes) -> list[Row]:
        """Returns the rows for the changelog if a signal has come since the last call."""
        if not self._changed:
            return []
        self._changed, kept = False, [(1, *one) for one in self._last.values()]
        kept += [(0, *one) for one in self._replaced]
        parts = [orjson.dumps([self._day, *kept[i : i + A_ROW]]) for i in range(0, len(kept), A_ROW)]
        gone = [None] * (self.rows - len(parts))
        self.rows = len(parts)
        return [(b"%s%04d" % (prefix, i), part) for i, part in enumerate([*parts, *gone])]

    def load(self, rows: Iterable[bytes]) -> None:
        """Restores the rows of the changelog."""
        parts = list(map(orjson.loads, rows))
        self._day = parts[0][0] if parts else 0
        kept = [(is_last, Signal(*one)) for _, *part in parts for is_last, *one in part]
        self._last = {one.key: one for is_last, one in kept if is_last}
        self._replaced, self.rows = [one for is_last, one in kept if not is_last], len(parts)

    def _end(self, key: str, at_us: int) -> None:
        """From this instant on the signal with this key is not in force."""
        self._steps, self._changed = {}, True
        before = self._last.pop(key, None)
        if before is not None and before.begins_us < min(before.until_us, at_us):
            ended = before._replace(until_us=min(before.until_us, at_us))
            self._replaced = [*self._replaced, ended][-MOST_REPLACED:]

    def _forget(self, at_us: int) -> None:
        """Drops what ended long ago, by the day: it depends on the signals alone, so every owner knows the same."""
        if at_us // DAY_US > self._day:
            self._day = at_us // DAY_US
            least_us = self._day * DAY_US - KEPT_US
            self._last = {key: one for key, one in self._last.items() if one.until_us > least_us}
            self._replaced = [one for one in self._replaced if one.until_us > least_us]

    def _of(self, scope: str | None) -> list[Signal]:
        return [one for one in (*self._last.values(), *self._replaced) if one.scope is None or one.scope == scope]

    def _levels_of(self, scope: str | None) -> tuple[NDArray[np.int64], Array]:
        """Returns the instants at which the level of a scope changes, and the levels before, between and after them."""
        found = self._steps.get(scope)
        if found is None:
            known = sorted((one for one in self._of(scope) if one.begins_us < one.until_us), key=_begins)
            instants = sorted({us for one in known for us in (one.begins_us, one.until_us)})
            level, heap, begun = [0.0], list[tuple[float, int]](), 0
            for at_us in instants:
                while begun < len(known) and known[begun].begins_us <= at_us:
                    heappush(heap, (-known[begun].level, known[begun].until_us))
                    begun += 1
                while heap and heap[0][1] <= at_us:
                    heappop(heap)
                level.append(-heap[0][0] if heap else 0.0)
            found = self._steps[scope] = np.array(instants, np.int64), np.array(level)
        return found


def _begins(signal: Signal) -> int:
    return signal.begins_us


def signals_said(signals: Sequence[Signal]) -> list[SignalSaid]:
    """Returns what a message says of the signals in force."""
    return [{"name": one.name, "scope": one.scope, "level": one.level} for one in signals[:MOST_SAID]]
