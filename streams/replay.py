"""A replay: the units over files, in one process. A run over Kafka in event time gives the same results.

Topics between units (observations, labelled examples, models, candidates, grants) are queues in this process; units,
feeds and messages are those of the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from features.catalogue import NAMES
from online_model.examples import Examples, with_label
from schemas.instants import format_duration
from streams.engine import observations
from streams.files.disk_queue import DiskQueue
from streams.files.file_sources import FileSources
from streams.files.replay_folder import ReplayFolder
from streams.profile.case_sections import Goals
from streams.profile.profile import Profile
from streams.units.dispatcher_unit import DispatcherUnit
from streams.units.engine_batch import Batch
from streams.units.engine_unit import EngineUnit
from streams.units.learner_unit import LearnerUnit
from streams.units.seal import seal, without_seal
from streams.units.sources import CANDIDATES, DISPATCHES, LABELLED, MODELS, OBSERVATIONS
from streams.units.unit import Feed, Output

COUNTED = ("withheld_", "cases_", "tasks_", "tier_", "lifecycle_")  # prefixes of counts in the summary


@dataclass(frozen=True, slots=True)
class LocalRecord:
    """A record of a queue in this process."""

    offset: int
    value: bytes
    key: bytes | None = None


class Replay:
    """One partition, one learner, any number of files."""

    def __init__(
        self,
        profile: Profile,
        sources: FileSources,
        folder: ReplayFolder,
        *,
        keeps_sweeps: bool = False,
        commands: Sequence[bytes] = (),
    ) -> None:
        """commands: for the learner, from `Command.dumps`, as if they had been sent before the first event."""
        self.sources, self.folder = sources, folder
        self.unit, self.learner = EngineUnit(profile, 0, "event"), LearnerUnit(profile, 1, "event")
        self.unit.engine.keeps_sweeps, self.unit.publishes_scores = keeps_sweeps, False
        self.unit.position = dict.fromkeys(sources.names, 0) | {MODELS: 0, OBSERVATIONS: 0, DISPATCHES: 0}
        self.dispatcher = DispatcherUnit(profile, 1, "event")
        self.dispatcher.position = {CANDIDATES: 0}
        self.dispatcher_feed = self.dispatcher.open_feed()
        self.learner.position = {LABELLED: 0}
        self.feed, self.learner_feed = self.unit.open_feed(), self.learner.open_feed()
        self.spool = DiskQueue()
        self._takes: dict[str, Callable[[list[bytes]], None]] = {
            "interventions": folder.interventions,
            "interventions-withheld": folder.withheld,
            "intervention-updates": folder.updates,
            "touches": folder.touches,
            "tasks": folder.tasks,
            CANDIDATES: self._candidates,
            "dead-letters": folder.dead_letters,
            OBSERVATIONS: self.spool.append,
            LABELLED: self._labelled,
        }
        self.sent = {LABELLED: 0, MODELS: 0, CANDIDATES: 0, DISPATCHES: 0}
        self._labelled([seal(LABELLED, command) for command in commands])

    def run(self) -> None:
        """Runs to the end of the files."""
        while not (self.unit.done or self.sources.empty):
            self.sources.read_into(self.feed)
            while (batch := self._batch()) is not None:
                self.unit.apply(batch)
                self._route(self.unit.outputs())
        self._write_unlearned()

    def summary(self) -> dict[str, Any]:
        """Returns the counts and metrics of summary.json, without time and memory."""
        counts, metrics = self.unit.engine.counts, self.learner.learner.metrics.get()
        profile = self.unit.profile
        return {
            "events_read": self.sources.read,
            "events_applied": counts["applied"],
            "events_rejected": counts["rejected"],
            "events_duplicate": counts["duplicate"],
            "events_late": counts["late"],
            "customers": self.unit.engine.customers,
            "observations": counts["observations"],
            "labelled": metrics.labels,
            "interventions": counts["interventions"],
            "interventions_withheld": counts["interventions_withheld"],
            "touches": sum(count for name, count in counts.items() if name.startswith("touches_by_")),
            **{name: counts[name] for name in sorted(counts) if name.startswith(COUNTED)},
            "base_rate": metrics.base_rate,
            "auc": metrics.auc,
            "log_loss": metrics.log_loss,
            "brier": metrics.brier,
            "ece": metrics.ece,
            "model_version": self.learner.learner.version,
            "policy_version": profile.version,
            "auc_bars": {"model.least_auc": profile.model.least_auc, "goals.auc": profile.goals.auc},
            "observe": profile.time.observe,
            "roll_out": {"stage": profile.roll_out.stage, "customers": _planned_customers(profile)},
            "tier_shares": {tier.name: tier.share for tier in profile.tiers},
            "goals": _measured_goals(profile.goals),
            "early": {
                "grace": format_duration(profile.label.grace_us),
                "lead_time": format_duration(profile.goals.lead_time_us),
                "in_time": profile.goals.in_time,
            },
            "label_horizon": format_duration(profile.label.horizon_us),
            "features": len(NAMES),
        }

    @property
    def challenger_seconds(self) -> dict[str, float]:
        """Processor time of each challenger of River."""
        return self.learner.learner.river.seconds

    def _batch(self) -> Batch | None:
        while self.feed.wants(OBSERVATIONS) and self.spool.unread:
            offset, value = self.spool.read()
            self.feed.offer(OBSERVATIONS, offset, [LocalRecord(offset, value)], 0)
        return self.feed.take()

    def _route(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.pairs:
                self._takes[output.topic]([value or b"" for _, value in output.pairs])
        self.spool.forget(self.unit.position[OBSERVATIONS])
        for at_us, slots, probability in self.unit.sweeps():
            names = self.unit.engine.table.names
            self.folder.scores(names.of(slots), at_us, probability)

    def _labelled(self, values: list[bytes]) -> None:
        """Sends labelled examples to the learner, its models back to the engine, and both to the folder."""
        self._send(LABELLED, values, self.learner_feed)
        while (batch := self.learner_feed.take()) is not None:
            self._examples(batch.examples, matured=True)
            self.learner.apply(batch)
            for output in self.learner.outputs():
                models = [value or b"" for _, value in output.pairs]
                self.folder.models(list(map(without_seal, models)))
                self._send(MODELS, models, self.feed)

    def _candidates(self, values: list[bytes]) -> None:
        """Sends candidates to the dispatcher, and its grants back to the engine."""
        self._send(CANDIDATES, values, self.dispatcher_feed)
        while (batch := self.dispatcher_feed.take()) is not None:
            self.dispatcher.apply(batch)
            for output in self.dispatcher.outputs():
                self._send(DISPATCHES, [value or b"" for _, value in output.pairs], self.feed)

    def _send(self, topic: str, values: list[bytes], feed: Feed) -> None:
        base = self.sent[topic]
        self.sent[topic] += len(values)
        feed.offer(topic, base, [LocalRecord(base + i, value) for i, value in enumerate(values)], 0)

    def _examples(self, examples: Iterable[Examples], *, matured: bool) -> None:
        for e in examples:
            label, treatment = (e.label, e.treatment) if matured else (None, None)
            self.folder.examples(
                e.customers, e.observed_us, e.model_version, e.probability, label, e.features.T, treatment
            )

    def _write_unlearned(self) -> None:
        """Writes examples that matured after the last grid instant, and observations whose horizon is not over."""
        for instant_us in sorted(self.learner_feed.examples):
            parts = self.learner_feed.examples[instant_us].parts
            if examples := with_label(parts):
                self.learner.learner.assess(examples)
            self._examples(parts, matured=True)
        waiting = map(orjson.loads, self.spool.all_from(self.unit.position[OBSERVATIONS]))
        self._examples((observations.examples_of(body) for body in waiting if "customers" in body), matured=False)


def _planned_customers(profile: Profile) -> int:
    """How many customers the stage of the roll-out in force has by plan."""
    return next(stage.customers for stage in profile.roll_out.stages if stage.name == profile.roll_out.stage)


def _measured_goals(goals: Goals) -> dict[str, float]:
    """The goals that `keepline evaluate` compares with a replay (evaluation/targets.py), by key."""
    return {
        "saved": goals.saved,
        "roi": goals.roi,
        "precision": goals.precision,
        "reached": goals.reached,
        "responded": goals.responded,
        "returned_7d": goals.returned_7d,
        "returned_7d_best": goals.returned_7d_best,
        "woken": goals.woken,
        "bought_again": goals.bought_again,
        "stayed": goals.stayed,
        "churn_a_year_before": goals.churn_a_year_before,
        "churn_a_year_after": goals.churn_a_year_after,
    }
