"""The faults, each with the rules that are meant for it, and what its run book says to do."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.instants import format_instant
from streams.kafka import topics
from tests.kafka.group import Group

INPUTS = ("service-visits", "app-activity", "surveys")
STEADY, OTHER = "till 7", "till 8"  # producers
EVERY_S, BEAT_EVERY = 0.5, 10  # an event; a heartbeat after so many
OPEN_MS = 840_000  # brokers allow at most a quarter of an hour
NO_MODEL = "no-model"
IDLE_S = 600.0

Act = Callable[["Stage"], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """A fault. alerts: that must fire within `within_s`, and none besides, none: nothing may fire until then; how: what
    ends it, in a word.
    """

    name: str
    title: str
    alerts: tuple[str, ...]
    within_s: float
    begin: Act
    end: Act
    how: str
    producers: tuple[str, ...] = (STEADY, OTHER)
    job_name: str | None = None
    heals_within_s: float = 240.0  # 0: not within days

    @property
    def job(self) -> str:
        return self.job_name or self.name


@dataclass
class Stage:
    """The group, the worker and the publishers of a fault."""

    scene: Scene
    group: Group
    worker: subprocess.Popen[bytes]
    port: int
    silent: set[str] = field(default_factory=set)  # producers that send nothing
    broken: set[str] = field(default_factory=set)  # producers whose amounts are text
    foreign: list[AIOKafkaProducer] = field(default_factory=list)
    sending: asyncio.Future[None] | None = None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the worker, not to its supervisor."""
        children = Path(f"/proc/{self.worker.pid}/task/{self.worker.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), number)

    async def publish(self) -> None:
        """Sends visits and heartbeats of each producer."""
        settings = self.group.city.settings
        async with AIOKafkaProducer(**settings.client) as producer:
            for number in itertools.count():
                for name in self.scene.producers:
                    if name in self.silent:
                        continue
                    visit = event("service_visit", name, event_id=f"{name}-{number}", customer_id=f"c-{number % 50}")
                    visit["amount"] = "5" if name in self.broken else 5
                    await producer.send(
                        settings.topic("service-visits"), json.dumps(visit).encode(), visit["customer_id"].encode(), 0
                    )
                    if number % BEAT_EVERY == 0:
                        for topic in INPUTS:
                            beat = json.dumps(event("heartbeat", name)).encode()
                            await producer.send(settings.topic(topic), beat, b"\0heartbeat", 0)
                await asyncio.sleep(EVERY_S)

    async def set_retention(self, ms: int) -> None:
        """Of all inputs."""
        async with topics.admin(self.group.city.settings) as client:
            names = [self.group.city.settings.topic(topic) for topic in INPUTS]
            await client.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": str(ms)}) for name in names]
            )


def event(kind: str, producer: str, **fields: Any) -> dict[str, Any]:
    """An event that happens now."""
    return {"kind": kind, "event_time": format_instant(time.time_ns() // 1000), "producer": producer} | fields


async def nothing(stage: Stage) -> None:
    """Of a fault that is there from the start."""


async def one_record_after_a_pause(stage: Stage) -> None:
    async def send() -> None:
        await asyncio.sleep(IDLE_S)
        settings = stage.group.city.settings
        async with AIOKafkaProducer(**settings.client) as producer:
            visit = json.dumps(event("service_visit", STEADY, event_id="first", customer_id="c-1"))
            await producer.send_and_wait(settings.topic("service-visits"), visit.encode(), b"c-1", 0)

    stage.sending = asyncio.ensure_future(send())


async def sent(stage: Stage) -> None:
    assert stage.sending is not None
    await stage.sending


async def stop(stage: Stage) -> None:
    stage.signal(signal.SIGSTOP)


async def go_on(stage: Stage) -> None:
    stage.signal(signal.SIGCONT)


async def fall_silent(stage: Stage) -> None:
    stage.silent.add(OTHER)


async def release(stage: Stage) -> None:
    await asyncio.to_thread(stage.group.run, "publishers", "release", OTHER)


async def break_schema(stage: Stage) -> None:
    stage.broken.add(OTHER)


async def mend_schema(stage: Stage) -> None:
    stage.broken.clear()


async def open_transaction(stage: Stage) -> None:
    settings = stage.group.city.settings
    foreign = AIOKafkaProducer(
        **settings.client, transactional_id=f"foreign-{stage.group.city.settings.group}", transaction_timeout_ms=OPEN_MS
    )
    await foreign.start()
    await foreign.begin_transaction()
    visit = json.dumps(event("service_visit", STEADY, event_id="open", customer_id="c-1")).encode()
    await foreign.send_and_wait(settings.topic("service-visits"), visit, b"c-1", 0)
    stage.foreign.append(foreign)


async def abort_transaction(stage: Stage) -> None:
    """What `kafka-transactions.sh abort` does."""
    for foreign in stage.foreign:
        await foreign.abort_transaction()
        await foreign.stop()


async def keep_an_hour(stage: Stage) -> None:
    await stage.set_retention(3_600_000)
    await open_transaction(stage)


async def keep_for_ever(stage: Stage) -> None:
    await stage.set_retention(-1)
    await abort_transaction(stage)


SCENES = (
    Scene(
        "worker-stopped",
        "the only worker is stopped (SIGSTOP)",
        ("KeeplineNoWorker",),
        90.0,
        stop,
        go_on,
        "it goes on, ends as it is no member any more, and is started again",
        job_name="keepline",
    ),
    Scene(
        "publisher-silent",
        "one of two publishers is silent",
        ("KeeplinePublisherSilent",),
        480.0,
        fall_silent,
        release,
        "`keepline publishers release`",
    ),
    Scene(
        "open-transaction",
        "a foreign producer leaves a transaction open",
        ("KeeplineOpenTransaction",),
        240.0,
        open_transaction,
        abort_transaction,
        "it is aborted",
    ),
    Scene(
        "retention",
        "topics keep an hour, and a partition waits",
        ("KeeplineRetentionSoon", "KeeplineOpenTransaction"),
        480.0,
        keep_an_hour,
        keep_for_ever,
        "retention.ms=-1, and the transaction is aborted",
    ),
    Scene(
        "schema-broke",
        "a publisher sends amounts as text",
        ("KeeplineRecordsRefused",),
        240.0,
        break_schema,
        mend_schema,
        "the publisher is mended; the share is of ten minutes",
        heals_within_s=720.0,
    ),
    Scene(
        "idle",
        "ten minutes without any record, then one",
        (),
        IDLE_S + 60.0,
        one_record_after_a_pause,
        sent,
        "nothing is wrong",
        producers=(),
        heals_within_s=0.0,
    ),
    Scene(
        NO_MODEL,
        "no model is ready",
        ("KeeplineModelNotReady",),
        480.0,
        nothing,
        nothing,
        "labels come: days",
        heals_within_s=0.0,
    ),
)
