"""The engine of one partition: `step(rows, until)` takes whole ticks and an instant, and gives facts.

Between two stops of the schedule events are applied tick by tick: a customer's events of a tick at once, the customer
scored at its end. Customers do not depend on each other between stops, so the first ticks of all customers are taken
together, then their second ones, and so on: the result is that of one tick after another, at the speed of columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from features import histograms
from features.aggregates import Layout
from features.catalogue import AGGREGATES
from features.deduplication import RecentIds
from features.matrix import scaled
from features.population import count
from features.portable_math import Array
from features.table import Slots, Table
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot
from schemas.columns import Details, Rows
from streams.cases.casebook import Casebook
from streams.cases.columns import (
    CASE_COLUMNS,
    KEPT,
    NO_CASE,
    PENDING,
    RETRY,
    SENT,
    WIDTH,
)
from streams.cases.crossings import Crossings
from streams.cases.decision import Candidacy, Scored
from streams.cases.emitter import Emitter
from streams.cases.outbox import Facts, Outbox, in_order
from streams.cases.responses import Responses
from streams.engine import observations
from streams.engine.labels import Labels
from streams.engine.lifespans import Lifespans
from streams.engine.quality import Quality
from streams.engine.reports import Report
from streams.engine.scoring import Scoring, See, in_parts, unseen
from streams.engine.source_silence import SourceSilence
from streams.engine.ticks import Ticks
from streams.inputs.schedule import Schedule, is_grid, on_agenda
from streams.interventions.customer_attributes import AttributesTable
from streams.interventions.opening import Withheld
from streams.profile.profile import Profile

Sweep = tuple[int, Slots, Array]  # instant us, slots, probability


class Engine:
    """State and rules of one partition. `now_us` is stream time; `waiting_us` the instant whose model is waited for,
    `asked_us` the one whose grants are."""

    def __init__(
        self, profile: Profile, partition: int, tick_us: int, *, waits_for_models: bool, keeps_sweeps: bool = False
    ) -> None:
        self.profile, self.partition, self._tick_us = profile, partition, tick_us
        self.waits_for_models, self.keeps_sweeps = waits_for_models, keeps_sweeps
        self.layout = Layout(AGGREGATES, profile.label.retention_events)
        self.table = Table(np.concatenate([self.layout.empty, NO_CASE]))
        self.recent = RecentIds()
        self.schedule = Schedule(profile.time.sweep_every_us, profile.label.horizon_us)
        self.counts: Counter[str] = Counter()
        self.casebook, self.attributes_table, self.outbox = Casebook(profile, tick_us), AttributesTable(), Outbox()
        self.emitter = Emitter(profile, self.casebook, self.attributes_table, self.outbox, self.counts)
        self.source_silence = SourceSilence(profile.time.quiet_factor)
        initial = Snapshot.initial(profile.model.prior_probability)
        self.scoring = Scoring(self.layout, self.table, Crossings(self.emitter), initial)
        responses = Responses(self.emitter, self.table.names, self.layout.retention)
        self.ticks = Ticks(self.scoring, responses, profile.label.lapsed_after_us)
        self.now_us: int | None = None
        self.waiting_us: int | None = None
        self.asked_us: int | None = None
        self.first_observed_us: int | None = None
        self.quality, self.report = Quality(), Report.empty()  # of the last grid instant
        self.facts = Facts()
        self.quiet: list[str] = []  # sources that had fallen quiet at the last sweep
        self.sweeps: list[Sweep] = []
        self.labels = Labels(profile, self.table, self.layout)
        self.lifespans = Lifespans(self.table, self.layout, profile.label)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of a customer's row."""
        return ("reference_us", *map(repr, self.layout.aggregates), *CASE_COLUMNS)

    @property
    def hold(self) -> Withheld:
        """Why the model in force opens no case; NOTHING: it does."""
        return self.scoring.crossings.hold(self.scorer.snapshot)

    @property
    def waiting_crossings(self) -> int:
        """Crossings that open a case when they may."""
        return int(np.isfinite(self.table.rows[: len(self.table), PENDING - WIDTH]).sum())

    def start(self, now_us: int) -> None:
        """Where stream time begins: not after the first event of any partition."""
        self.now_us = now_us

    @property
    def scorer(self) -> Scorer:
        """The model in force."""
        return self.scoring.scorer

    @property
    def customers(self) -> int:
        """How many have had an event of their own; one who was forgotten and came back counts anew."""
        return self.lifespans.known() + self.counts["forgotten"]

    def step(self, rows: Rows, until_us: int, details: Mapping[int, Details]) -> None:
        """Applies the events of whole ticks up to `until_us`, in any order, and stops where schedule and agenda say.

        `rows` have slots of `table` and the tick they are due in, `details` the further fields of some.
        Raises when it would pass an instant whose model or grants it still waits for: the feed must not let it.
        """
        assert self.now_us is not None, "the engine has not been started"
        # the end of the input may lie within a tick: its events are still due when it ends, as if more had followed
        rows["due_us"] = np.minimum(rows["due_us"], -(-until_us // self._tick_us) * self._tick_us)
        rows = rows[np.argsort(rows["due_us"], kind="stable")]
        while self.now_us < until_us:
            assert self.waiting_us is None, f"model of {self.waiting_us} has not come"
            assert self.asked_us is None, f"grants of {self.asked_us} have not come"
            stop_us = min(until_us, self._next_stop(rows))
            n = len(rows) if stop_us == until_us else int(np.searchsorted(rows["due_us"], stop_us, "right"))
            self._apply(rows[:n], details)
            rows, self.now_us = rows[n:], stop_us
            self._wake(stop_us)
            self._stop(stop_us)

    def take_model(self, snapshot: Snapshot) -> None:
        """The model in force from now on; where it was waited for, observations and sweep of its instant follow."""
        self.take_snapshot(snapshot)
        if self.waiting_us is not None:
            assert snapshot.instant_us == self.waiting_us, (snapshot.instant_us, self.waiting_us)
            self.waiting_us = None
            self._observe(snapshot.instant_us)

    def take_grants(self, grants: list[dict[str, Any]], instant_us: int) -> None:
        """The dispatcher's answers to the candidates of an instant; in event time everything waits for them."""
        if self.waits_for_models:
            assert instant_us == self.asked_us, (instant_us, self.asked_us)
            self.asked_us = None
        assert self.now_us is not None
        for grant in sorted(grants, key=itemgetter("customer_id")):
            slot = int(self.table.slots([grant["customer_id"]])[0])
            row = self.table.rows[slot, -WIDTH:]
            self.emitter.grant(grant["customer_id"], slot, row, self.now_us, grant, self.hold)
            self.table.dirty[slot] = True
        self._flush()

    def remind_of_retries(self) -> None:
        """Puts restored crossings that may be tried again later on the agenda; what is due is met by the next sweep."""
        columns = self.table.rows[: len(self.table), PENDING - WIDTH : RETRY - WIDTH + 1]
        waits = np.isfinite(columns).all(axis=1) & (columns[:, -1] > (self.now_us or 0))
        for slot in np.flatnonzero(waits).tolist():
            self.casebook.remind(slot, int(columns[slot, -1]))

    def take_snapshot(self, snapshot: Snapshot) -> None:
        """Scores are made with this model from now on."""
        self.scoring.scorer = Scorer(snapshot)

    def label(self, block: dict[str, Any], observed_us: int) -> None:
        """The observations of a block, made at `observed_us`, get their labels: stream time is their horizon's end."""
        self.facts.labelled.append(self.labels.of(block, observed_us))

    def report_end(self) -> None:
        """Tells learner and dispatcher that nothing more comes."""
        self.facts.labelled.append(observations.end_mark(self.partition))
        if self.profile.limits.shared:
            self.facts.candidates.append(observations.end_mark(self.partition))

    def take_facts(self) -> Facts:
        """What came out since the last call."""
        facts, self.facts = self.facts, Facts()
        facts.scores, self.scoring.scores = self.scoring.scores, {}
        return facts

    def _stop(self, at_us: int) -> None:
        if is_grid(at_us):
            self._forget(at_us)
            self._count(at_us)
            if self.waits_for_models:
                self.waiting_us = at_us
            else:
                self._observe(at_us)
        elif self.schedule.is_sweep(at_us):
            self._sweep(at_us)

    def _forget(self, at_us: int) -> None:
        """Customers of whom nothing has been heard for long leave the state, as if they had never been here; but
        what their profile says, and so what they do not consent to, is kept."""
        old = self.lifespans.silent(at_us)
        slots = np.array(
            [slot for slot in old.tolist() if not self.casebook.of(slot).cases], np.intp
        )  # a case ends first
        profiles = self.table.rows[slots, -KEPT:].copy()
        self.table.forget(slots)
        self.table.rows[slots, -KEPT:] = profiles
        self.casebook.forget(slots.tolist())
        self.scoring.scores.update(dict.fromkeys(slots.tolist()))
        self.counts["forgotten"] += len(slots)

    def _count(self, at_us: int) -> None:
        """What the learner is told of a grid instant. The model of the instant is made with it, so there are no scores
        of it yet: those that were published last are counted, of whoever has one.
        """
        self.first_observed_us = at_us if self.first_observed_us is None else self.first_observed_us
        self.report = replace(Report.empty(), missing=self.quality.take(), judged=self.casebook.take_judged())
        for slots in in_parts(self.lifespans.active(at_us)):
            block = self.table.gather(slots)
            raw, sent = self.scoring.features(block, np.full(len(slots), float(at_us))), block[SENT - WIDTH]
            self.report += Report(count(raw), histograms.count(scaled(raw), sent[~np.isnan(sent)]), {})

    def _observe(self, at_us: int) -> None:
        """The observations of a grid instant, by the model in force: what the sweep of the instant is decided by."""
        self._sweep(at_us, self._observed)
        self.counts["observations"] += len(self.lifespans.active(at_us))
        self.facts.observations.append(observations.mark(at_us, self.partition))

    def _observed(self, scored: Scored) -> None:
        """Customers of a sweep are observations."""
        names, model = [self.table.names[slot] for slot in scored.slots.tolist()], scored.scorer
        at_us, said, version = int(scored.at_us[0]), model.expert_log_odds(scaled(scored.raw)), model.snapshot.version
        found = observations.observation_blocks(at_us, version, names, scored.probability, said, scored.raw)
        self.facts.observations += found

    def report_grid(self, at_us: int) -> None:
        """Tells the learner that all labels up to a grid instant are out."""
        self.facts.labelled.append(observations.mark(at_us, self.partition, self.report))

    def _sweep(self, at_us: int, see: See = unseen) -> None:
        active = self.lifespans.active(at_us)
        self.quiet = self.source_silence.quiet(at_us)
        hold = Withheld.SOURCE_QUIET if self.quiet else Withheld.NOTHING  # a sweep sees nothing but silence
        probability = self.scoring.sweep(active, at_us, hold, self._candidacy(self.gives_out(at_us)), see)
        self.scoring.give_up(self._waits_but(active), at_us)
        self._flush()
        if self.keeps_sweeps and len(active):
            self.sweeps.append((at_us, active, probability))
        if self.waits_for_models and self.gives_out(at_us):
            self._ask(at_us)
            self.asked_us = at_us

    def _waits_but(self, active: Slots) -> Slots:
        """Customers whose crossing waits though nobody scores them any more."""
        waits = np.isfinite(self.table.rows[: len(self.table), PENDING - WIDTH])
        waits[active] = False
        return np.flatnonzero(waits)

    def _next_stop(self, rows: Rows) -> int:
        """No deadline may pass unseen that events put on the agenda: it lies behind the quarter of an hour of these."""
        assert self.now_us is not None
        stop_us = min(self.schedule.next_stop(self.now_us), self.casebook.next_us)
        return min(stop_us, on_agenda(int(rows["due_us"][0]))) if len(rows) else stop_us

    def _wake(self, at_us: int) -> None:
        """What is on the agenda: deadlines of cases, and crossings that may be tried again."""
        due = self.casebook.due(at_us)
        again = self._again(np.array(due, np.intp), at_us)
        for slot in due:
            updates = self.casebook.wake(slot, at_us, partial(self.scoring.gate, slot, at_us))
            self.emitter.updates(self.table.names[slot], at_us, updates)
        if not self.schedule.is_sweep(at_us):  # which scores everybody
            self.scoring.sweep(again, at_us, Withheld.NOTHING, self._candidacy(False))
        self._flush()

    def _again(self, slots: Slots, at_us: int) -> Slots:
        """Active customers whose crossing or touch may be tried again now."""
        columns = self.table.rows[slots]
        pending, retry_us = columns[:, PENDING - WIDTH], columns[:, RETRY - WIDTH]
        touches = np.array([self.casebook.takes_touch(slot, at_us) for slot in slots.tolist()], np.bool_)
        return slots[((np.isfinite(pending) & (retry_us <= at_us)) | touches) & self.lifespans.is_active(slots, at_us)]

    def _candidacy(self, gives_out: bool) -> Candidacy:
        """Of what passes the gate: live something is given out at any time, in event time at its instants."""
        if not self.profile.limits.shared:
            return Candidacy.AT_ONCE
        return Candidacy.ASKS if gives_out or not self.waits_for_models else Candidacy.WAITS

    def gives_out(self, at_us: int) -> bool:
        """Whether what is shared is given out at `at_us`, in event time."""
        return self.profile.limits.shared and at_us % self.profile.limits.every_us == 0

    def _ask(self, at_us: int) -> None:
        candidates, self.outbox.candidates = self.outbox.candidates, []
        asked = [one.candidate(customer) for customer, one in sorted(candidates, key=itemgetter(0))]
        self.facts.candidates.append(observations.candidates(at_us, self.partition, asked))

    def _apply(self, rows: Rows, details: Mapping[int, Details]) -> None:
        """Events up to the next stop, by due time."""
        if not len(rows):
            return
        first_due_us = int(rows["due_us"][0])
        rows = rows[np.lexsort((rows["id"], rows["kind"], rows["time_us"], rows["due_us"], rows["slot"]))]
        new = self.recent.take_new(rows["id"], first_due_us - 1)
        late = -(-rows["time_us"] // self._tick_us) * self._tick_us < rows["due_us"]
        self.counts["duplicate"] += int((~new).sum())
        self.counts["late"] += int((new & late).sum())
        self.counts["applied"] += int((new & ~late).sum())
        rows = rows[new]
        self.quality.count(rows)
        self.counts["notes"] += int((rows["details"] > 0).sum())
        if not self.waits_for_models:
            self.source_silence.hear(rows[rows["details"] == 0])
        self.ticks.apply(rows, details, self._candidacy(False))
        self._flush()

    def _flush(self) -> None:
        """Messages since the last flush, in the order of (stream time, customer)."""
        out, facts = self.outbox, self.facts
        self.counts["interventions"] += len(out.interventions)
        self.counts["interventions_withheld"] += len(out.withheld)
        facts.interventions += in_order(out.interventions)
        facts.withheld += in_order(out.withheld)
        facts.updates += in_order(out.updates)
        facts.touches += in_order(out.touches)
        out.interventions, out.withheld, out.updates, out.touches = [], [], [], []
        if out.candidates and not self.waits_for_models:
            self._ask(self.now_us or 0)
