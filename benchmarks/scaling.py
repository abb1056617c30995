"""Cost of an event when the partition has many customers: raw records, decoded, applied and scored."""

from __future__ import annotations

import time

import numpy as np
import orjson

from benchmarks.measure import Measure, Scale, at_most
from benchmarks.population import unit_of
from benchmarks.units import Record
from schemas.instants import format_instant
from streams.units.engine_unit import LIVE_TICK_US
from streams.units.sources import INPUTS

CUSTOMERS = {"small": (1_000, 10_000, 100_000), "full": (10_000, 100_000, 1_000_000)}
TICKS, EVENTS = 60, 2_000  # events a tick
MOST = 1.3
SOURCE = "app-activity"


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: with a hundred times the customers at most 1.3 times the processor time."""
    crowds = {customers: _Crowd(customers, seed) for customers in CUSTOMERS[scale]}
    for _ in range(TICKS):  # in turn, so that all of them see the same machine
        for crowd in crowds.values():
            crowd.tick()
    took = {customers: float(np.median(crowd.spent)) / EVENTS * 1e6 for customers, crowd in crowds.items()}
    fewest = min(took)
    return [
        Measure(
            f"{customers:,} customers",
            cost_us,
            "us an event",
            f"us with {fewest:,}",
            took[fewest],
            at_most(cost_us, MOST * took[fewest], "<= 1.3 times"),
        )
        for customers, cost_us in took.items()
    ]


class _Crowd:
    """A partition with so many customers. spent: seconds of processor time of each tick. Browsing moves no customer
    across the threshold, so no case is opened.
    """

    def __init__(self, customers: int, seed: int) -> None:
        self.customers, self.spent, self._offset = customers, list[float](), 0
        self._unit, self._chance = unit_of(customers, seed), np.random.default_rng(seed)
        self._feed = self._unit.open_feed()

    def tick(self) -> None:
        assert self._unit.engine.now_us is not None
        until_us = self._unit.engine.now_us + LIVE_TICK_US
        slots = self._chance.choice(self.customers, EVENTS, replace=False)
        pairs = [_browsing(slot, self._offset + i, until_us - 1_000) for i, slot in enumerate(slots)]
        records = [Record(self._offset + i, *pair) for i, pair in enumerate(pairs)]
        started = time.process_time()
        self._feed.offer(SOURCE, self._offset, records, until_us)
        for source in INPUTS:
            self._feed.caught_up(source, until_us)
        while (batch := self._feed.take()) is not None:
            self._unit.apply(batch)
        self.spent.append(time.process_time() - started)
        self._unit.outputs()
        self._offset += EVENTS


def _browsing(slot: int, number: int, at_us: int) -> tuple[bytes, bytes]:
    customer = f"customer-{slot:07d}"
    event = {
        "kind": "app_activity",
        "event_id": f"e{number}",
        "event_time": format_instant(at_us),
        "customer_id": customer,
        "producer": "benchmark",
        "activity_type": "browse",
    }
    return customer.encode(), orjson.dumps(event)
