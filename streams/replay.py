"""The same engine over files, in one process: what a run over Kafka in event time is compared with.

Topics that a worker reads back (observations, labelled examples, models) are short queues here; the units, feeds and
messages are the worker's own, so there is nothing that could differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from features.catalogue import NAMES
from online_model.judge import Judge
from streams.engine import blocks
from streams.engine.feeds import LABELLED, MODELS, OBSERVATIONS, Batch
from streams.engine.units import EngineUnit, LearnerUnit, Output
from streams.files.decoded import DecodedChunk
from streams.files.folder import ReplayFolder
from streams.files.spool import Spool
from streams.interventions.profile import Profile
from schemas.instants import parse_instant

Progress = Callable[[int, str | None], None]


@dataclass(frozen=True, slots=True)
class LocalRecord:
    """A record of a topic that lies in this process."""

    offset: int
    value: bytes
    key: bytes | None = None


@dataclass
class Input:
    """One file on its way into the feed."""

    name: str
    chunks: Iterator[DecodedChunk]
    read: int = 0
    exhausted: bool = False


@dataclass
class Replay:
    """One partition, one learner, any number of files."""

    profile: Profile
    folder: ReplayFolder
    inputs: dict[str, Input]
    keeps_sweeps: bool = False
    judge: Judge = field(default_factory=Judge)
    read: int = 0
    last_us: int | None = None
    sent: dict[str, int] = field(default_factory=lambda: {LABELLED: 0, MODELS: 0})

    def __post_init__(self) -> None:
        self.unit, self.learner = EngineUnit(self.profile, 0, "event"), LearnerUnit(self.profile, 1)
        self.unit.engine.keeps_sweeps = self.keeps_sweeps
        self.unit.position = {name: 0 for name in self.inputs} | {MODELS: 0, OBSERVATIONS: 0}
        self.learner.position = {LABELLED: 0}
        self.feed, self.learner_feed = self.unit.open_feed(), self.learner.open_feed()
        self.spool = Spool()

    def run(self, progress: Progress = lambda events, frontier: None) -> None:
        """To the end of the files; calls `progress` with events read and stream time now and then."""
        while not self.unit.done:
            self._read()
            while (batch := self._batch()) is not None:
                self.unit.apply(batch)
                self._route(self.unit.outputs())
            progress(self.read, self.unit.frontier)
            if self.last_us is None and self.feed.merge.ended:
                break
        self._unmatured()

    def _read(self) -> None:
        """A chunk of each file whose events are needed."""
        for name, source in self.inputs.items():
            if not source.exhausted and self.feed.wants(name):
                chunk = next(source.chunks, None)
                if chunk is None:
                    source.exhausted = True
                    self.feed.merge.exhausted(name)
                else:
                    self._offer(source, chunk)
        if all(source.exhausted for source in self.inputs.values()):
            self.feed.merge.finish(self.last_us)

    def _offer(self, source: Input, chunk: DecodedChunk) -> None:
        n = chunk.size
        self.read += n - len(chunk.decoded.marks)
        rows = chunk.decoded.events.rows
        if len(rows):
            self.last_us = max(self.last_us or 0, int(rows["time_us"].max()))
        offsets = np.arange(source.read, source.read + n, dtype=np.int64)
        source.read += n
        self.feed.take_decoded(source.name, chunk.decoded, offsets, chunk.letters)

    def _batch(self) -> Batch | None:
        while self.feed.wants(OBSERVATIONS) and self.spool.unread:
            offset, value = self.spool.read()
            self.feed.offer(OBSERVATIONS, offset, [LocalRecord(offset, value)], 0)
        return self.feed.take()

    def _route(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.pairs:
                self._take[output.topic](self, [value or b"" for _, value in output.pairs])
        for at_us, slots, probability in self.unit.sweeps():
            self.folder.scores([self.unit.engine.table.names[s] for s in slots.tolist()], at_us, probability)

    def _labelled(self, values: list[bytes]) -> None:
        """To the learner, and to the folder; the learner's model comes back at once."""
        for value in values:
            body = orjson.loads(value)
            if body["kind"] == "labelled_examples":
                self._example(body)
        self._send(LABELLED, values, self.learner_feed)
        while (batch := self.learner_feed.take()) is not None:
            self.learner.apply(batch)
            for output in self.learner.outputs():
                self._send(MODELS, [value or b"" for _, value in output.pairs], self.feed)

    def _send(self, topic: str, values: list[bytes], feed: Any) -> None:
        base = self.sent[topic]
        self.sent[topic] += len(values)
        feed.offer(topic, base, [LocalRecord(base + i, value) for i, value in enumerate(values)], 0)

    def _example(self, body: dict[str, Any]) -> None:
        examples = blocks.examples_of(body)
        label = examples.label if "label" in body else None
        if label is not None:
            self.judge.update(examples.probability, label)
        self.folder.examples(
            examples.customers,
            examples.observed_us,
            body["model_version"],
            examples.probability,
            label,
            np.ascontiguousarray(examples.features.T),
        )

    def _unmatured(self) -> None:
        """Observations whose horizon ends after the last event: rows without a label."""
        for value in self.spool.all_from(self.unit.position[OBSERVATIONS]):
            body = orjson.loads(value)
            if body["kind"] == "observations":
                self._example(body)

    def summary(self) -> dict[str, Any]:
        """The counts and metrics of contract's summary.json, without time and memory."""
        counts, verdict = self.unit.engine.counts, self.judge.get()
        return {
            "events_read": self.read,
            "events_applied": counts["applied"],
            "events_rejected": counts["rejected"],
            "events_duplicate": counts["duplicate"],
            "events_late": counts["late"],
            "customers": len(self.unit.engine.table),
            "observations": counts["observations"],
            "labelled": verdict.labels,
            "interventions": counts["interventions"],
            "interventions_withheld": counts["interventions_withheld"],
            "base_rate": verdict.base_rate,
            "auc": verdict.auc,
            "log_loss": verdict.log_loss,
            "brier": verdict.brier,
            "ece": verdict.ece,
            "last_model": self.learner.learner.version,
            "features": len(NAMES),
        }

    _take = {
        "interventions": lambda self, values: self.folder.interventions(values),
        "interventions-withheld": lambda self, values: self.folder.withheld(values),
        "churn-scores": lambda self, values: None,
        "dead-letters": lambda self, values: self.folder.dead_letters(values),
        OBSERVATIONS: lambda self, values: self.spool.append(values),
        LABELLED: _labelled,
    }


assert parse_instant
