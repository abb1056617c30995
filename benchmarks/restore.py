"""Restore of a partition with many customers from its changelog on Apache Kafka."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from benchmarks.kafka import broker
from benchmarks.measure import ROUNDS, Measure, Scale, at_most
from benchmarks.population import unit_of
from streams.kafka import topics
from streams.kafka.lease import RECORD_BYTES, chunks
from streams.kafka.restore import Restore
from streams.kafka.settings import Settings, from_environment
from streams.profile.profile import Profile
from streams.units.engine_unit import EngineUnit
from streams.units.sources import STATE
from streams.units.unit import LEASE_KEY, Pair

CUSTOMERS = {"small": 100_000, "full": 1_000_000}
LIMIT_S = 6.0  # for a million
TOKEN = b"token"


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: a million customers in at most 6 s."""
    customers = CUSTOMERS[scale]
    profile, rows = _rows(customers, seed)
    with broker() as brokers:
        name = f"bench-{uuid4().hex[:8]}"
        settings = from_environment({"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"{name}-"})
        asyncio.run(_write(settings, rows))
        took = [asyncio.run(_restore(settings, profile, customers)) for _ in range(ROUNDS)]
    limit_s = LIMIT_S * customers / CUSTOMERS["full"]
    claim = at_most(median(took), limit_s, f"<= {limit_s:.1f} s")
    return [Measure(f"{customers:,} customers of one partition", median(took), "s", claim=claim)]


def _rows(customers: int, seed: int) -> tuple[Profile, list[Pair]]:
    """Returns the rows of a checkpoint of all customers."""
    unit = unit_of(customers, seed)
    unit.engine.table.dirty[:customers] = True
    return unit.profile, unit.take()[0].pairs


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


async def _restore(settings: Settings, profile: Profile, customers: int) -> float:
    unit, started = EngineUnit(profile, 0, "wall"), time.perf_counter()
    await Restore(settings, unit.name).run(TOKEN, unit)
    took = time.perf_counter() - started
    assert len(unit.engine.table) == customers, len(unit.engine.table)
    return took
