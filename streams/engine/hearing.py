"""Whose silence an engine believes, live: hears the producers of its events, and says about whom nothing is decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from features.table import Slots, Table
from schemas.alerts import Alert, AlertKind, Figures
from schemas.columns import Rows
from schemas.instants import SECOND_US, format_duration, format_instant
from streams.cases.columns import SPEAKERS, WIDTH
from streams.cases.unheard import Unheard
from streams.inputs.names import short_name
from streams.inputs.producers import LEAST_PAUSE_US, Producers
from streams.interventions.customer_attributes import AttributesTable
from streams.profile.learning_sections import Time

BEHIND_US = 60 * SECOND_US  # a partition further behind the clock is catching up


class Hearing:
    """The producers of a partition, and the customers for whom they speak."""

    def __init__(
        self, time: Time, table: Table, attributes: AttributesTable, names: Callable[[], Sequence[str]]
    ) -> None:
        """names: of the producers, by the numbers in rows."""
        self.producers = Producers(time.quiet_factor, time.producer_patience_us, time.latest_us)
        self._table, self._attributes, self._names = table, attributes, names
        self._waited_for = 0  # bits of those that were not heard when it was last asked

    def add(self, rows: Rows) -> None:
        """Customers' own events, sorted by slot, that are applied now: their producers speak for the customers."""
        if not len(rows):
            return
        bits = self.producers.hear(rows, self._names())
        slots, first = np.unique(rows["slot"], return_index=True)
        column, speak = self._table.rows[:, SPEAKERS - WIDTH], np.bitwise_or.reduceat(bits, first)
        column[slots] = column[slots].astype(np.int64) | speak

    def unheard(self, at_us: int) -> Unheard:
        """Those whose silence is not believed at a sweep."""
        return self._unheard(self.producers.unheard(at_us))

    def are_unheard(self, slots: Slots, at_us: int) -> NDArray[np.bool_]:
        """(slots,): customers whose silence is not believed up to `at_us`; in event time nobody."""
        return self._of(self.unheard(at_us), slots)

    def are_of_silent(self, slots: Slots, at_us: int) -> NDArray[np.bool_]:
        """(slots,): customers of whom nothing is learned at `at_us`; in event time nobody. Not all who are unheard: a
        shop that is closed on Sundays is, every Monday at 00:00, and would never be observed.
        """
        return self._of(self.silent(at_us), slots)

    def silent(self, at_us: int) -> Unheard:
        """Those who are silent against their habit, or still catching up: not even an event decides then."""
        return self._unheard(self.producers.silent(at_us))

    def heard_again(self, at_us: int, active: Callable[[int], Slots]) -> Slots:
        """Active customers of producers that were not heard when this was last asked, and are now."""
        now, before = self.unheard(at_us).bits, self._waited_for
        self._waited_for = now
        if not before & ~now:
            return np.zeros(0, np.intp)
        slots = active(at_us)
        heard: Slots = slots[self._table.rows[slots, SPEAKERS - WIDTH].astype(np.int64) & before & ~now != 0]
        return heard

    def alerts(self, now_us: int, undecided: Iterable[float]) -> list[Alert]:
        """An alert for each producer that is silent against its habit. undecided: bits of customers who wait."""
        waiting: Counter[int] = Counter()
        for bits in undecided:
            waiting.update(number for number in range(int(bits).bit_length()) if int(bits) >> number & 1)
        found = []
        for number in self.producers.silent(now_us):
            one = self.producers.all[number]
            least_us = int(max(one.longest_us, 0 if one.beats else LEAST_PAUSE_US)) // SECOND_US * SECOND_US
            since, usual = format_instant(one.heard_us), format_duration(max(least_us, SECOND_US))
            text = (
                f"nothing has come from {one.name} on {one.source} since {since} (usual: every {usual}); "
                f"{waiting[number]} decisions about its customers wait"
            )
            figures: Figures = {"heard_at": since, "usual_pause": usual, "waiting": waiting[number]}
            found.append(Alert(AlertKind.PRODUCER_SILENT, f"{one.name} {one.source}", text, figures))
        return found

    def _of(self, unheard: Unheard, slots: Slots) -> NDArray[np.bool_]:
        return unheard.of(self._table.rows[slots, -WIDTH:].T) if unheard else np.zeros(len(slots), np.bool_)

    def _unheard(self, numbers: Sequence[int]) -> Unheard:
        scopes = {self.producers.all[number].scope for number in numbers} - {None}
        attributes = [
            number
            for number, one in (self._attributes.all.items() if scopes else ())
            if one.scope is not None and short_name(one.scope) in scopes
        ]
        return Unheard(sum(1 << number for number in numbers), tuple(attributes))
