"""Restore of a partition with many customers from its changelog on Apache Kafka, each time in a new process."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from statistics import median
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from benchmarks.kafka import broker
from benchmarks.measure import ROUNDS, Measure, Scale, at_most
from benchmarks.population import SETTINGS, unit_of
from benchmarks.process import python
from streams.kafka import topics
from streams.kafka.lease import RECORD_BYTES, chunks
from streams.kafka.restore import Restore
from streams.kafka.settings import Settings, from_environment
from streams.profile.loading import load_profile
from streams.units.engine_unit import EngineUnit
from streams.units.sources import STATE
from streams.units.unit import LEASE_KEY, Pair

CUSTOMERS = {"small": 100_000, "full": 1_000_000}
LIMIT_S = 3.0  # for a million
TOKEN = b"token"


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: a million customers in at most 3 s."""
    customers = CUSTOMERS[scale]
    with broker() as brokers:
        environ = {"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"bench-{uuid4().hex[:8]}-"}
        asyncio.run(_write(from_environment(environ), _rows(customers, seed)))
        command = "-m", "benchmarks.restore", str(customers)
        took = [float(python(*command, environ=environ)) for _ in range(ROUNDS)]
    limit_s = LIMIT_S * customers / CUSTOMERS["full"]
    claim = at_most(median(took), limit_s, f"<= {limit_s:.1f} s")
    return [Measure(f"{customers:,} customers of one partition", median(took), "s", claim=claim)]


def _rows(customers: int, seed: int) -> list[Pair]:
    """Returns the rows of a checkpoint of all customers."""
    unit = unit_of(customers, seed)
    unit.engine.table.dirty[:customers] = True
    return list(unit.take()[0].pairs)


async def _write(settings: Settings, rows: list[Pair]) -> None:
    await topics.create(settings, 1)
    sizes = {"max_batch_size": RECORD_BYTES, "max_request_size": RECORD_BYTES}
    async with AIOKafkaProducer(**settings.client, **sizes) as producer:
        sent = []
        for chunk in chunks([*rows, (LEASE_KEY, TOKEN)]):
            batch = producer.create_batch()
            for key, value in chunk:
                batch.append(key=key, value=value, timestamp=None)
            batch.close()
            sent.append(await producer.send_batch(batch, settings.topic(STATE), partition=0))
        await asyncio.gather(*sent)


async def _restore(settings: Settings, customers: int) -> float:
    unit, started = EngineUnit(load_profile("after-sales", SETTINGS), 0, "wall"), time.perf_counter()
    await Restore(settings, unit.name).run(TOKEN, unit)
    took = time.perf_counter() - started
    assert len(unit.engine.table) == customers, len(unit.engine.table)
    return took


if __name__ == "__main__":
    print(asyncio.run(_restore(from_environment(os.environ), int(sys.argv[1]))))
