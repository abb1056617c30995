"""The backlog: customers above the threshold without a case, though one may open. They get their turn by expected net
value, `case.backlog_a_day` of them a day.

They were above it before a case might open (no ready model, stop-loss, an outage, too new a customer, a cool-down, a
missed crossing), or have risen above the tier of a case that has ended. All at once they would be more than a team can
work.

A turn is an instant in the column RETRY. Live, each partition gives turns as the day goes on: its share of the pace. In
event time the partitions must not matter, so the turns of a week are given with the model of its Monday: each partition
reports its best ranks, the learner finds the last rank of each day, each partition compares. Ranks are by the scores
published last, since the model of an instant is made with the reports.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest

import numpy as np
import xxhash
from numpy.typing import NDArray

from features.portable_math import Array
from features.table import Slots, Table
from schemas.instants import DAY_US
from streams.cases.columns import ATTRIBUTES, HELD, NEVER, OPENED, PENDING, RETRY, SENT, VALUE, WIDTH, waits_for_turn
from streams.cases.decision import Scored
from streams.cases.emitter import Emitter
from streams.engine.scoring import in_chunks
from streams.interventions.gate import is_held_out
from streams.interventions.message import net_values
from streams.interventions.opening import CaseColumns, may_open

DAYS = 7  # from a model to the next
Rank = tuple[float, int]  # less net value, digest of the customer: the lowest goes first
Place = tuple[Rank, int, bool]  # rank, slot, and whether the pending crossing is dropped: the case opens anew
OPENING = slice(-WIDTH, len(CaseColumns._fields) - WIDTH)  # the columns that decide on opening
NOBODY: Slots = np.zeros(0, np.intp)


def last_ranks(ranks: Iterable[Rank], a_day: int) -> list[Rank]:
    """Returns the last rank of each day of the week that is full. ranks: the best of all partitions."""
    return nsmallest(DAYS * a_day, ranks)[a_day - 1 :: a_day]


@dataclass
class Backlog:
    """The backlog of one partition. Live: its share of the pace, and how much of it has been used today (UTC)."""

    emitter: Emitter
    table: Table
    first_known: int  # column of the customer's first event
    partition: int
    partitions: int
    day: int = 0
    used: int = 0

    def ranks(self, active: Slots, at_us: int) -> list[Rank]:
        """Returns the best ranks, as many as may matter within a week. The holdout uses no turn."""
        names, profile = self.table.names, self.emitter.profile
        sent = (rank for rank, slot, _ in self._published(active, at_us) if not is_held_out(profile, names[slot]))
        return nsmallest(DAYS * profile.case.backlog_a_day, sent)

    def give_week(self, active: Slots, last: Sequence[Rank], at_us: int) -> None:
        """Gives the turns of the week from `at_us` on. last: the last rank of each full day, of all partitions."""
        for rank, slot, anew in self._published(active, at_us):
            if (day := bisect_left(last, rank)) < DAYS:
                self._give(slot, at_us + day * DAY_US, anew)
                if day:  # the sweep of this instant is still to come
                    self.emitter.casebook.schedule(slot, at_us + day * DAY_US)

    def waiting(self, slots: Slots, at_us: int, new: bool = False) -> Slots:
        """Those among `slots` who wait for a turn. new: also those who have not crossed yet."""
        return np.concatenate([NOBODY, *(part[self._waits(part, at_us, new)] for part in in_chunks(slots))])

    def room(self, at_us: int) -> int:
        """Live: how many turns the day has left."""
        if at_us // DAY_US > self.day:
            self.day, self.used = at_us // DAY_US, 0
        return max(self._share() - self.used, 0)

    def give_now(self, scored: Iterable[Scored], at_us: int) -> Slots:
        """Live: gives turns now as far as the day has room; returns who got one. scored: those who wait."""
        places = [place for part in scored for place in self._places(part.slots, part.probability, at_us)]
        best = nsmallest(self.room(at_us), places)
        for _, slot, anew in best:
            self._give(slot, at_us, anew)
        return np.array([slot for _, slot, _ in best], np.intp)

    def use(self, slots: Slots, at_us: int) -> None:
        """Counts the turns that led to a case, and those that wait for quiet hours to end, a cap or a grant."""
        rows = self.table.rows[slots, -WIDTH:].T
        opened = (rows[OPENED] == at_us) & (rows[HELD] == 0)
        waits = (np.isfinite(rows[RETRY]) & (rows[RETRY] > at_us)) | np.isfinite(rows[PENDING])
        self.used += int((opened | waits).sum())

    def _published(self, active: Slots, at_us: int) -> Iterator[Place]:
        """Yields everybody who waits, by the scores published last."""
        waits = self.waiting(active, at_us)
        return self._places(waits, self._column(waits, SENT), at_us)

    def _places(self, slots: Slots, p: Array, at_us: int) -> Iterator[Place]:
        """Yields the ranks of those to whom something could be sent. p: (slots,) their scores. A crossing that has
        waited until it is worth nothing any more is dropped: as a case of the backlog the windows begin with the turn.
        """
        profile = self.emitter.profile
        value, pending_us = self._column(slots, VALUE), self._column(slots, PENDING)
        value = np.where(np.isnan(value), profile.customer_value, value)
        worth = net_values(profile, p, value, np.where(np.isfinite(pending_us), at_us - pending_us, 0.0))
        is_known = self._column(slots, SENT) > profile.case.threshold  # else its crossing is dated and recorded first
        anew = is_known & np.isfinite(pending_us) & (worth < 0)
        worth[anew] = net_values(profile, p[anew], value[anew], np.zeros(int(anew.sum())))
        may = (p > profile.case.threshold) & (worth >= 0) & self._in_scope(slots)
        known = self.emitter.casebook.has(slots)
        places = np.flatnonzero(may)
        for i, name in zip(places.tolist(), self.table.names.encoded(slots[places]), strict=True):
            slot = int(slots[i])
            if not known[i] or self.emitter.casebook.of(slot).live is None:
                yield (-round(float(worth[i]), 2), xxhash.xxh32_intdigest(name)), slot, bool(anew[i])

    def _waits(self, slots: Slots, at_us: int, new: bool) -> NDArray[np.bool_]:
        """(slots,): whether a pending crossing waits for a turn, or a case may open without one. new: or neither."""
        rules, columns = self.emitter.profile.case, CaseColumns(*self.table.gather(slots, OPENING))
        above = columns.last_probability > rules.threshold
        waits = waits_for_turn(columns.pending_crossed_us, columns.retry_us)
        if new:
            waits |= ~above
        others = np.flatnonzero(above & ~np.isfinite(columns.pending_crossed_us) & (columns.retry_us == NEVER))
        those, at = CaseColumns(*(column[others] for column in columns)), np.full(len(others), float(at_us))
        first_us = self.table.rows[slots[others], self.first_known]
        waits[others] = may_open(rules, those, those.last_probability, first_us, at)
        return waits

    def _in_scope(self, slots: Slots) -> NDArray[np.bool_]:
        """(slots,): whether the roll-out has reached them."""
        scopes = self.emitter.profile.roll_out.scopes
        numbers, place = np.unique(self._column(slots, ATTRIBUTES), return_inverse=True)
        there = [not scopes or self.emitter.attributes_table[number].scope in scopes for number in numbers.tolist()]
        return np.array(there, np.bool_)[place]

    def _share(self) -> int:
        """Shares add up to the whole; the day turns them, so that none is always the smallest."""
        turned = (self.partition + self.day) % self.partitions
        return (self.emitter.profile.case.backlog_a_day + turned) // self.partitions

    def _give(self, slot: int, at_us: int, anew: bool) -> None:
        if anew:
            self.table.rows[slot, PENDING - WIDTH] = NEVER
        self.table.rows[slot, RETRY - WIDTH] = at_us
        self.table.dirty[slot] = True

    def _column(self, slots: Slots, column: int) -> Array:
        found: Array = self.table.rows[slots, column - WIDTH]
        return found
