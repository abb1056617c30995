"""A live group of workers with a past: the city's history in event time, up to last night, then live workers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaProducer

from benchmarks.process import ROOT, keepline, run_worker
from schemas.instants import format_instant
from streams.kafka.settings import Settings, from_environment
from streams.simulation.files import EVENT_FILES
from tests.kafka.apache import free_ports
from tests.kafka.city import wait_for
from tests.kafka.group import metrics

SETTINGS = [
    "label.horizon=28d",
    "label.lapsed_after=120d",
    "model.min_labels=300",
    "model.least_auc=0",
    "case.least_tenure=0s",
    "gate.holdout_share=0",
    "gate.consent_when_unknown=true",
    "gate.quiet_channels=[]",  # every probe is answered, at any hour of the day
]
OPTIONS = [word for setting in SETTINGS for word in ("--set", setting)]
DAYS = 200
TURN_S = 0.005
START_LIMIT_S = 300.0


@dataclass
class Group:
    """A group with a past; each worker serves its pages on a port of its own."""

    settings: Settings
    environ: dict[str, str]
    customers: int
    partitions: int
    ports: list[int]
    workers: list[subprocess.Popen[bytes]]

    def metric(self, name: str) -> dict[str, float]:
        """Returns values of all workers by labels as text; without those of workers that do not answer."""
        found = [metrics(port, name) for port in self.ports]
        return {labels: value for one in found for labels, value in one.items()}

    @property
    def applied(self) -> float:
        """The number of applied events of all partitions."""
        return sum(self.metric("events_total").values())

    @property
    def is_drained(self) -> bool:
        """Whether everything sent is applied and saved, and every partition is somebody's. A lag is there once the end
        of its partition is known.
        """
        lag = self.metric("lag_records")
        engines = {unit for unit in self.metric("last_checkpoint_timestamp_seconds") if "engine" in unit}
        events = sum("app-activity" in place for place in lag)
        return len(engines) == events == self.partitions and not any(lag.values())

    def restart(self, number: int) -> None:
        """Kills a worker and starts it again."""
        self.workers[number].kill()
        self.workers[number].wait()
        self.workers[number] = self._start(number)

    def start(self) -> None:
        """Starts all workers; returns when they are drained."""
        self.workers += [self._start(number) for number in range(len(self.ports))]
        self.drain()

    def drain(self) -> None:
        """Returns when everything sent is applied and saved."""
        asyncio.run(wait_for(lambda: self.is_drained, START_LIMIT_S))

    def stop(self) -> None:
        """Kills all workers."""
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers.clear()

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        words = ["worker", "--instance", f"w{number}", "--http", str(self.ports[number]), *OPTIONS]
        command = [sys.executable, "-m", "streams.cli", *words]
        return subprocess.Popen(command, cwd=ROOT, env=os.environ | self.environ, stderr=subprocess.DEVNULL)


@contextmanager
def group(brokers: str, customers: int, seed: int, partitions: int, workers: int = 1) -> Iterator[Group]:
    """Yields a running group that knows these customers and serves a model."""
    name = f"bench-{uuid4().hex[:8]}"
    environ = {"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"{name}-", "KEEPLINE_GROUP": name}
    with TemporaryDirectory(prefix="keepline-group-") as folder:
        start = (datetime.now(UTC) - timedelta(days=DAYS)).date().isoformat()
        size = ["--customers", str(customers), "--days", str(DAYS), "--start", start, "--seed", str(seed)]
        keepline("simulate", "--out", folder, *size)
        keepline("topics", "create", "--partitions", str(partitions), environ=environ)
        files = [Path(folder) / f"{name}.jsonl" for name in EVENT_FILES]
        keepline("publish", *files, "--end", *OPTIONS, environ=environ)
    run_worker(environ, ["--instance", "w0", *OPTIONS])
    running = Group(from_environment(environ), environ, customers, partitions, list(free_ports(workers)), [])
    try:
        running.start()
        yield running
    finally:
        running.stop()


@asynccontextmanager
async def producer(running: Group) -> AsyncIterator[AIOKafkaProducer]:
    """Yields a producer; all is acknowledged at the end."""
    async with AIOKafkaProducer(**running.settings.client, linger_ms=5) as opened:
        yield opened
        await opened.flush()


async def browse(running: Group, opened: AIOKafkaProducer, events: int, rate: float | None) -> None:
    """Sends events of known customers, at `rate` a second or as fast as possible."""
    topic, started, sent, run_id = running.settings.topic("app-activity"), time.monotonic(), 0, uuid4().hex[:6]
    while sent < events:
        due = min(events, int((time.monotonic() - started) * rate) + 1 if rate else sent + 2_000)
        for i in range(sent, due):
            customer = f"c{i * 7919 % running.customers:07d}"
            await opened.send(topic, event("app_activity", customer, f"{run_id}-{i}"), customer.encode())
        sent = due
        await asyncio.sleep(TURN_S if rate else 0)


def event(kind: str, customer: str, number: object) -> bytes:
    """Returns an event of this moment."""
    fields = {
        "kind": kind,
        "event_id": f"{kind}-{number}",
        "event_time": format_instant(time.time_ns() // 1000),
        "customer_id": customer,
        "producer": "benchmark",
    }
    return orjson.dumps(fields | ({"activity_type": "browse"} if kind == "app_activity" else {"amount": 100.0}))
