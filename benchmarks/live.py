"""A live worker: latency from an event to its intervention, duration of a checkpoint, recovery after a kill.

The group first processes the city's history in event time up to last night, so that a model is served and customers
are known; then it continues live. With a horizon of four weeks most newcomers are above the threshold, and without a
least tenure the first visit of a newcomer opens a case: this event is timed.
"""

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
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

import numpy as np
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.kafka import PARTITIONS, broker
from benchmarks.measure import ROUNDS, Measure, Scale, at_most
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
CUSTOMERS = {"small": 2_000, "full": 20_000}
BURST = {"small": 40_000, "full": 200_000}  # events, for the maximum
SECONDS = {"small": 8, "full": 30}
PROBES_A_SECOND = 16
TURN_S = 0.005
START_LIMIT_S = 60.0
LATENCY_S, RESTART_S = 0.5, 5.0


@dataclass
class Live:
    """A group with history; its worker serves its pages on `port`."""

    settings: Settings
    environ: dict[str, str]
    customers: int
    port: int
    worker: subprocess.Popen[bytes]

    def metric(self, name: str) -> dict[str, float]:
        """Returns values by labels as text; {} while no worker answers."""
        return metrics(self.port, name)

    @property
    def applied(self) -> float:
        """The number of applied events of all partitions."""
        return sum(self.metric("events_total").values())

    @property
    def is_drained(self) -> bool:
        """Whether everything sent is applied and saved."""
        lag = self.metric("lag_records")
        return bool(lag) and not any(lag.values())


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claims: p99 of at most 500 ms at a quarter of the maximum load; a checkpoint 5 s after a kill."""
    with broker() as brokers, _live(brokers, CUSTOMERS[scale], seed) as live:
        throughput = asyncio.run(_throughput(live, BURST[scale]))
        waited = asyncio.run(_latencies(live, throughput / 4, SECONDS[scale]))
        commits = [
            s for labels, s in live.metric("checkpoint_seconds").items() if "engine" in labels and "0.5" in labels
        ]
        slow = [s for labels, s in live.metric("checkpoint_seconds").items() if "engine" in labels and "0.99" in labels]
        back = [_recovery_s(live) for _ in range(ROUNDS)]
    p99 = float(np.percentile(waited, 99))
    return [
        Measure("live maximum, all partitions", throughput, "events/s"),
        Measure("event to intervention at 1/4 of that, p50", float(np.percentile(waited, 50)), "s"),
        Measure("event to intervention, p99", p99, "s", claim=at_most(p99, LATENCY_S, "<= 0.5 s")),
        Measure("transaction of a checkpoint, median of the worst partition", max(commits), "s"),
        Measure("transaction of a checkpoint, p99 of the worst partition", max(slow), "s"),
        Measure(
            "kill to the first new checkpoint", median(back), "s", claim=at_most(median(back), RESTART_S, "<= 5 s")
        ),
    ]


@contextmanager
def _live(brokers: str, customers: int, seed: int) -> Iterator[Live]:
    name = f"bench-{uuid4().hex[:8]}"
    environ = {"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"{name}-", "KEEPLINE_GROUP": name}
    with TemporaryDirectory(prefix="keepline-live-") as folder:
        start = (datetime.now(UTC) - timedelta(days=DAYS)).date().isoformat()
        size = ["--customers", str(customers), "--days", str(DAYS), "--start", start, "--seed", str(seed)]
        keepline("simulate", "--out", folder, *size)
        keepline("topics", "create", "--partitions", str(PARTITIONS), environ=environ)
        files = [Path(folder) / f"{name}.jsonl" for name in EVENT_FILES]
        keepline("publish", *files, "--end", *OPTIONS, environ=environ)
    run_worker(environ, ["--instance", "w0", *OPTIONS])
    (port,) = free_ports(1)
    live = Live(from_environment(environ), environ, customers, port, _worker(environ, port))
    try:
        asyncio.run(wait_for(lambda: live.is_drained, START_LIMIT_S))
        yield live
    finally:
        live.worker.kill()
        live.worker.wait()


def _worker(environ: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "streams.cli", "worker", "--instance", "w0", "--http", str(port), *OPTIONS]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, stderr=subprocess.DEVNULL)


async def _throughput(live: Live, events: int) -> float:
    """Returns events a second under a backlog."""
    before, started = live.applied, time.monotonic()
    async with _producer(live) as producer:
        await _browse(live, producer, events, None)
    while live.applied - before < events:  # noqa: ASYNC110 -- a page of another process
        await asyncio.sleep(TURN_S)
    return events / (time.monotonic() - started)


async def _latencies(live: Live, rate: float, seconds: int) -> list[float]:
    """Returns seconds from sending each newcomer's first visit until a committed reader has the intervention."""
    topic, sent, waited = live.settings.topic("interventions"), dict[bytes, float](), list[float]()
    reader = AIOKafkaConsumer(
        topic,
        **live.settings.client,
        isolation_level="read_committed",
        auto_offset_reset="latest",
        fetch_max_wait_ms=20,
    )

    async def listen() -> None:
        async for record in reader:
            if record.key in sent:
                waited.append(time.time() - sent.pop(record.key))

    async with reader, _producer(live) as producer:
        await reader.getmany(timeout_ms=1000)
        listening = asyncio.ensure_future(listen())
        load = asyncio.ensure_future(_browse(live, producer, int(rate * seconds), rate))
        for i in range(PROBES_A_SECOND * seconds):
            key = b"newcomer-%d" % i
            sent[key] = time.time()
            await producer.send(live.settings.topic("service-visits"), _event("service_visit", key.decode(), i), key)
            await asyncio.sleep(1 / PROBES_A_SECOND)
        await load
        await asyncio.sleep(4 * LATENCY_S)
        listening.cancel()
    if len(sent) > len(waited) / 100:
        raise RuntimeError(f"{len(sent)} of {len(sent) + len(waited)} newcomers got no intervention")
    return waited


@asynccontextmanager
async def _producer(live: Live) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(**live.settings.client, linger_ms=5) as producer:
        yield producer
        await producer.flush()


async def _browse(live: Live, producer: AIOKafkaProducer, events: int, rate: float | None) -> None:
    """Sends events of known customers, at `rate` a second or as fast as possible."""
    topic, started, sent, run_id = live.settings.topic("app-activity"), time.monotonic(), 0, uuid4().hex[:6]
    while sent < events:
        due = min(events, int((time.monotonic() - started) * rate) + 1 if rate else sent + 2_000)
        for i in range(sent, due):
            customer = f"c{i * 7919 % live.customers:07d}"
            await producer.send(topic, _event("app_activity", customer, f"{run_id}-{i}"), customer.encode())
        sent = due
        await asyncio.sleep(TURN_S if rate else 0)


def _event(kind: str, customer: str, number: object) -> bytes:
    event = {
        "kind": kind,
        "event_id": f"{kind}-{number}",
        "event_time": format_instant(time.time_ns() // 1000),
        "customer_id": customer,
        "producer": "benchmark",
    }
    return orjson.dumps(event | ({"activity_type": "browse"} if kind == "app_activity" else {"amount": 100.0}))


def _recovery_s(live: Live) -> float:
    """Kills the worker, starts another, and returns the seconds until every partition has saved again."""
    live.worker.kill()
    killed_at = time.time()
    live.worker.wait()
    live.worker = _worker(live.environ, live.port)

    def has_saved() -> bool:
        saved = [at for unit, at in live.metric("last_checkpoint_timestamp_seconds").items() if "engine" in unit]
        return len(saved) == PARTITIONS and min(saved) > killed_at

    asyncio.run(wait_for(has_saved, START_LIMIT_S))
    return time.time() - killed_at
