"""Cost of an event when the partition has many customers: raw records, decoded, applied and scored."""

from __future__ import annotations

import time
from itertools import count

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
    took = {customers: _cost_us(customers, seed) for customers in CUSTOMERS[scale]}
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


def _cost_us(customers: int, seed: int) -> float:
    """Returns the median over ticks. Browsing moves no customer across the threshold, so no case is opened."""
    unit, numbers, chance = unit_of(customers, seed), count(), np.random.default_rng(seed)
    feed, spent, offset = unit.open_feed(), [], 0
    for _ in range(TICKS):
        assert unit.engine.now_us is not None
        until_us = unit.engine.now_us + LIVE_TICK_US
        records = [
            _browsing(slot, next(numbers), until_us - 1_000) for slot in chance.choice(customers, EVENTS, replace=False)
        ]
        started = time.process_time()
        feed.offer(SOURCE, offset, [Record(offset + i, *pair) for i, pair in enumerate(records)], until_us)
        for source in INPUTS:
            feed.caught_up(source, until_us)
        while (batch := feed.take()) is not None:
            unit.apply(batch)
        spent.append(time.process_time() - started)
        unit.outputs()
        offset += EVENTS
    return float(np.median(spent)) / EVENTS * 1e6


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
