"""The engine of one partition: `step(rows, until_us)` applies whole ticks up to an instant; `take_facts()` returns what
goes out.

It stops at the instants of the schedule and of the casebook's agenda: between two stops `Ticks` applies events, at a
stop deadlines fire, and sweeps, observations or reports are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.aggregates import First, Layout, column_name
from features.catalogue import AGGREGATES
from features.deduplication import RecentIds
from features.matrix import scaled
from features.portable_math import Array
from features.signals import KNOWN
from features.table import Slots, Table
from online_model.instant_sample import drawn, halvings
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot
from schemas.columns import Details, Rows
from schemas.instants import WEEK_US
from streams.cases.casebook import Casebook
from streams.cases.columns import ATTRIBUTES, CASE_COLUMNS, KEPT, NO_CASE, PENDING, WIDTH
from streams.cases.complaints import Complaints
from streams.cases.crossings import Crossings
from streams.cases.decision import Candidacy, Scored
from streams.cases.emitter import Emitter
from streams.cases.erasures import Erasures
from streams.cases.outbox import Facts, Outbox
from streams.cases.responses import Responses
from streams.engine import observations
from streams.engine.backlog import NOBODY, Backlog
from streams.engine.cohorts import Cohorts
from streams.engine.hearing import BEHIND_US, Hearing
from streams.engine.labels import Labels
from streams.engine.lifespans import Lifespans
from streams.engine.pending import PendingCrossings
from streams.engine.quality import Quality
from streams.engine.reports import Report, lifecycle_counts, report_of
from streams.engine.scoring import OnScored, Scoring, ignore_scores
from streams.engine.ticks import Ticks
from streams.inputs.schedule import Schedule, is_grid, on_agenda
from streams.interventions.customer_attributes import AttributesTable
from streams.interventions.opening import Withheld
from streams.interventions.touches import seen
from streams.profile.profile import Profile

Sweep = tuple[int, Slots, Array]  # instant us, slots, probability


class Engine:
    """State and rules of one partition. `now_us` is stream time; `model_due_us` the instant whose model is awaited,
    `grants_due_us` the one whose grants are."""

    def __init__(
        self,
        profile: Profile,
        partition: int,
        tick_us: int,
        *,
        waits_for_models: bool,
        keeps_sweeps: bool = False,
        partitions: int = 1,
    ) -> None:
        self.profile, self.partition, self._tick_us = profile, partition, tick_us
        self.waits_for_models, self.keeps_sweeps = waits_for_models, keeps_sweeps
        self.layout = Layout(AGGREGATES, profile.label.retention_events, profile.time.zone)
        self.table = Table(np.concatenate([self.layout.empty, NO_CASE]))
        self.recent = RecentIds()
        self.schedule = Schedule(profile.time.sweep_every_us, profile.label.horizon_us)
        self.counts: Counter[str] = Counter()
        self.casebook, self.attributes_table, self.outbox = Casebook(profile, tick_us), AttributesTable(), Outbox()
        self.emitter = Emitter(profile, self.casebook, self.attributes_table, self.outbox, self.counts)
        initial = Snapshot.initial(profile.model.prior_probability)
        self.scoring = Scoring(self.layout, self.table, Crossings(self.emitter), initial)
        erasures = Erasures(self.emitter, self.table.names, self.table.empty, tick_us)
        responses = Responses(self.emitter, self.table.names, self.layout.retention)
        complaints = Complaints(self.emitter, self.table.names, self.layout)
        steps = erasures, responses, complaints
        self.ticks = Ticks(self.scoring, *steps, profile.label.lapsed_after_us, live=not waits_for_models)
        self.now_us: int | None = None
        self.model_due_us: int | None = None
        self.grants_due_us: int | None = None
        self.first_observed_us: int | None = None
        self.quality = Quality(by_tick=waits_for_models)
        self.report = Report.empty()  # of the last grid instant
        self.facts = Facts()
        self.hearing = Hearing(profile.time, self.table, self.attributes_table, lambda: self.quality.applied)
        first_known = self.layout.column[First(KNOWN)]
        self.backlog = Backlog(self.emitter, self.table, first_known, partition, partitions)
        self._was_behind = self._was_held = False
        self.sweeps: list[Sweep] = []
        self.labels, self.cohorts = Labels(profile, self.table, self.layout), Cohorts(self.layout, profile.label)
        self.lifespans = Lifespans(self.table, self.layout, profile.label)
        self.pending = PendingCrossings(self.table, self.casebook)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of a customer's row."""
        return ("reference_us", *map(column_name, self.layout.aggregates), *CASE_COLUMNS)

    @property
    def hold(self) -> Withheld:
        """Why no case opens by the model in force; NOTHING: cases may open."""
        return self.scoring.crossings.hold(self.scorer.snapshot)

    @property
    def backlog_waits(self) -> int:
        """How many crossings wait although cases may open: for their turn, or for a producer; live only."""
        return 0 if self.waits_for_models else self.pending.waiting_for_turn

    def start(self, now_us: int) -> None:
        """Starts stream time, not after the first event of any source."""
        self.now_us = now_us

    @property
    def scorer(self) -> Scorer:
        """The model in force."""
        return self.scoring.scorer

    @property
    def customers(self) -> int:
        """How many customers have had an event; one who was forgotten or erased and came back counts twice."""
        return self.lifespans.known() + self.counts["forgotten"] + self.counts["erased"]

    def step(self, rows: Rows, until_us: int, details: Mapping[int, Details]) -> list[int]:
        """Applies the events of whole ticks up to `until_us`, in any order, with all stops on the way; returns the
        numbers of the letters of those that are refused as too late.

        `rows` have slots of `table` and the tick they are due in; details: by the `details` of the row.
        Raises AssertionError at an instant whose model or grants have not come: the feed must wait for them.
        """
        assert self.now_us is not None, "the engine has not been started"
        # the input may end within a tick: its events are still due at the end of the tick, as if more had followed
        rows["due_us"] = np.minimum(rows["due_us"], -(-until_us // self._tick_us) * self._tick_us)
        rows, refused = rows[np.argsort(rows["due_us"], kind="stable")], list[int]()
        if self.now_us == until_us:  # the input ended here before, and what has come since is late
            return self._apply(rows, details)
        while self.now_us < until_us:
            assert self.model_due_us is None, f"model of {self.model_due_us} has not come"
            assert self.grants_due_us is None, f"grants of {self.grants_due_us} have not come"
            stop_us = min(until_us, self._next_stop(rows))
            n = len(rows) if stop_us == until_us else int(np.searchsorted(rows["due_us"], stop_us, "right"))
            refused += self._apply(rows[:n], details)
            rows, self.now_us = rows[n:], stop_us
            self._run_agenda(stop_us)
            self._stop(stop_us)
        if not self.waits_for_models:
            self._decide_what_waited()
        return refused

    def apply_model(self, snapshot: Snapshot) -> None:
        """Puts a model in force; if it was awaited, makes the observations and the sweep of its instant."""
        was_held, crossings, at_us = bool(self.hold), self.scoring.crossings, snapshot.instant_us
        self.serve_model(snapshot)
        if self.model_due_us is not None:
            assert at_us == self.model_due_us, (at_us, self.model_due_us)
            self.model_due_us = None
            if not (self.hold or self._hold(at_us)):
                crossings.all_wait = was_held or self._hold(at_us - WEEK_US) == Withheld.HISTORY
                self.backlog.give_week(self.lifespans.active(at_us), snapshot.backlog, at_us)
            self._observe(at_us)
            crossings.all_wait = False

    def apply_grants(self, grants: list[dict[str, Any]], instant_us: int) -> None:
        """Applies the dispatcher's answers to the candidates of an instant."""
        if self.waits_for_models:
            assert instant_us == self.grants_due_us, (instant_us, self.grants_due_us)
            self.grants_due_us = None
        assert self.now_us is not None
        for grant in sorted(grants, key=itemgetter("customer_id")):
            slot = int(self.table.slots([grant["customer_id"]])[0])
            row = self.table.rows[slot, -WIDTH:]
            self.emitter.grant(grant["customer_id"], slot, row, self.now_us, grant, self.hold)
            self.table.dirty[slot] = True
        self._flush()

    def serve_model(self, snapshot: Snapshot) -> None:
        """Scores by this model from now on."""
        self.scoring.scorer = Scorer(snapshot)

    def label(self, block: dict[str, Any], observed_us: int) -> None:
        """Labels a block of observations made at `observed_us`; stream time is the end of their horizon."""
        assert self.now_us is not None
        silent = self.hearing.are_of_silent(self.table.slots(block["customers"]), self.now_us)
        self.facts.labelled.append(self.labels.of(block, observed_us, silent))

    def report_end(self) -> None:
        """Reports the end of the partition to learner and dispatcher."""
        self.facts.labelled.append(observations.end_mark(self.partition))
        if self.profile.limits.shared:
            self.facts.candidates.append(observations.end_mark(self.partition))

    def take_facts(self) -> Facts:
        """Removes and returns what goes out since the last call."""
        facts, self.facts = self.facts, Facts()
        facts.scores, self.scoring.scores = self.scoring.scores, {}
        return facts

    def _stop(self, at_us: int) -> None:
        if self.attributes_table.has_grown and self.schedule.is_sweep(at_us):
            numbers = self.table.rows[: len(self.table), ATTRIBUTES - WIDTH]
            self.attributes_table.keep(np.unique(numbers).astype(int).tolist())
        if is_grid(at_us):
            self._forget(at_us)
            self._build_report(at_us)
            if self.waits_for_models:
                self.model_due_us = at_us
            else:
                self._observe(at_us)
        elif self.schedule.is_sweep(at_us):
            self._sweep(at_us)

    def _forget(self, at_us: int) -> None:
        """Drops the state of customers without events for long; their customer profile, and so their consents, is
        kept.
        """
        silent = self.lifespans.silent(at_us).tolist()
        slots = np.array([slot for slot in silent if not self.casebook.of(slot).cases], np.intp)  # a case ends first
        profiles = self.table.rows[slots, -KEPT:].copy()
        self.table.forget(slots)
        self.table.rows[slots, -KEPT:] = profiles
        self.casebook.forget(slots.tolist())
        self.scoring.scores.update(dict.fromkeys(slots.tolist()))
        self.counts["forgotten"] += len(slots)

    def _build_report(self, at_us: int) -> None:
        self.first_observed_us = at_us if self.first_observed_us is None else self.first_observed_us
        self.cohorts.end(at_us)
        self.report = report_of(self.scoring, self.cohorts, self._observable(at_us), at_us)
        for group, count in lifecycle_counts(self.profile, self.table, self.layout, at_us).items():
            self.counts[f"lifecycle_{group}"] = count
        judged, closed = self.casebook.take_judged(), self.casebook.take_closed()
        known = seen(self.table, self.layout)
        ranks = self.backlog.ranks(self.lifespans.active(at_us), at_us) if self.waits_for_models else []
        self.report = replace(
            self.report, missing=self.quality.take(), judged=judged, seen=known, backlog=ranks, closed=closed
        )

    def _observe(self, at_us: int) -> None:
        """Makes the observations of a grid instant: the scores of its sweep, by the model in force."""
        self._sweep(at_us, self._add_observations)
        self.facts.observations.append(observations.mark(at_us, self.partition))

    def _add_observations(self, scored: Scored) -> None:
        """Adds scored customers of a sweep as observations; of a large company a sample."""
        at_us, model = int(scored.at_us[0]), scored.scorer
        known = np.flatnonzero(~self.hearing.are_of_silent(scored.slots, at_us))
        self.cohorts.add(at_us, scored.probability[known], model.snapshot.shift)
        all_names = self.table.names.of(scored.slots[known])
        in_sample = np.flatnonzero(drawn(all_names, at_us, halvings(model.snapshot.customers)))
        known, names = known[in_sample], [all_names[i] for i in in_sample.tolist()]
        raw, probability, version = scored.raw[:, known], scored.probability[known], model.snapshot.version
        said = model.expert_log_odds(scaled(raw))
        self.counts["observations"] += len(names)
        self.facts.observations += observations.observation_blocks(at_us, version, names, probability, said, raw)

    def report_grid(self, at_us: int) -> None:
        """Reports to the learner that all labels up to a grid instant have been sent."""
        self.facts.labelled.append(observations.mark(at_us, self.partition, self.report))

    def _sweep(self, at_us: int, on_scored: OnScored = ignore_scores) -> None:
        active = self.lifespans.active(at_us)
        crossings = self.scoring.crossings
        if not self.waits_for_models:  # a sweep adds silence alone
            crossings.unheard, crossings.undecided = self.hearing.unheard(at_us), {}
            turns = self._give_turns(at_us, active)
        candidacy, hold = self._candidacy(self.is_dispatch_instant(at_us)), self._hold(at_us)
        self._was_behind |= bool(hold)  # the step may end at the clock
        probability = self.scoring.sweep(active, at_us, hold, candidacy, on_scored)
        self.scoring.drop_pending(self.pending.of_others(active), at_us)
        if not self.waits_for_models:
            self.backlog.use(turns, at_us)
            crossings.all_wait = False
        self._flush()
        if self.keeps_sweeps and len(active):
            self.sweeps.append((at_us, active, probability))
        if self.waits_for_models and self.is_dispatch_instant(at_us):
            self._send_candidates(at_us)
            self.grants_due_us = at_us

    def _observable(self, at_us: int) -> Slots:
        """Active customers whose features are known up to `at_us`: their producers have been heard."""
        active = self.lifespans.active(at_us)
        return active[~self.hearing.are_of_silent(active, at_us)]

    def _late(self, rows: Rows) -> NDArray[np.bool_]:
        """(rows,): behind a tick that was proved: in event time by the source, live by the event's own producer."""
        if self.waits_for_models:
            late: NDArray[np.bool_] = -(-rows["time_us"] // self._tick_us) * self._tick_us < rows["due_us"]
            return late
        return self.hearing.producers.late(rows, self.quality.applied, self._tick_us)

    def _hold(self, at_us: int) -> Withheld:
        """Crossings wait in history; live also while the partition is behind the clock: that is no whole picture."""
        if self.profile.case.is_history(at_us):
            return Withheld.HISTORY
        return Withheld.CATCHING_UP if self.emitter.clock_us - at_us > BEHIND_US else Withheld.NOTHING

    def _decide_what_waited(self) -> None:
        """Live: sweeps once when the partition has caught up, and customers whose producers are heard again."""
        assert self.now_us is not None
        if self._hold(self.now_us):
            self._was_behind = True
            return
        again = self.hearing.heard_again(self.now_us, self.lifespans.active)
        if self._was_behind:
            self._sweep(self.now_us)
        elif len(again):
            self.scoring.crossings.unheard = self.hearing.unheard(self.now_us)
            turns = self._give_turns(self.now_us, again)
            self.scoring.sweep(again, self.now_us, Withheld.NOTHING, self._candidacy(False))
            self.backlog.use(turns, self.now_us)
            self.scoring.crossings.all_wait = False
            self._flush()
        self._was_behind = False

    def _give_turns(self, at_us: int, slots: Slots) -> Slots:
        """Live: gives turns to as much of the backlog as the day still has room for; returns who got one. In the first
        sweep after a hold of the model all who cross belong to it: the model brought them there, not a day.
        """
        crossings = self.scoring.crossings
        hold = self._hold(at_us)
        self._was_held |= bool(self.hold) or hold == Withheld.HISTORY
        if self.hold or hold:
            return NOBODY
        crossings.all_wait, self._was_held = self._was_held, False
        if not self.backlog.room(at_us):
            return NOBODY
        waiting = self.backlog.waiting(slots, at_us, crossings.all_wait)
        return self.backlog.give_now(self.scoring.crossing(waiting, at_us), at_us)

    def _next_stop(self, rows: Rows) -> int:
        """The next instant of schedule or agenda. Events put no deadline before the quarter of an hour they are due in,
        so that is a stop too.
        """
        assert self.now_us is not None
        stop_us = min(self.schedule.next_stop(self.now_us), self.casebook.next_us)
        return min(stop_us, on_agenda(int(rows["due_us"][0]))) if len(rows) else stop_us

    def _run_agenda(self, at_us: int) -> None:
        """Fires what is due on the agenda: deadlines of cases, retries of crossings and touches. While a partition is
        behind the clock they wait: what CRM and customers did meanwhile comes first.
        """
        due = self.casebook.pop_due(at_us)
        if self._hold(at_us) == Withheld.CATCHING_UP:
            for slot in due:
                self.casebook.schedule(slot, on_agenda(self.emitter.clock_us))
            return
        slots = np.array(due, np.intp)
        retries = slots[self.pending.due(slots, at_us) & self.lifespans.is_active(slots, at_us)]
        unheard = self.hearing.are_unheard(slots, at_us).tolist()
        for slot, waits in zip(due, unheard, strict=True):
            gate = partial(self.scoring.gate, slot, at_us)
            updates = self.casebook.fire_deadlines(slot, at_us, gate, unheard=waits)
            self.emitter.updates(self.table.names[slot], at_us, updates)
            for task, status in self.casebook.fire_tasks(slot, at_us, unheard=waits):
                self.emitter.task(self.table.names[slot], self.table.rows[slot, -WIDTH:], task, status, at_us)
        if not self.schedule.is_sweep(at_us):  # a sweep scores all active customers anyway
            self.scoring.sweep(retries, at_us, self._hold(at_us), self._candidacy(False))
        self._flush()

    def _candidacy(self, is_dispatch_instant: bool) -> Candidacy:
        """Whether cases become candidates: live at once, in event time at dispatch instants."""
        if not self.profile.limits.shared:
            return Candidacy.NOT_NEEDED
        return Candidacy.NOW if is_dispatch_instant or not self.waits_for_models else Candidacy.LATER

    def is_dispatch_instant(self, at_us: int) -> bool:
        """Whether the dispatcher decides on candidates at `at_us`, in event time."""
        return self.profile.limits.shared and at_us % self.profile.limits.every_us == 0

    def _send_candidates(self, at_us: int) -> None:
        candidates, self.outbox.candidates = self.outbox.candidates, []
        entries = [candidate.candidate(customer) for customer, candidate in sorted(candidates, key=itemgetter(0))]
        self.facts.candidates.append(observations.candidates(at_us, self.partition, entries))

    def _apply(self, rows: Rows, details: Mapping[int, Details]) -> list[int]:
        """Applies events up to the next stop, sorted by due time: refuses what is too late, drops duplicates, counts,
        then tick by tick. Returns the numbers of the refused ones' letters.
        """
        too_late = self._too_late(rows)
        refused, rows = sorted(rows["letter"][too_late].tolist()), rows[~too_late]
        if len(rows):
            self._take(rows, details)
        return refused

    def _too_late(self, rows: Rows) -> NDArray[np.bool_]:
        """(rows,): behind `time.latest`, and live not surely new: a shop that was away for long has much to send."""
        too_late: NDArray[np.bool_] = rows["letter"] > 0
        if too_late.any() and not self.waits_for_models:
            too_late &= self.hearing.producers.may_be_known(rows, self.quality.applied)
        return too_late

    def _take(self, rows: Rows, details: Mapping[int, Details]) -> None:
        first_due_us, last_due_us = int(rows["due_us"][0]), int(rows["due_us"][-1])
        rows = rows[np.lexsort((rows["id"], rows["kind"], rows["time_us"], rows["due_us"], rows["slot"]))]
        new = self.recent.take_new(rows["id"], first_due_us - 1)
        late = self._late(rows)
        self.counts["duplicate"] += int((~new).sum())
        self.counts["late"] += int((new & late).sum())
        self.counts["applied"] += int((new & ~late).sum())
        rows = rows[new]
        self.quality.count(rows)
        self.counts["notes"] += int((rows["details"] > 0).sum())
        if not self.waits_for_models:
            self.hearing.add(rows[rows["details"] == 0])
            self.scoring.crossings.unheard = self.hearing.silent(last_due_us)
        hold = self._hold(first_due_us)
        self.ticks.apply(rows, details, hold, self._candidacy(False))
        if hold and np.isfinite(self.table.rows[rows["slot"], PENDING - WIDTH]).any():
            self._was_behind = True
        self._flush()

    def _flush(self) -> None:
        """Counts the messages of the outbox and moves them into the facts."""
        self.counts["interventions"] += len(self.outbox.interventions)
        self.counts["interventions_withheld"] += len(self.outbox.withheld)
        self.outbox.flush(self.facts)
        if self.outbox.candidates and not self.waits_for_models:
            self._send_candidates(self.now_us or 0)
