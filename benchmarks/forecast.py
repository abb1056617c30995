"""The forecast of `keepline capacity` against groups that run on Apache Kafka: 1, 2 and 4 partitions, 1 and 2 workers.

A group of one worker and one partition says what an event and a worker cost; the others were not used to make the
forecast. Each group knows many customers, is stopped, and works off what has come meanwhile; a start with nothing to do
is taken off.
"""

from __future__ import annotations

import asyncio
from statistics import mean, median
from typing import NamedTuple

from benchmarks.group import Group, browse, event, group, producer
from benchmarks.kafka import broker
from benchmarks.measure import ROUNDS, Claim, Measure, Scale
from benchmarks.process import process_cpu_s, status_bytes
from streams.operations.capacity_costs import MEASURED

SHAPES = ((1, 1), (2, 1), (2, 2), (4, 1), (4, 2))  # partitions, workers
PAST = 2_000  # customers of the city whose history the group has
CUSTOMERS = {"small": 50_000, "full": 200_000}
EVENTS = {"small": 600_000, "full": 2_000_000}
NEAR = 0.2


class Cost(NamedTuple):
    """Processor time of an event, in us; memory of a worker that has nothing left to do, in bytes."""

    event_us: float
    worker_bytes: float


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: processor time of an event and memory of a worker within 20 % of the forecast."""
    costs = {}
    with broker() as brokers:
        for shape in SHAPES:
            with group(brokers, PAST, seed, *shape) as running:
                asyncio.run(_welcome(running, CUSTOMERS[scale]))
                running.drain()
                costs[shape] = _cost(running, EVENTS[scale])
    event_us, first_bytes = costs.pop(SHAPES[0])
    state_bytes = CUSTOMERS[scale] * MEASURED.customer_bytes + (CUSTOMERS[scale] + EVENTS[scale]) * MEASURED.id_bytes
    base_bytes = first_bytes - state_bytes
    found = [Measure("an event", event_us, "us"), Measure("a worker without customers", base_bytes / 1e6, "MB")]
    for (partitions, workers), cost in costs.items():
        said_bytes = base_bytes + state_bytes / workers
        name = f"{partitions} partitions, {workers} workers:"
        found += [
            _compared(f"{name} an event", cost.event_us, event_us, "us"),
            _compared(f"{name} a worker", cost.worker_bytes / 1e6, said_bytes / 1e6, "MB"),
        ]
    return found


def _compared(name: str, value: float, said: float, unit: str) -> Measure:
    claim = Claim("within 20 %", abs(value / said - 1) <= NEAR)
    return Measure(name, value, unit, "forecast", said, claim)


def _cost(running: Group, events: int) -> Cost:
    idle_s = median(_start_s(running) for _ in range(ROUNDS))
    running.stop()
    asyncio.run(_send(running, events))
    event_us = (_start_s(running) - idle_s) / events * 1e6
    return Cost(event_us, mean(status_bytes("VmRSS", worker.pid) for worker in running.workers))


async def _welcome(running: Group, customers: int) -> None:
    """Lets so many customers be known: a first event each."""
    topic = running.settings.topic("app-activity")
    async with producer(running) as opened:
        for number in range(running.customers, customers):
            key = f"c{number:07d}"
            await opened.send(topic, event("app_activity", key, f"first-{number}"), key.encode())
    running.customers = customers


async def _send(running: Group, events: int) -> None:
    async with producer(running) as opened:
        await browse(running, opened, events, None)


def _start_s(running: Group) -> float:
    """Returns the processor time of all workers from their start until nothing is left to do."""
    running.stop()
    running.start()
    return sum(process_cpu_s(worker.pid) for worker in running.workers)
