"""Missing values of events, by producer: counted from one grid instant to the next, then reported to the learner.

Counted where events are applied, so the report depends on the log alone. Of very many producers the most active ones
are counted each, the rest together: which ones is decided at the end of a tick, so no batch shows in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from online_model.drift import MOST_PRODUCERS, Missing, largest
from schemas.columns import APP_ACTIVITY, KINDS, OTHER_ACTIVITY, SERVICE_VISIT, SURVEY, Rows
from streams.inputs.names import OTHERS, short_name

FIELDS = {  # fields that features use and that may be missing; an unknown activity type counts as missing
    APP_ACTIVITY: ("activity_type", "duration_seconds"),
    SERVICE_VISIT: ("amount", "items", "wait_minutes"),
    SURVEY: ("causes",),
}
MOST_NAMES = int(np.iinfo(np.uint16).max)  # a producer field with ever new names must not fill the memory
MOST_COUNTED = 5_000  # producers whose events of this week are known


class Quality:
    """Counts of this partition since its last report."""

    def __init__(self, *, by_tick: bool = True) -> None:
        """by_tick: no batch shows in what is counted; live, where ticks are short, each batch is one."""
        self._by_tick = by_tick
        self._codes = {OTHERS: 0}  # by the name that was sent
        self.names = [OTHERS]  # of the producers, by the codes that `codes` returns now
        self.applied: Sequence[str] = self.names  # the same, of the rows that are applied now
        self._counts: Missing = {}
        self.events: Counter[str] = Counter()  # by producer, all kinds; of this process alone

    def codes(self, producers: Sequence[str]) -> NDArray[np.uint16]:
        """Returns (events,) the codes of producers, valid in this process alone."""
        different = sorted(set(producers))
        for name in different:
            if name not in self._codes and len(self.names) < MOST_NAMES:
                self._codes[name] = len(self.names)
                self.names.append(short_name(name))
        if len(different) == 1:
            return np.full(len(producers), self._codes.get(different[0], 0), np.uint16)
        return np.array([self._codes.get(name, 0) for name in producers], np.uint16)

    def has_room(self, more: int) -> bool:
        """Whether so many more producers can have a code."""
        return len(self.names) + more <= MOST_NAMES

    def keep(self, codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Forgets the producers but those with these codes -> the new codes, by the old ones. Rows that are on their
        way to be applied keep the old ones, so `applied` stays.
        """
        kept = np.union1d([0], codes)
        new = np.zeros(len(self.names), np.uint16)
        new[kept] = np.arange(len(kept))
        sent = list(self._codes)
        self._codes = {sent[code]: int(new[code]) for code in kept.tolist()}
        self.names = [self.names[code] for code in kept.tolist()]
        return new

    def count(self, rows: Rows) -> None:
        """Counts events that are applied now: whole ticks."""
        of_all = np.bincount(rows["producer"])
        here = {self.applied[code]: int(of_all[code]) for code in np.flatnonzero(of_all).tolist()}
        self.events.update(here)
        if len(self.events) > MOST_COUNTED:
            self.events = Counter(dict(self.events.most_common(MOST_COUNTED // 2)))
        if len(self._counts.keys() | here.keys()) <= MOST_PRODUCERS:
            self._count(rows)
            return
        for part in _ticks(rows) if self._by_tick else [rows]:
            self._count(part)
            self._counts = largest(self._counts)

    def _count(self, rows: Rows) -> None:
        names = self.applied
        for kind, fields in FIELDS.items():
            (places,) = np.nonzero(rows["kind"] == kind)
            if not len(places):
                continue
            producer = rows["producer"][places]
            events = np.bincount(producer)
            for field in fields:
                missing = np.bincount(producer[_is_missing(rows, field)[places]], minlength=len(events))
                for code in np.flatnonzero(events).tolist():
                    self._add(names[code], f"{KINDS[kind]}.{field}", int(events[code]), int(missing[code]))

    def take(self) -> Missing:
        """Returns the counts since the last call."""
        self.events.clear()
        counts, self._counts = self._counts, {}
        return counts

    def state(self) -> Missing:
        """Returns what `load` takes."""
        return self._counts

    def load(self, state: Mapping[str, Mapping[str, Sequence[int]]]) -> None:
        """Restores what `state` returned."""
        self._counts = {
            short_name(name): {field: (events, missing) for field, (events, missing) in fields.items()}
            for name, fields in state.items()
        }
        self._counts = largest(self._counts)  # earlier releases kept all of them

    def _add(self, producer: str, field: str, events: int, missing: int) -> None:
        of = self._counts.setdefault(producer, {})
        before = of.get(field, (0, 0))
        of[field] = before[0] + events, before[1] + missing


def _ticks(rows: Rows) -> Iterator[Rows]:
    """Yields the rows of each tick, in their order."""
    rows = rows[np.argsort(rows["due_us"], kind="stable")]
    yield from np.split(rows, np.flatnonzero(np.diff(rows["due_us"])) + 1)


def _is_missing(rows: Rows, field: str) -> NDArray[np.bool_]:
    if field == "activity_type":
        return np.asarray(rows["code"] == OTHER_ACTIVITY)
    return np.asarray(rows["causes"] == 0 if field == "causes" else np.isnan(rows[field]))
