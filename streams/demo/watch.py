"""What a committed reader of the topics sees while the worker runs: kept for the screen and the page."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer

from online_model.judge import Judge
from online_model.packing import unpack_array
from schemas.instants import parse_instant
from streams.kafka.settings import Settings

TOPICS = ("interventions", "interventions-withheld", "churn-scores", "labelled-examples", "models")
Point = tuple[int, float]  # scored at us, probability


@dataclass
class Seen:
    """Everything read so far."""

    interventions: list[dict[str, Any]] = field(default_factory=list)
    withheld: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    scores: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    judge: Judge = field(default_factory=Judge)  # of what was predicted since the model was ready
    model: dict[str, Any] = field(default_factory=dict)
    ready_from: int | None = None  # first model version that was ready
    reached_us: int = 0

    def take(self, topic: str, value: bytes) -> None:
        """One record."""
        body = orjson.loads(value)
        if topic == "interventions":
            self.interventions.append(body)
        elif topic == "interventions-withheld":
            self.withheld[body["withheld_reason"]] += 1
        elif topic == "churn-scores":
            at_us = parse_instant(body["scored_at"])
            self.scores[body["customer_id"]].append((at_us, body["probability"]))
            self.reached_us = max(self.reached_us, at_us)
        elif topic == "models":
            self._model(body)
        elif body["kind"] == "labelled_examples" and self.ready_from and body["model_version"] >= self.ready_from:
            self.judge.update(unpack_array(body["probability"], "f8"), unpack_array(body["label"], "u1"))

    def _model(self, body: dict[str, Any]) -> None:
        self.model = body
        if body["ready"] and self.ready_from is None:
            self.ready_from = body["version"]


class Watcher:
    """A reader of the topics."""

    def __init__(self, settings: Settings) -> None:
        self.seen, self._settings = Seen(), settings
        self._names = {settings.topic(topic): topic for topic in TOPICS}
        self._consumer = AIOKafkaConsumer(
            *self._names, **settings.client, isolation_level="read_committed", auto_offset_reset="earliest"
        )

    async def __aenter__(self) -> Watcher:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(self, wait_ms: int) -> int:
        """What has come; returns how many records."""
        got = await self._consumer.getmany(timeout_ms=wait_ms)
        for place, records in got.items():
            for record in records:
                self.seen.take(self._names[place.topic], record.value)
        return sum(map(len, got.values()))
