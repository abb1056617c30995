"""From scores to decisions: which scores are published, for which customers a case opens or is upgraded.

Scores come in blocks of many customers; the few with something to decide become a `CustomerDecision` each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from features.table import Slots
from online_model.snapshot import Snapshot
from streams.cases.columns import (
    ARMED,
    DECIDED,
    PENDING,
    POINTS,
    RETRY,
    SENT,
    SPEAKERS,
    TOUCHED,
    UPGRADE,
    waits_for_turn,
)
from streams.cases.crossed import crossed_us, noted
from streams.cases.decision import Candidacy, CustomerDecision, Scored
from streams.cases.emitter import Emitter
from streams.cases.unheard import Unheard
from streams.interventions.actions import PLACE, action
from streams.interventions.gate import Passed, Refused, pass_contact_rules
from streams.interventions.opening import NONE, CaseColumns, Holds, Withheld, decide
from streams.interventions.stop_loss import is_held
from streams.interventions.touches import held_by_complaint, points_due
from streams.profile.case_sections import Step, Tier

Flags = NDArray[np.bool_]


@dataclass
class Crossings:
    """Finds the scored customers with something to decide."""

    emitter: Emitter

    def __post_init__(self) -> None:
        self.profile = profile = self.emitter.profile
        self._borders = (profile.case.threshold, *(tier.above for tier in profile.tiers))
        self.unheard = Unheard()  # live: nothing is decided about customers of these producers
        self.undecided: dict[int, float] = {}  # slot -> producer bits, of customers who would cross
        self.all_wait = False  # in this sweep new crossings belong to the backlog

    def decide(self, scored: Scored, rows: Array, hold: Withheld, candidacy: Candidacy) -> tuple[Array, Flags, Flags]:
        """rows: (WIDTH, n) -> the new rows, and (n,) which changed, which of them publish a score."""
        p, after = scored.probability, rows.copy()
        why = hold if hold == Withheld.HISTORY else self.hold(scored.scorer.snapshot) or hold
        heard = self._heard(scored, rows)
        before = CaseColumns(*self._dated(scored, rows, heard)[: UPGRADE + 1])
        holds = why or self._backlog(rows)
        decision = decide(self.profile.case, before, p, scored.first_known_us, scored.at_us, holds)
        after[ARMED:UPGRADE] = decision.columns[1:-1]
        crossing = np.flatnonzero((decision.opened | (decision.withheld > 0)) & heard).tolist()
        if hold != Withheld.HISTORY:  # of which nothing is told
            scored.explain(self.profile, crossing)
        for i in crossing:
            CustomerDecision(self.emitter, scored, rows, after, i).decide_crossing(decision, candidacy)
        self._drop_pending(scored, rows, ~(p > self._borders[0]) & heard)
        for i in np.flatnonzero((p > rows[UPGRADE]) & heard & (hold != Withheld.CATCHING_UP)).tolist():
            if self.emitter.casebook.of(int(scored.slots[i])).live is not None:
                CustomerDecision(self.emitter, scored, rows, after, i).decide_upgrade(candidacy)
        if hold == Withheld.NOTHING:
            self._touch(scored, rows, after, heard, by_model=why == Withheld.NOTHING)
        elif hold == Withheld.HISTORY and self.profile.touch_points:
            after[POINTS] = self._due(scored)  # so that none of them begins when the history ends
        after[SENT] = np.where(self._published(rows[SENT], p), p, rows[SENT])
        published = np.ones(len(p), np.bool_)
        if not heard.all():
            after[:, ~heard], published[~heard] = self._wait(scored, rows, ~heard)
        changed: Flags = (after[:DECIDED] != rows[:DECIDED]).any(axis=0)  # NaN, never scored, differs
        return after, changed, changed & published

    def sorted_out(self, scored: Scored, rows: Array, hold: Withheld) -> tuple[Slots, Slots]:
        """Returns all customers about whom `decide` may do more than to publish their score, and few others; and those
        of whom it would do that alone. Of a quiet day's sweep these are one in 500, and one in 14.
        """
        p, sent, rules = scored.probability, rows[SENT], self.profile.case
        published = self._published(sent, p)
        some = (p > rules.threshold) & ~(sent > rules.threshold)
        some |= (rows[PENDING] != NONE) | (rows[RETRY] != NONE) | (rows[TOUCHED] == np.inf) | (p > rows[UPGRADE])
        some |= (p < rules.threshold - rules.margin) & (rows[ARMED] != 1.0)
        if (tier := self.profile.automated_tier) is not None:
            some |= (p > tier.above) & ~(sent > tier.above)
        if self.profile.touch_points and hold in (Withheld.NOTHING, Withheld.HISTORY):
            some |= self._due(scored) != rows[POINTS]
        if self.unheard:
            some |= self.unheard.of(rows)
        return np.flatnonzero(some), np.flatnonzero(published & ~some)

    def hold(self, snapshot: Snapshot) -> Withheld:
        """Returns why no case may open while this model is in force; NOTHING: cases may open."""
        if not snapshot.ready:
            return Withheld.MODEL_NOT_READY
        return Withheld.STOP_LOSS if is_held(self.profile, snapshot.judged) else Withheld.NOTHING

    def drop_pending(self, scored: Scored, rows: Array) -> Array:
        """Drops the pending crossings of these customers. rows: (WIDTH, n) -> the new rows."""
        after = rows.copy()
        self._drop_pending(scored, rows, np.ones(rows.shape[1], np.bool_))
        after[[PENDING, RETRY]] = NONE
        return after

    def came_back(self, scored: Scored, rows: Array, among: Flags) -> Array:
        """Ends the risk of customers `among` these who are not above the threshold; decides nothing else. It needs no
        silence to be believed. rows: (WIDTH, n) -> the new rows.
        """
        after, p, rules = rows.copy(), scored.probability, self.profile.case
        back = among & ~(p > rules.threshold) & (rows[SENT] > rules.threshold)
        self._drop_pending(scored, rows, back)
        after[SENT, back], after[PENDING, back], after[RETRY, back] = p[back], NONE, NONE
        after[ARMED, back & (p < rules.threshold - rules.margin)] = 1.0
        return after

    def _wait(self, scored: Scored, rows: Array, unheard: Flags) -> tuple[Array, Flags]:
        """Returns the rows of customers who are not heard, and who of them is at risk no more: their score is
        published, all else waits. The others keep when they were first found above the threshold.
        """
        after, threshold = self.came_back(scored, rows, unheard), self._borders[0]
        at_risk = rows[SENT] > threshold
        crossed = np.where(at_risk, after[PENDING], noted(scored, rows, scored.probability > threshold))
        after[PENDING, unheard] = crossed[unheard]
        return after[:, unheard], (at_risk & ~(after[SENT] > threshold))[unheard]

    def gate(self, scored: Scored, rows: Array, base: Tier | Step) -> tuple[Passed | Refused, dict[str, str]]:
        """Returns the gate's answer for one customer, and the action that `base` leads to. rows: (WIDTH, 1)."""
        customer = CustomerDecision(self.emitter, scored, rows, rows, 0)
        plan = customer.plan(base)
        passed = pass_contact_rules(self.profile, customer.recipient(plan))
        return passed, action(self.profile, plan, passed.channel) if isinstance(passed, Passed) else {}

    def _drop_pending(self, scored: Scored, rows: Array, over: NDArray[np.bool_]) -> None:
        """Records crossings that had a retry, or waited for a dispatch instant; held ones are recorded already."""
        for i in np.flatnonzero(np.isfinite(rows[[PENDING, RETRY]]).all(axis=0) & over).tolist():
            CustomerDecision(self.emitter, scored, rows, rows, i).drop_pending()

    def _heard(self, scored: Scored, rows: Array) -> Flags:
        """(n,): customers all of whose producers have been heard; decisions about the others wait."""
        if not self.unheard:
            return np.ones(rows.shape[1], np.bool_)
        unheard, threshold = self.unheard.of(rows), self.profile.case.threshold
        for i in np.flatnonzero(unheard & (scored.probability > threshold) & ~(rows[SENT] > threshold)).tolist():
            self.undecided[int(scored.slots[i])] = float(rows[SPEAKERS, i])
        return ~unheard

    def _dated(self, scored: Scored, rows: Array, heard: Flags) -> Array:
        """Returns the rows with the instant at which each customer crossed who was not heard before, and is now."""
        threshold = self._borders[0]
        crosses = heard & (scored.probability > threshold) & ~(rows[SENT] > threshold)
        late = np.flatnonzero(crosses & np.isfinite(rows[PENDING]))
        if not len(late):
            return rows
        dated = rows.copy()
        dated[PENDING, late] = crossed_us(scored, late, rows[PENDING, late], threshold)
        return dated

    def _backlog(self, rows: Array) -> Holds:
        """Returns the hold of each customer: crossings that waited open cases when their turn comes."""
        waits = waits_for_turn(rows[PENDING], rows[RETRY])
        if self.all_wait:
            waits |= ~(rows[SENT] > self._borders[0]) & (rows[RETRY] == NONE)
        return np.where(waits, np.int8(Withheld.BACKLOG), np.int8(Withheld.NOTHING))

    def _published(self, sent: Array, p: Array) -> NDArray[np.bool_]:
        published: NDArray[np.bool_] = np.isnan(sent) | (np.abs(p - sent) >= self.profile.scores.min_change)
        for above in self._borders:
            published |= (p > above) != (sent > above)
        return published

    def _touch(self, scored: Scored, rows: Array, after: Array, heard: Flags, *, by_model: bool) -> None:
        """Touches customers for whom a touch point begins to hold, and where the model may, those who enter the
        automated tier. A touch point needs no model: its risk is published. Nobody is touched twice in a cool-down.
        """
        waits = rows[TOUCHED] == np.inf  # for the gate
        free = waits | (scored.at_us - rows[TOUCHED] >= self.profile.touches.cool_down_us)
        enters = self._enters(scored, rows, waits) if by_model else np.zeros(len(free), np.bool_)
        begins = np.zeros(len(free), np.int64)
        if self.profile.touch_points:
            due, seen = self._due(scored), rows[POINTS].astype(np.int64)
            due &= ~held_by_complaint(self.profile, due & ~seen, scored.raw[PLACE["complaints_open"]])
            begins = due & ~seen
            after[POINTS] = np.where(free & heard, due, due & ~begins)
        for i in np.flatnonzero(free & heard & (enters | (begins != 0))).tolist():
            CustomerDecision(self.emitter, scored, rows, after, i).touch(int(begins[i]), enters=bool(enters[i]))

    def _due(self, scored: Scored) -> NDArray[np.int64]:
        """(n,): bits of the touch points that hold."""
        return points_due(self.profile, scored.view, scored.scorer.snapshot.published).astype(np.int64)

    def _enters(self, scored: Scored, rows: Array, waits: Flags) -> Flags:
        """Returns who enters the automated tier, or has entered it and still waits for the gate."""
        tier, p = self.profile.automated_tier, scored.probability
        if tier is None:
            return np.zeros(len(p), np.bool_)
        is_in = (p > tier.above) & (p <= self.profile.case.threshold)
        enters: Flags = is_in & (waits | ~(rows[SENT] > tier.above))
        return enters
