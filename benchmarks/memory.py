"""Memory a customer: a new process whose engine applies a first event of each customer, then scores all."""

from __future__ import annotations

import json
import sys

import numpy as np

from benchmarks.measure import Measure, Scale, at_most
from benchmarks.process import python, status_bytes
from schemas.columns import SERVICE_VISIT, Rows, empty_rows
from schemas.instants import DAY_US, MONDAY_US
from streams.engine.engine import Engine
from streams.profile.loading import load_profile

CUSTOMERS = {"small": 100_000, "full": 1_000_000}
LIMIT_BYTES = 1_200
START_US = MONDAY_US + 52 * 7 * DAY_US + DAY_US
BATCH = 4_000
TICK_US = 200_000


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: 1.2 KB a customer at a million, with ids, event ids of the last days and a sweep's working memory."""
    customers = CUSTOMERS[scale]
    grown = json.loads(python("-m", "benchmarks.memory", str(customers)))
    peak = grown["peak"] / customers
    return [
        Measure(
            f"peak, {customers:,} customers", peak, "bytes a customer", claim=at_most(peak, LIMIT_BYTES, "<= 1200")
        ),
        Measure("at rest", grown["rest"] / customers, "bytes a customer"),
        Measure("of that, the row", grown["row"], "bytes a customer"),
    ]


def grow(customers: int) -> dict[str, int]:
    """Returns the growth of this process in bytes, at its peak and afterwards, and the size of a row."""
    engine = Engine(load_profile("after-sales", []), 0, TICK_US, waits_for_models=False)
    engine.start(START_US)
    _take(engine, BATCH, 0)  # loads all code and allocates working memory
    before = status_bytes("VmRSS")
    for first in range(BATCH, customers + BATCH, BATCH):
        _take(engine, min(BATCH, customers + BATCH - first), first)
    engine.step(empty_rows(0), START_US + DAY_US, {})
    engine.take_facts()
    return {
        "peak": status_bytes("VmHWM") - before,
        "rest": status_bytes("VmRSS") - before,
        "row": engine.table.rows.shape[1] * engine.table.rows.itemsize,
    }


def _take(engine: Engine, count: int, first: int) -> None:
    """Applies the first visits of `count` customers, in one tick."""
    assert engine.now_us is not None
    slots = engine.table.slots([f"customer-{i:07d}" for i in range(first, first + count)])
    engine.step(_visits(slots, engine.now_us + TICK_US), engine.now_us + TICK_US, {})
    engine.take_facts()


def _visits(slots: np.ndarray, at_us: int) -> Rows:
    rows = empty_rows(len(slots))
    rows["slot"], rows["time_us"], rows["due_us"], rows["kind"] = slots, at_us, at_us, SERVICE_VISIT
    rows["id"] = (slots.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    rows["amount"] = 100.0 + slots % 900
    return rows


if __name__ == "__main__":
    print(json.dumps(grow(int(sys.argv[1]))))
