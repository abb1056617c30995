"""Which producers speak for the customers of a partition, and up to when the silence of each is believed. Live only.

A producer speaks for a customer as soon as one of the customer's events has come from it, on one source; each such pair
of source and producer has a bit. What it has not said yet cannot be told from what did not happen, so a customer's
silence is believed only as far as all who speak for the customer have been heard:

- who sends heartbeats is believed up to the last one, and for as long after it as there usually is between two;
- who sends events alone is believed for its longest usual pause, nights and Sundays included; while there are too few
  events to know that, its silence is believed;
- a pause fades from what is usual with a half-life of four weeks, and can at most double it: one outage is not a habit.

Up to when each had been heard by the end of a day is kept for as long as late events are taken (`latest`): what is
newer cannot have been applied and forgotten, however old it is by the clock.

A producer that left for good (a heartbeat with `final`, or the command that sends one) is let go, and so is one that
has been silent for `patience`. In event time nothing of this applies: there the log is all there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.columns import KINDS, Rows
from schemas.instants import DAY_US, SECOND_US
from streams.inputs.names import short_name

Bits = NDArray[np.int64]
HALF_LIFE_US = 28 * DAY_US
LEAST_PAUSE_US = 15 * 60 * SECOND_US  # no pause of events below this is unusual
LEAST_BEAT_US = SECOND_US  # the same for heartbeats
ENOUGH_PAUSES = 50  # below this number a producer has no habit yet
MOST = 52  # bits that a float64 column holds exactly, less one
REST = MOST  # the bit that all later producers share: it is heard when any of them is
OTHERS = "(others)"


@dataclass
class Producer:
    """What is known of a producer on one source. Times in us of event time."""

    source: str
    name: str
    heard_us: int  # its newest event or heartbeat
    longest_us: float = 0.0  # the longest usual pause
    pauses: int = 0
    beats: bool = False  # it sends heartbeats
    scope: str | None = None  # it speaks for all customers of this scope
    final: bool = False  # it has left for good
    days: list[list[int]] = field(default_factory=list)  # [day of stream time, heard_us at its end], oldest first

    def hear(self, times_us: NDArray[np.int64]) -> None:
        """Events or heartbeats at these times, in any order."""
        later = np.unique(times_us[times_us > self.heard_us])
        for start in range(0, len(later), ENOUGH_PAUSES):  # in a backlog too an outage counts as one
            self._hear(later[start : start + ENOUGH_PAUSES])

    def _hear(self, later: NDArray[np.int64]) -> None:
        longest_us, last_us = float(np.diff(later, prepend=self.heard_us).max()), int(later[-1])
        if self.pauses >= ENOUGH_PAUSES:
            longest_us = min(longest_us, 2.0 * max(self.longest_us, self._least_us))
        faded_us = self.longest_us * 0.5 ** ((last_us - self.heard_us) / HALF_LIFE_US)
        self.longest_us, self.heard_us, self.final = max(longest_us, faded_us), last_us, False
        self.pauses += len(later)

    def beat(self, times_us: Sequence[int], scope: str | None, final: bool) -> None:
        """Heartbeats. With the first one a new habit begins: pauses between events say nothing about heartbeats."""
        if final:
            self.heard_us, self.final = max(self.heard_us, *times_us), True
            return
        if not self.beats:
            self.beats, self.longest_us, self.pauses = True, 0.0, 0
            self.heard_us = max(self.heard_us, times_us[0])
        self.hear(np.array(times_us, np.int64))
        self.scope, self.final = scope, False

    def believed_us(self, factor: float) -> float:
        """Up to when its silence is believed: `factor` times the longest usual pause after it was last heard."""
        if self.pauses < ENOUGH_PAUSES and not self.beats:
            return np.inf
        return self.heard_us + factor * max(self.longest_us, self._least_us)

    def end_of(self, day: int, kept_days: int) -> None:
        """Keeps up to when it has been heard on this day, on `kept_days` before it, and before those."""
        if self.days and self.days[-1][0] >= day:
            self.days[-1][1] = self.heard_us
        else:
            self.days.append([day, self.heard_us])
        while len(self.days) > 1 and self.days[1][0] < day - kept_days:
            del self.days[0]

    def heard_by(self, day: int) -> float:
        """Up to when it had been heard by the end of a day of stream time; inf: nothing is known of that time."""
        return max((heard_us for at, heard_us in self.days if at <= day), default=np.inf)

    @property
    def _least_us(self) -> int:
        return LEAST_BEAT_US if self.beats else LEAST_PAUSE_US


class Producers:
    """The producers of a partition, by their bits: number 0 to MOST - 1 one each, REST for all others."""

    def __init__(self, factor: float, patience_us: int, latest_us: int) -> None:
        """factor: a producer is silent after so many times its longest usual pause; patience_us: then it is let go;
        latest_us: an event so far behind is taken only if it is surely new.
        """
        self.factor, self.patience_us, self.latest_us = factor, patience_us, latest_us
        self._kept_days = -(-latest_us // DAY_US)
        self.all: list[Producer] = []
        self._number: dict[tuple[str, str], int] = {}
        self._proved: list[int] = []  # up to when each had been heard before this batch

    def prove(self) -> None:
        """A batch begins: what is behind all that has been heard up to now is late."""
        self._proved = [one.heard_us for one in self.all]

    def hear(self, rows: Rows, names: Sequence[str]) -> Bits:
        """Events that are applied now -> (rows,) the bit of each one's producer. names: of the rows' producers."""
        pairs = rows["kind"].astype(np.int64) << 16 | rows["producer"]
        bits = np.zeros(len(rows), np.int64)
        for pair in np.unique(pairs).tolist():
            mine = pairs == pair
            times_us = rows["time_us"][mine]
            number = self._of(KINDS[pair >> 16], names[pair & 0xFFFF], int(times_us.min()))
            self.all[number].hear(times_us)
            self.all[number].end_of(int(rows["due_us"][mine].max() - 1) // DAY_US, self._kept_days)
            bits[mine] = 1 << number
        return bits

    def late(self, rows: Rows, names: Sequence[str], tick_us: int) -> NDArray[np.bool_]:
        """(rows,): events behind a tick that their own producer had proved on that source before this batch."""
        ends_us, late = -(-rows["time_us"] // tick_us) * tick_us, np.zeros(len(rows), np.bool_)
        for number, mine in self._of_rows(rows, names):
            if number is not None and number < len(self._proved):
                late |= mine & (ends_us <= self._proved[number] // tick_us * tick_us)
        return late

    def may_be_known(self, rows: Rows, names: Sequence[str]) -> NDArray[np.bool_]:
        """(rows,): not newer than what had been heard of their producer `latest` ago: perhaps applied and forgotten.
        The same for a producer that was not known then: its events may have come by another name.
        """
        known = np.ones(len(rows), np.bool_)
        if not len(rows):
            return known
        day = int(rows["due_us"].min() - 1 - self.latest_us) // DAY_US - 1
        for number, mine in self._of_rows(rows, names):
            if number is not None:
                known[mine] = rows["time_us"][mine] <= self.all[number].heard_by(day)
        return known

    def beat(
        self, source: str, name: str, times_us: Sequence[int], scope: str | None = None, *, final: bool = False
    ) -> None:
        """Heartbeats on a source; the last one has this scope and `final`. A producer that has sent no event there, and
        names no scope, speaks for nobody.
        """
        number = self._number.get((source, name))
        if number is None and scope is not None:
            number = self._of(source, name, times_us[0])
        if number == REST:  # one of many: it neither speaks for a scope nor leaves for the others
            scope, final = None, False
        if number is not None:
            self.all[number].beat(times_us, scope, final)
            self.all[number].end_of(max(times_us) // DAY_US, self._kept_days)

    def unheard(self, at_us: int) -> list[int]:
        """Numbers of those whose silence is not believed up to `at_us`. One heartbeat that is missed means nothing."""
        return self._numbers(at_us, 1.0)

    def silent(self, now_us: int) -> list[int]:
        """Numbers of those who are silent against their own habit: on-call has to know."""
        return self._numbers(now_us, self.factor)

    def _numbers(self, at_us: int, factor: float) -> list[int]:
        return [
            number
            for number, one in enumerate(self.all)
            if not one.final
            and one.believed_us(self.factor if one.beats else factor) < at_us <= one.heard_us + self.patience_us
        ]

    def state(self) -> list[dict[str, Any]]:
        """For the checkpoint, in the order of the bits."""
        return [asdict(one) for one in self.all]

    def load(self, state: Iterable[Mapping[str, Any]]) -> None:
        """What `state` gave; before days were kept, what had been heard counts as heard long ago."""
        self.all = [Producer(**{"days": [[0, one["heard_us"]]], **one, **_short(one)}) for one in state]
        self._number = {(one.source, one.name): number for number, one in enumerate(self.all)}

    def _of_rows(self, rows: Rows, names: Sequence[str]) -> Iterator[tuple[int | None, NDArray[np.bool_]]]:
        """Yields each producer's number, None where it has none yet, and (rows,) which rows are its own."""
        pairs = rows["kind"].astype(np.int64) << 16 | rows["producer"]
        for pair in np.unique(pairs).tolist():
            yield self._number.get((KINDS[pair >> 16], names[pair & 0xFFFF])), pairs == pair

    def _of(self, source: str, name: str, first_us: int) -> int:
        number = self._number.get((source, name))
        if number is None and len(self.all) < MOST:
            number = self._number[source, name] = len(self.all)
            self.all.append(Producer(source, name, first_us))
        if number is not None:
            return number
        if len(self.all) == MOST:
            self.all.append(Producer(OTHERS, OTHERS, first_us))
        return REST


def _short(state: Mapping[str, Any]) -> dict[str, str | None]:
    """The names of a producer as they are kept; earlier releases kept them as they came."""
    scope = state.get("scope")
    return {"name": short_name(state["name"]), "scope": None if scope is None else short_name(scope)}
