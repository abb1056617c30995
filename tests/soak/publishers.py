"""Publishers that come and go: each has a name of its own, lives for some minutes, and sends what others did not."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from schemas.instants import SECOND_US, format_instant
from schemas.partitioner import partition_of
from streams.kafka.settings import Settings

KINDS = {"service_visit": "service-visits", "app_activity": "app-activity", "survey": "surveys"}
LIVES_S, BEAT_S, STEP_S = (120.0, 600.0), 5.0, 0.1
BROKEN_ONE_IN, UNKNOWN_ONE_IN = 200, 20


@dataclass
class Crowd:
    """So many publishers at once, which share a rate of events a second. kinds: what they send, and the topic of each;
    lives_s: how long each stays; strange: some of what they send is broken or has unknown fields.
    """

    settings: Settings
    partitions: int
    rate: float
    customers: int
    at_once: int
    seed: int
    kinds: Mapping[str, str] = field(default_factory=lambda: KINDS)
    lives_s: tuple[float, float] = LIVES_S
    strange: bool = True
    sent: int = 0
    came: int = 0
    _ends: dict[str, float] = field(default_factory=dict)  # name -> when it goes

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    async def publish(self) -> None:
        """Sends until it is cancelled; what is due goes out every STEP_S, heartbeats every BEAT_S."""
        async with AIOKafkaProducer(**self.settings.client) as producer:
            started = beaten = time.monotonic()
            before = self.sent
            while True:
                now = time.monotonic()
                self._come_and_go(now)
                while self.sent - before < (now - started) * self.rate:
                    await self._send_event(producer)
                if now - beaten > BEAT_S:
                    beaten = now
                    await self._send_heartbeats(producer)
                await asyncio.sleep(STEP_S)

    def _come_and_go(self, now: float) -> None:
        self._ends = {name: end for name, end in self._ends.items() if end > now}
        while len(self._ends) < self.at_once:
            self.came += 1
            self._ends[f"shop-{self.seed}-{self.came}"] = now + self._rng.uniform(*self.lives_s)

    async def _send_event(self, producer: AIOKafkaProducer) -> None:
        rng = self._rng
        kind, name = rng.choice(list(self.kinds)), rng.choice(list(self._ends))
        customer = f"c{rng.randrange(self.customers)}"
        self.sent += 1
        body: dict[str, Any] = {
            "kind": kind,
            "schema_version": 1,
            "event_id": f"{self.seed}-{self.sent}",
            "event_time": now_text(),
            "customer_id": customer,
            "producer": name,
        }
        body |= {
            "app_activity": {"activity_type": "open"},
            "survey": {"survey_type": "nps", "score": rng.randrange(11)},
        }.get(kind, {})
        if self.strange and rng.randrange(UNKNOWN_ONE_IN) == 0:
            body[f"field_{rng.randrange(10_000)}"] = "x"
        value = b"{" if self.strange and rng.randrange(BROKEN_ONE_IN) == 0 else orjson.dumps(body)
        place = partition_of(customer, self.partitions)
        await producer.send(self.settings.topic(self.kinds[kind]), value, customer.encode(), place)

    async def _send_heartbeats(self, producer: AIOKafkaProducer) -> None:
        for name in self._ends:
            beat = orjson.dumps({"kind": "heartbeat", "event_time": now_text(), "producer": name})
            for topic in self.kinds.values():
                for partition in range(self.partitions):
                    await producer.send(self.settings.topic(topic), beat, None, partition)


def now_text() -> str:
    """Returns this machine's time as events have it."""
    return format_instant(int(time.time() * SECOND_US))
