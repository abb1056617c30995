"""A live worker: latency from an event to its intervention, duration of a checkpoint, recovery after a kill.

With a horizon of four weeks most newcomers are above the threshold, and without a least tenure the first visit of a
newcomer opens a case: this event is timed.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping
from statistics import median

import numpy as np
from aiokafka import AIOKafkaConsumer

from benchmarks.group import START_LIMIT_S, TURN_S, Group, browse, event, group, producer
from benchmarks.kafka import PARTITIONS, broker
from benchmarks.measure import ROUNDS, Measure, Scale, at_most
from tests.kafka.city import wait_for

CUSTOMERS = {"small": 2_000, "full": 20_000}
BURST = {"small": 40_000, "full": 200_000}  # events, for the maximum
SECONDS = {"small": 8, "full": 30}
PROBES_A_SECOND = 16
LATENCY_S, RESTART_S = 0.5, 5.0


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claims: p99 of at most 500 ms at a quarter of the maximum load; a checkpoint 5 s after a kill."""
    with broker() as brokers, group(brokers, CUSTOMERS[scale], seed, PARTITIONS) as live:
        throughput = asyncio.run(_throughput(live, BURST[scale]))
        waited = asyncio.run(_latencies(live, throughput / 4, SECONDS[scale]))
        commits = _commits(live)
        back = [_recovery_s(live) for _ in range(ROUNDS)]
    p99 = float(np.percentile(waited, 99))
    return [
        Measure("live maximum, all partitions", throughput, "events/s"),
        Measure("event to intervention at 1/4 of that, p50", float(np.percentile(waited, 50)), "s"),
        Measure("event to intervention, p99", p99, "s", claim=at_most(p99, LATENCY_S, "<= 0.5 s")),
        Measure("half of the transactions of checkpoints take at most", _bound(commits, 0.5), "s"),
        Measure("99 % of them take at most", _bound(commits, 0.99), "s"),
        Measure(
            "kill to the first new checkpoint", median(back), "s", claim=at_most(median(back), RESTART_S, "<= 5 s")
        ),
    ]


async def _throughput(live: Group, events: int) -> float:
    """Returns events a second under a backlog."""
    before, started = live.applied, time.monotonic()
    async with producer(live) as opened:
        await browse(live, opened, events, None)
    while live.applied - before < events:  # noqa: ASYNC110 -- a page of another process
        await asyncio.sleep(TURN_S)
    return events / (time.monotonic() - started)


async def _latencies(live: Group, rate: float, seconds: int) -> list[float]:
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

    async with reader, producer(live) as opened:
        await reader.getmany(timeout_ms=1000)
        listening = asyncio.ensure_future(listen())
        load = asyncio.ensure_future(browse(live, opened, int(rate * seconds), rate))
        for i in range(PROBES_A_SECOND * seconds):
            key = b"newcomer-%d" % i
            sent[key] = time.time()
            await opened.send(live.settings.topic("service-visits"), event("service_visit", key.decode(), i), key)
            await asyncio.sleep(1 / PROBES_A_SECOND)
        await load
        await asyncio.sleep(4 * LATENCY_S)
        listening.cancel()
    if len(sent) > len(waited) / 100:
        raise RuntimeError(f"{len(sent)} of {len(sent) + len(waited)} newcomers got no intervention")
    return waited


def _commits(live: Group) -> dict[float, float]:
    """Returns how many transactions of the engines have taken at most so many seconds."""
    found = Counter[float]()
    for labels, count in live.metric("checkpoint_seconds_bucket").items():
        if "engine" in labels:
            found[float(re.findall(r'le="([^"]*)"', labels)[0])] += count
    return dict(sorted(found.items()))


def _bound(counts: Mapping[float, float], share: float) -> float:
    """Returns the first bound that a share of the transactions keeps."""
    return next(bound for bound, count in counts.items() if count >= share * max(counts.values()))


def _recovery_s(live: Group) -> float:
    """Kills the worker, starts another, and returns the seconds until every partition has saved again."""
    killed_at = time.time()
    live.restart(0)

    def has_saved() -> bool:
        saved = [at for unit, at in live.metric("last_checkpoint_timestamp_seconds").items() if "engine" in unit]
        return len(saved) == PARTITIONS and min(saved) > killed_at

    asyncio.run(wait_for(has_saved, START_LIMIT_S))
    return time.time() - killed_at
