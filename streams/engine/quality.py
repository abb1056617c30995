"""Missing values of events, by producer: counted from one grid instant to the next, then reported to the learner.

Counted where events are applied, so the report depends on the log alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from online_model.drift import Missing
from schemas.columns import APP_ACTIVITY, KINDS, OTHER_ACTIVITY, SERVICE_VISIT, SURVEY, Rows

FIELDS = {  # fields that features use and that may be missing; an unknown activity type counts as missing
    APP_ACTIVITY: ("activity_type", "duration_seconds"),
    SERVICE_VISIT: ("amount", "items", "wait_minutes"),
    SURVEY: ("causes",),
}
MOST_NAMES = int(np.iinfo(np.uint16).max)  # a producer field with ever new names must not fill the memory
MOST_REPORTED = 200  # producers: a report has to fit into a message
OTHERS = "others"


class Quality:
    """Counts of this partition since its last report."""

    def __init__(self) -> None:
        self._codes = {OTHERS: 0}
        self._counts: Missing = {}
        self.events: Counter[str] = Counter()  # by producer, all kinds; of this process alone

    def codes(self, producers: Sequence[str]) -> NDArray[np.uint16]:
        """Returns (events,) the codes of producers, valid in this process alone."""
        different = sorted(set(producers))
        for name in different[: MOST_NAMES - len(self._codes)]:
            self._codes.setdefault(name, len(self._codes))
        if len(different) == 1:
            return np.full(len(producers), self._codes.get(different[0], 0), np.uint16)
        return np.array([self._codes.get(name, 0) for name in producers], np.uint16)

    @property
    def names(self) -> list[str]:
        """The producers by their codes."""
        return list(self._codes)

    def count(self, rows: Rows) -> None:
        """Counts events that are applied now."""
        names = self.names
        of_all = np.bincount(rows["producer"])
        self.events.update({names[code]: int(of_all[code]) for code in np.flatnonzero(of_all).tolist()})
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
        """Returns the counts since the last call; beyond MOST_REPORTED the smallest producers are summed up."""
        self.events.clear()
        counts, self._counts = self._counts, {}
        if OTHERS in counts:
            self._counts[OTHERS] = counts.pop(OTHERS)
        largest = sorted(counts, key=lambda name: (-max(events for events, _ in counts[name].values()), name))
        for name in largest[MOST_REPORTED:]:
            for field, (events, missing) in counts.pop(name).items():
                self._add(OTHERS, field, events, missing)
        rest, self._counts = self._counts, {}
        return counts | rest

    def state(self) -> Missing:
        """Returns what `load` takes."""
        return self._counts

    def load(self, state: Mapping[str, Mapping[str, Sequence[int]]]) -> None:
        """Restores what `state` returned."""
        self._counts = {
            name: {field: (events, missing) for field, (events, missing) in fields.items()}
            for name, fields in state.items()
        }

    def _add(self, producer: str, field: str, events: int, missing: int) -> None:
        of = self._counts.setdefault(producer, {})
        before = of.get(field, (0, 0))
        of[field] = before[0] + events, before[1] + missing


def _is_missing(rows: Rows, field: str) -> NDArray[np.bool_]:
    if field == "activity_type":
        return np.asarray(rows["code"] == OTHER_ACTIVITY)
    return np.asarray(rows["causes"] == 0 if field == "causes" else np.isnan(rows[field]))
