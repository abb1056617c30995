"""The engine of a partition as a unit: its position, and how both are stored in the changelog.

Between two batches `take` returns everything that changed: rows of the changelog, outputs and the position that they
belong to. Written in one transaction they are an exact state.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from online_model.drift import MOST_PRODUCERS
from online_model.snapshot import Snapshot
from schemas.alerts import Alert, AlertKind, Figures
from schemas.columns import MARKET_SIGNAL, Details, Rows
from schemas.errors import Failure
from schemas.events import signal_key
from schemas.instants import DAY_US, format_instant
from schemas.partitioner import partition_of
from streams.engine.engine import Engine, Sweep
from streams.inputs.merge import OffsetGap
from streams.inputs.names import add_capped
from streams.inputs.schedule import is_grid, next_grid
from streams.interventions.opening import Withheld
from streams.interventions.stop_loss import added, alert
from streams.profile.profile import Profile
from streams.units.customer_rows import CustomerRows
from streams.units.engine_batch import Batch, Letter
from streams.units.engine_feed import EngineFeed
from streams.units.engine_rows import ATTRIBUTES, CASE, IDS, PARTS, SIGNALS, lost_rows, row_of_the_release_before
from streams.units.refusal_counts import RefusalCounts
from streams.units.response_times import ResponseTimes
from streams.units.score_rows import score_rows
from streams.units.seal import sealed, sealed_rows
from streams.units.sources import (
    CANDIDATES,
    DISPATCHES,
    INPUTS,
    LABELLED,
    MODELS,
    OBSERVATIONS,
    OWN,
    REFUSED,
    STATE,
    need_whole,
)
from streams.units.strays import ChangelogRows, Strays
from streams.units.unit import POSITION, Clock, Output, Pair, Record

LIVE_TICK_US, EVENT_TICK_US = 200_000, DAY_US
OUTCOMES = ("applied", "duplicate", "late", "rejected")  # each event that was read has exactly one of them


def tick_us(profile: Profile, clock: Clock) -> int:
    """Returns the tick of the profile, or the clock's default: 200 ms live; in event time a day, or the greatest common
    divisor of a day, the sweep period and the horizon.
    """
    if profile.time.tick_us is not None:
        return profile.time.tick_us
    if clock == "wall":
        return LIVE_TICK_US
    return math.gcd(EVENT_TICK_US, profile.time.sweep_every_us, profile.label.horizon_us)


class EngineUnit:
    """The engine of one partition."""

    sources: tuple[str, ...] = (*INPUTS, MODELS, OBSERVATIONS)

    def __init__(self, profile: Profile, partition: int, clock: Clock, partitions: int | None = None) -> None:
        """partitions: how many there are, for the check that each customer lives in this one; None: no check."""
        self.profile, self.partition, self.clock, self.partitions = profile, partition, clock, partitions
        self.name, self.changelog = f"engine-{partition}", (STATE, partition)
        self.tick_us = tick_us(profile, clock)
        self.engine = Engine(
            profile, partition, self.tick_us, waits_for_models=clock == "event", partitions=partitions or 1
        )
        self.position: dict[str, int] = {}
        self.topics: dict[str, str] = {}
        self.steps, self.done = 0, False
        self.publishes_scores = True
        self.letters: list[Pair] = []
        if profile.limits.shared:
            self.sources = (*self.sources, DISPATCHES)
        self.refusals, self.strays = RefusalCounts(), Strays()
        self.lost: Counter[str] = Counter()  # rows of the changelog that are gone, by what they were
        self._rows = ChangelogRows(self.strays, STATE, partition, row_of_the_release_before)
        self._customers = CustomerRows(self.engine, self._rows)
        self._to_seal: list[Pair] = []  # rows of the release before, written again with the first changes
        self.unknown_fields = Counter[str]()  # by producer
        self.responses = ResponseTimes(profile.goals.response_us, profile.time.latest_us)
        self._parts = dict.fromkeys(PARTS, b"")  # rows as last written

    @property
    def waiting(self) -> bool:
        """Whether the engine waits at an instant for its model or its grants."""
        return self.engine.model_due_us is not None or self.engine.grants_due_us is not None

    @property
    def frontier(self) -> str | None:
        """Stream time as text; None before the first event."""
        return None if self.engine.now_us is None else format_instant(self.engine.now_us)

    @property
    def counts(self) -> dict[str, int]:
        """Events read and by outcome, observations, interventions; of the partition, since its first event."""
        counts = self.engine.counts
        read = sum(counts[outcome] for outcome in OUTCOMES)
        waits = {"decisions_wait": self.decisions_wait} if self.clock == "wall" else {}
        return dict(counts) | {"read": read, "live_cases": len(self.engine.casebook)} | waits

    @property
    def decisions_wait(self) -> int:
        """How many decisions about customers wait for a model, for the end of a hold, or for a silent producer."""
        held = len(self.engine.pending) if self.engine.hold else 0
        return held + len(self.engine.scoring.crossings.undecided)

    @property
    def decisions_a_record(self) -> float:
        """How many cases a record of this partition has led to so far, sent or withheld; 0 before the first."""
        counts = dict(self.engine.counts)
        decisions = counts.get("interventions", 0) + counts.get("interventions_withheld", 0)
        return decisions / max(counts.get("applied", 0) + counts.get("late", 0), 1)

    @property
    def alerts(self) -> list[Alert]:
        """For on-call."""
        engine = self.engine
        quiet = engine.hearing.alerts(engine.now_us or 0, list(engine.scoring.crossings.undecided.values()))
        refused = self.refusals.alerts(self.profile.drift, self.engine.quality.events)
        lost, slow = lost_rows(STATE, self.partition, self.lost), self.responses.alerts(engine.emitter.clock_us)
        return quiet + self._held() + refused + self.strays.alerts + lost + slow

    def _held(self) -> list[Alert]:
        """Why no case opens; not for a model that has not learned yet, since that is expected."""
        model = self.engine.scorer.snapshot
        if self.engine.hold == Withheld.STOP_LOSS:
            return [alert(self.profile, model.judged, len(self.engine.pending))]
        if self.engine.hold != Withheld.MODEL_NOT_READY or not model.learned:
            return []
        bound, waiting = "unknown" if model.least_auc is None else f"{model.least_auc:.3f}", len(self.engine.pending)
        text = (
            f"model {model.version}: {model.hold} ({bound} against {self.profile.model.least_auc}): no case opens; "
            f"{waiting} crossings wait"
        )
        figures: Figures = {"version": model.version, "least_auc": bound, "waiting": waiting}
        return [Alert(AlertKind.MODEL_HELD, model.hold.name.lower(), text, figures)]

    def start_over(self, source: str, offset: int) -> None:
        """Moves a source to the beginning of a topic that was made again. Observations that were in it get no label."""
        if source in OWN:
            need_whole(source, self.clock)
        self.position[source] = offset
        self.position.pop(REFUSED + source, None)
        if source == OBSERVATIONS:
            self.engine.first_observed_us = None  # else the engine would wait for those that are gone
        elif source == DISPATCHES:
            self.engine.pending.decide_again()

    def open_feed(self) -> EngineFeed:
        """Returns a feed that starts at the position of the state."""
        skew_us = self.profile.time.max_skew_us
        return EngineFeed(self.engine, self.position, self.tick_us, skew_us, self.partitions, self.strays)

    def apply(self, batch: Batch) -> bool:
        """Applies a batch; returns whether its outputs are urgent. Raises OffsetGap when one before it is missing."""
        if batch.base != self.position:
            raise OffsetGap(f"{self.name}: a batch from {batch.base} came, expected one from {self.position}")
        engine = self.engine
        engine.quality.applied = batch.producers or engine.quality.applied
        if batch.until_us is not None:
            if engine.now_us is None:
                engine.start(batch.feed.merge.start_us)  # type: ignore[attr-defined]  # the feed is ours
            engine.hearing.producers.prove()
            for (kind, producer), marks in batch.heartbeats.items():
                times_us, last = [mark.time_us for mark in marks], marks[-1]
                engine.hearing.producers.beat(kind, producer, times_us, last.scope, final=last.final)
            engine.emitter.clock_us = max(engine.emitter.clock_us, batch.clock_us)
            if batch.model is not None:
                engine.apply_model(batch.model)
            for instant_us, grants in batch.grants:
                engine.apply_grants(grants, instant_us)
            signals = batch.rows["kind"] == MARKET_SIGNAL
            refused = self._take_signals(batch.rows[signals], batch.details) if signals.any() else []
            refused += self._advance(batch.rows[~signals], batch, batch.until_us)
            self._refuse(batch.too_late[number] for number in refused)
        engine.counts["applied"] += batch.ignored
        engine.counts["unknown_fields"] += batch.unknown_fields.total()
        add_capped(self.unknown_fields, batch.unknown_fields, MOST_PRODUCERS)
        self._refuse(batch.letters)
        if batch.ended:
            engine.report_end()
        self.position, self.steps = batch.position, self.steps + 1
        self.done = batch.ended or (self.done and bool(batch.letters))  # records refused after the end keep it done
        return engine.facts.is_urgent

    def load(self, records: Sequence[Record]) -> None:
        """Loads committed rows of the changelog, in order; a later row of a key replaces an earlier one. Raises
        NewerRecord.
        """
        self._customers.load(records)

    def loaded(self) -> None:
        """The changelog has been read to its end."""
        engine, (rows, is_older) = self.engine, self._rows.take()
        position = orjson.loads(rows.pop(POSITION, b"null"))
        if position is None:
            return
        self._load_position(position)
        self._load_parts(rows, position)
        attributes = {int(key.removeprefix(ATTRIBUTES)): row for key, row in rows.items() if key.startswith(ATTRIBUTES)}
        cases = {key.removeprefix(CASE).decode(): row for key, row in rows.items() if key.startswith(CASE)}
        engine.recent.load({key: row for key, row in rows.items() if key.startswith(IDS)})
        engine.attributes_table.load(attributes, position.get("rows", {}).get("attributes", len(attributes)))
        engine.casebook.load(engine.table.slots(list(cases)).tolist(), cases.values(), engine.now_us or 0)
        engine.emitter.signals.load([row for key, row in sorted(rows.items()) if key.startswith(SIGNALS)])
        engine.pending.schedule_retries(engine.now_us or 0)
        found = self._row_counts() | {"attributes": len(attributes), "names": len(rows.keys() & self._parts.keys())}
        self.lost += Counter(position.get("rows", {})) - Counter(found)
        self._to_seal = list(rows.items()) if is_older else []

    def take(self) -> list[Output]:
        """Returns everything since the last call: rows of the changelog, with the position, and outputs."""
        return [self._state(), *self.outputs()]

    def outputs(self) -> list[Output]:
        """Returns the outputs since the last call, without the changelog."""
        facts, p = self.engine.take_facts(), self.partition
        letters, self.letters = self.letters, []
        scores = facts.scores if self.publishes_scores else {}
        self.responses.take(facts)
        found = [
            Output("interventions", p, [(customer.encode(), body) for _, customer, body in facts.interventions]),
            Output("interventions-withheld", p, [(customer.encode(), body) for _, customer, body in facts.withheld]),
            Output("intervention-updates", p, [(customer.encode(), body) for _, customer, body in facts.updates]),
            Output("touches", p, [(customer.encode(), body) for _, customer, body in facts.touches]),
            Output("tasks", p, [(customer.encode(), body) for _, customer, body in facts.tasks]),
            Output(CANDIDATES, 0, [(None, body) for body in facts.candidates]),
            Output("churn-scores", p, score_rows(scores, self.engine.table.names, self.profile.version)),
            Output(OBSERVATIONS, p, [(None, body) for body in facts.observations]),
            Output(LABELLED, 0, [(None, body) for body in facts.labelled]),
            Output("dead-letters", p, letters),
        ]
        return list(map(sealed, found))

    def sweeps(self) -> list[Sweep]:
        """Returns all scores of the sweeps since the last call, if the engine keeps them."""
        sweeps, self.engine.sweeps = self.engine.sweeps, []
        return sweeps

    def _take_signals(self, rows: Rows, details: Mapping[int, Details]) -> list[int]:
        """Adds market signals before the ticks in which they become known. Each counts in the partition of its key
        alone. Returns the numbers of the letters of those that are too many.
        """
        signals, refused = self.engine.emitter.signals, list[int]()
        for row in rows[np.lexsort((rows["time_us"], rows["due_us"]))]:
            fields, known_us, event_us = details[int(row["details"])], int(row["due_us"]), int(row["time_us"])
            key = fields.get("key") or signal_key(fields.get("scope"), fields["name"])
            if "key" in fields:
                outcome = signals.withdraw(key, known_us)
            else:
                late = self.clock == "event" and known_us - self.tick_us >= event_us
                outcome = signals.add(fields, event_us, known_us, late=late)
            if outcome == "rejected":
                refused.append(int(row["letter"]))
            elif self.partitions is None or partition_of(key, self.partitions) == self.partition:
                self.engine.counts[outcome] += 1
        return refused

    def _advance(self, rows: Rows, batch: Batch, until_us: int) -> list[int]:
        """Steps to the batch's instant, with labels and reports at theirs. The order at a grid instant: events, labels,
        report, then the model, and by it observations and sweep. Live the model in force is used, without waiting.
        Returns the numbers of the letters of events that are too late.
        """
        engine, rows = self.engine, rows[np.argsort(rows["due_us"], kind="stable")]
        horizon_us, refused = engine.schedule.horizon_us, list[int]()
        while engine.now_us is not None and engine.now_us < until_us:
            matured_us = next_grid(engine.now_us - horizon_us)
            stop_us = min(until_us, next_grid(engine.now_us), matured_us + horizon_us)
            last = stop_us == until_us
            n = len(rows) if last else int(np.searchsorted(rows["due_us"], stop_us, "right"))
            refused += engine.step(rows[:n], stop_us, batch.details)
            rows = rows[n:]
            if stop_us == matured_us + horizon_us:
                for block in batch.matured.get(matured_us, []):
                    engine.label(block, matured_us)
            if is_grid(stop_us):
                engine.report_grid(stop_us)
                self.refusals.next_week()
        return refused + (engine.step(rows, until_us, batch.details) if len(rows) else [])

    def _refuse(self, letters: Iterable[Letter]) -> None:
        for letter in letters:
            self.engine.counts["rejected"] += 1
            self.letters.append((None, orjson.dumps(letter)))
            self.refusals.count(letter)

    def _state(self) -> Output:
        customers = self._customers.take_changes()
        rows, self._to_seal = self._to_seal, []
        rows += self.engine.recent.take_changes()
        rows += self.engine.casebook.take_changes(CASE, self.engine.table.names)
        rows += self.engine.attributes_table.take_changes(ATTRIBUTES)
        rows += self.engine.emitter.signals.take_changes(SIGNALS)
        rows += self._changed_parts()
        rows.append((POSITION, orjson.dumps(self._position(), option=orjson.OPT_SORT_KEYS)))
        return Output(STATE, self.partition, customers + sealed_rows(STATE, rows))

    def _row_counts(self) -> dict[str, int]:
        """How many rows the changelog has, by what they are."""
        engine = self.engine
        return {
            "customers": len(self._customers),
            "cases": engine.casebook.entries,
            "attributes": engine.attributes_table.saved,
            "ids": engine.recent.parts,
            "signals": engine.emitter.signals.rows,
            "names": len(self._parts),
        }

    def _position(self) -> dict[str, Any]:
        engine = self.engine
        return {
            "position": self.position,
            "topics": self.topics,
            "profile": self.profile.version,
            "clock": self.clock,
            "now_us": engine.now_us,
            "waiting_us": engine.model_due_us,
            "asked_us": engine.grants_due_us,
            "first_observed_us": engine.first_observed_us,
            "done": self.done,
            "counts": dict(engine.counts),
            "partitions": self.partitions,
            "judged": engine.casebook.judged,
            "closed": engine.casebook.closed,
            "backlog": [engine.backlog.day, engine.backlog.used],
            "cohorts": [[us, *counts] for us, counts in sorted(engine.cohorts.observed.items())],
            "rows": self._row_counts(),
            "lost": self.lost,
        }

    def _load_position(self, body: dict[str, Any]) -> None:
        engine = self.engine
        self.position, self.topics, self.done = body["position"], body.get("topics", {}), body["done"]
        if (body.get("clock"), self.clock) == ("wall", "event"):
            raise Failure(
                f"{self.name}: live workers have gone on with its state, up to {format_instant(body['now_us'] or 0)}; "
                "event time works off history before them: start without --clock"
            )
        written = body.get("partitions")
        if written and self.partitions and written != self.partitions:
            raise Failure(
                f"{self.name}: its state was written when there were {written} partitions, now there are "
                f"{self.partitions}: most customers now map to another one; copy the history into new topics with "
                f"`keepline repartition --to {self.partitions} PREFIX`"
            )
        engine.now_us, engine.model_due_us, engine.grants_due_us = body["now_us"], body["waiting_us"], body["asked_us"]
        engine.first_observed_us = body["first_observed_us"]
        engine.counts.clear()
        engine.counts.update(body["counts"])
        engine.backlog.day, engine.backlog.used = body.get("backlog", (0, 0))
        engine.cohorts.observed = {us: (customers, stays) for us, customers, stays in body.get("cohorts", ())}
        engine.casebook.judged, engine.casebook.closed = added({}, body["judged"]), added({}, body.get("closed", {}))
        self.lost = Counter(body.get("lost", {}))

    def _changed_parts(self) -> list[Pair]:
        """Rows of what is large or has names from outside: a position stays small, whatever comes."""
        engine, model = self.engine, self.engine.scorer.snapshot.dumps().decode()
        states: tuple[Any, ...] = engine.hearing.producers.state(), engine.quality.state(), self.unknown_fields, model
        rows = dict(zip(self._parts, map(orjson.dumps, states), strict=True))
        changed: list[Pair] = [(key, row) for key, row in rows.items() if row != self._parts[key]]
        self._parts = rows
        return changed

    def _load_parts(self, rows: dict[bytes, bytes], position: dict[str, Any]) -> None:
        """Restores them; earlier releases wrote them into the row of the position. The next checkpoint writes all."""
        producers, quality, unknown_fields, model = (
            orjson.loads(rows[key]) if key in rows else position.get(key[1:].decode(), empty)
            for key, empty in PARTS.items()
        )
        self.engine.hearing.producers.load(producers)
        self.engine.quality.load(quality)
        self.unknown_fields = Counter(unknown_fields)
        if model:
            self.engine.serve_model(Snapshot.loads(model.encode()))
