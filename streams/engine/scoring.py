"""Scores customers of the table by the model in force, and hands them to the crossings for decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from features.aggregates import First, Layout
from features.matrix import values
from features.population import RfmB
from features.portable_math import Array
from features.signals import KNOWN
from features.table import Slots, Table
from features.view import View
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot
from streams.cases.columns import ATTRIBUTES, SENT, WIDTH
from streams.cases.crossings import Crossings
from streams.cases.decision import Candidacy, Scored
from streams.cases.outbox import Score
from streams.interventions.gate import Passed, Refused
from streams.interventions.market_signals import PRESSURE
from streams.interventions.opening import Withheld
from streams.profile.case_sections import Step, Tier

ROWS_AT_ONCE = 4096  # a multiple of observations.ROWS_A_BLOCK; what is computed of so many stays in the cache
OnScored = Callable[[Scored], None]


def ignore_scores(scored: Scored) -> None:
    """Does nothing: the scores of the sweep are no observations."""


class Scoring:
    """Scores customers of a partition. `scores`: the last published score of each slot since they were taken."""

    def __init__(self, layout: Layout, table: Table, crossings: Crossings, initial: Snapshot) -> None:
        self.layout, self.table, self.crossings = layout, table, crossings
        self.scorer = Scorer(initial)
        self.scores: dict[int, Score | None] = {}  # None: forgotten
        self._first_known = layout.column[First(KNOWN)]

    def features(self, block: Array, at_us: Array) -> Array:
        """Returns the features without a score: (features, n) in their units."""
        raw = values(View(self.layout, block, at_us))
        self._complete(raw, block, at_us)
        return raw

    def scored(self, slots: Slots, block: Array, at_us: Array) -> Scored:
        """Scores customers at their instants. block: (columns, n), of `Table.gather`; at_us: (n,)."""
        view = View(self.layout, block, at_us)
        raw = values(view)
        rfm_b = self._complete(raw, block, at_us)
        known_us, name = block[self._first_known], self.table.names.__getitem__
        return Scored(slots, name, view, at_us, known_us, self.scorer.score(raw), raw, rfm_b, self.scorer)

    def _complete(self, raw: Array, block: Array, at_us: Array) -> RfmB:
        """Sets the features that are not of the customer's own events."""
        emitter = self.crossings.emitter
        if emitter.signals:
            raw[PRESSURE] = emitter.signals.levels(emitter.attributes_table, block[ATTRIBUTES - WIDTH], at_us)
        return self.scorer.complete(raw)

    def decide(self, scored: Scored, block: Array, hold: Withheld, candidacy: Candidacy) -> NDArray[np.bool_]:
        """Decides on active customers and changes their case columns in `block`. -> (n,) which changed."""
        block[-WIDTH:], changed, published = self.crossings.decide(scored, block[-WIDTH:], hold, candidacy)
        self._publish(scored, published)
        return changed

    def _publish(self, scored: Scored, these: NDArray[np.bool_] | Slots) -> None:
        at, p = scored.at_us[these].astype(np.int64).tolist(), scored.probability[these].tolist()
        scores = zip(at, p, repeat(scored.scorer.snapshot.version), strict=False)
        self.scores.update(zip(scored.slots[these].tolist(), scores, strict=True))

    def crossing(self, slots: Slots, at_us: int) -> Iterator[Scored]:
        """Yields those of these customers about whom something could be decided now, scored, in chunks."""
        for part in in_chunks(slots):
            block = self.table.gather(part)
            heard = ~self.crossings.unheard.of(block[-WIDTH:])
            block, part = block[:, heard], part[heard]
            yield self.scored(part, block, np.full(len(part), float(at_us)))

    def sweep(
        self, slots: Slots, at_us: int, hold: Withheld, candidacy: Candidacy, on_scored: OnScored = ignore_scores
    ) -> Array:
        """Scores many customers at one instant, and keeps what changed. on_scored: is called with each chunk before
        anything is decided about it. -> (slots,) probabilities.
        """
        parts = [np.empty(0)]
        for part in in_chunks(slots):
            block = self.table.gather(part)
            scored = self.scored(part, block, np.full(len(part), float(at_us)))
            on_scored(scored)
            some, published = self.crossings.sorted_out(scored, block[-WIDTH:], hold)
            self._publish(scored, published)
            self.table.rows[part[published], SENT - WIDTH] = scored.probability[published]
            few, cases = scored.of(some), block[-WIDTH:, some]
            changed = self.decide(few, cases, hold, candidacy)
            self.table.rows[few.slots[changed], -WIDTH:] = cases[:, changed].T
            self.table.dirty[part[published]] = self.table.dirty[few.slots[changed]] = True
            parts.append(scored.probability)
        return np.concatenate(parts)

    def drop_pending(self, slots: Slots, at_us: int) -> None:
        """Ends the pending crossings of customers who have lapsed."""
        if len(slots):
            block = self.table.gather(slots)
            scored = self.scored(slots, block, np.full(len(slots), float(at_us)))
            self.table.rows[slots, -WIDTH:] = self.crossings.drop_pending(scored, block[-WIDTH:]).T
            self.table.dirty[slots] = True

    def gate(self, slot: int, at_us: int, base: Tier | Step) -> tuple[Passed | Refused, dict[str, str]]:
        """Returns the gate's answer for a customer now, and the action that `base` leads to."""
        slots = np.array([slot], np.intp)
        block = self.table.gather(slots)
        return self.crossings.gate(self.scored(slots, block, np.array([float(at_us)])), block[-WIDTH:], base)


def in_chunks(slots: Slots) -> Iterator[Slots]:
    """Yields the slots in chunks of ROWS_AT_ONCE."""
    return (slots[start : start + ROWS_AT_ONCE] for start in range(0, len(slots), ROWS_AT_ONCE))
