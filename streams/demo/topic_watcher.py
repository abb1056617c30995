"""Keeps the committed records of the topics while the worker runs, for the terminal and the page."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer

from online_model.examples import with_label
from online_model.prequential import PrequentialMetrics
from schemas.instants import parse_instant
from streams.engine.observations import examples_of
from streams.kafka.settings import Settings
from streams.units.seal import SEALED
from streams.units.strays import ours

CRM_TOPICS = ("interventions", "intervention-updates")  # what a CRM reads
TOPICS = (*CRM_TOPICS, "interventions-withheld", "churn-scores", "labelled-examples", "models")
Point = tuple[int, float]  # scored at us, probability
Message = dict[str, Any]


CRM_WAIT_MS = 20


@dataclass
class TopicRecords:
    """All records read so far."""

    interventions: list[Message] = field(default_factory=list)
    updates: list[Message] = field(default_factory=list)
    withheld: list[Message] = field(default_factory=list)
    scores: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    judge: PrequentialMetrics = field(
        default_factory=PrequentialMetrics
    )  # of what was predicted since the model was ready
    model: dict[str, Any] = field(default_factory=dict)
    ready_from: int | None = None  # first model version that was ready
    ready_us: int | None = None  # its instant
    reached_us: int = 0
    undelivered: tuple[list[Message], list[Message]] = field(default_factory=lambda: ([], []))  # interventions, updates

    def take(self, topic: str, value: bytes) -> None:
        """Adds a record."""
        body = orjson.loads(value)
        if topic == "interventions":
            self.interventions.append(body)
            self.undelivered[0].append(body)
        elif topic == "intervention-updates":
            self.updates.append(body)
            self.undelivered[1].append(body)
        elif topic == "interventions-withheld":
            self.withheld.append(body)
        elif topic == "churn-scores":
            at_us = parse_instant(body["scored_at"])
            self.scores[body["customer_id"]].append((at_us, body["probability"]))
            self.reached_us = max(self.reached_us, at_us)
        elif topic == "models":
            self._model(body)
        elif body["kind"] == "labelled_examples" and self.ready_from and body["model_version"] >= self.ready_from:
            for examples in with_label([examples_of(body)]):
                self.judge.update(examples.probability, examples.label)

    def crm_messages(self, until_us: int) -> tuple[list[Message], list[Message]]:
        """Returns interventions and updates decided by `until_us`, each once, however fast they were read."""
        waiting = self.undelivered
        later = [[body for body in bodies if _decided_us(body) > until_us] for bodies in waiting]
        self.undelivered = later[0], later[1]
        now = [[body for body in bodies if _decided_us(body) <= until_us] for bodies in waiting]
        return now[0], now[1]

    def _model(self, body: dict[str, Any]) -> None:
        self.model = body
        if body["ready"] and self.ready_from is None:
            self.ready_from, self.ready_us = body["version"], body["instant_us"]


class Watcher:
    """A consumer of the topics."""

    def __init__(self, settings: Settings) -> None:
        self.records, self._settings = TopicRecords(), settings
        self._names = {settings.topic(topic): topic for topic in TOPICS}
        self._consumer = AIOKafkaConsumer(
            *self._names, **settings.client, isolation_level="read_committed", auto_offset_reset="earliest"
        )

    async def __aenter__(self) -> Watcher:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read_crm_topics(self) -> None:
        """Reads the topics of the CRM to their current end."""
        names = {self._settings.topic(topic) for topic in CRM_TOPICS}
        ends = await self._consumer.end_offsets([one for one in self._consumer.assignment() if one.topic in names])
        while any([await self._consumer.position(place) < end for place, end in ends.items()]):
            await self.read(CRM_WAIT_MS)

    async def read(self, wait_ms: int) -> int:
        """Reads available records and returns their number."""
        got = await self._consumer.getmany(timeout_ms=wait_ms)
        for place, batch in got.items():
            for record in batch:
                topic = self._names[place.topic]
                if topic not in SEALED or ours(topic, place.partition, record) is not None:
                    self.records.take(topic, record.value)
        return sum(map(len, got.values()))


def _decided_us(body: Message) -> int:
    return parse_instant(body["updated_at"] if "updated_at" in body else body["decided_at"])
