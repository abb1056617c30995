"""What `keepline capacity` reckons with: processor time and bytes of a customer, a sweep, a restore and a Monday.
Processor time, so a busy machine tells nearly the same. An event and a worker are measured in groups (forecast.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.alone import run_model
from benchmarks.city import START_US
from benchmarks.measure import ROUNDS, Measure, Scale
from benchmarks.population import CITY_DAYS, SETTINGS, unit_of
from benchmarks.process import keepline
from benchmarks.scaling import _browsing
from benchmarks.units import Record
from schemas.columns import empty_rows
from schemas.instants import DAY_US
from streams.engine.engine import Engine
from streams.inputs.schedule import next_grid
from streams.profile.loading import load_profile
from streams.simulation import write_city
from streams.simulation.files import EVENT_FILES
from streams.units.engine_unit import LIVE_TICK_US, EngineUnit
from streams.units.sources import INPUTS
from streams.units.unit import Output

CUSTOMERS = {"small": 50_000, "full": 500_000}
LEARNING_CUSTOMERS = 2_000
TICKS, EVENTS = 20, 2_000
SOURCE = "app-activity"


def run(scale: Scale, seed: int) -> list[Measure]:
    """No claim: the figures go to streams/operations/capacity.py, with their date."""
    customers = CUSTOMERS[scale]
    unit = unit_of(customers, seed)
    row_bytes, score_bytes = _sizes(unit, customers, seed)
    restore_us = _restore(unit, customers)
    sweep_us = _sweep(unit_of(customers, seed).engine) / customers
    monday_us, monday_bytes = _monday(unit, customers)
    found = {
        "row in the changelog": (row_bytes, "bytes"),
        "score": (score_bytes, "bytes"),
        "customer restored": (restore_us, "us"),
        "customer in a sweep": (sweep_us, "us"),
        "customer on a Monday": (monday_us, "us"),
        "observation and example": (monday_bytes, "bytes"),
        "example learned": (_learning(seed), "us"),
    }
    return [Measure(name, value, what) for name, (value, what) in found.items()]


def _cpu_us(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e6


def _size(outputs: list[Output], *topics: str) -> tuple[int, int]:
    pairs = [pair for output in outputs if output.topic in topics for pair in output.pairs]
    return len(pairs), sum(len(key or b"") + len(value or b"") for key, value in pairs)


def _sizes(unit: EngineUnit, customers: int, seed: int) -> tuple[float, float]:
    """Bytes of a customer's row, and of a score."""
    feed, chance, offset = unit.open_feed(), np.random.default_rng(seed), 0
    rows = row_bytes = scores = score_bytes = 0
    for tick in range(TICKS):
        assert unit.engine.now_us is not None
        until_us = unit.engine.now_us + LIVE_TICK_US
        chosen = chance.choice(customers, EVENTS, replace=False)
        records = [
            Record(offset + i, *_browsing(slot, tick * EVENTS + i, until_us - 1_000)) for i, slot in enumerate(chosen)
        ]

        feed.offer(SOURCE, offset, records, until_us)
        for source in INPUTS:
            feed.caught_up(source, until_us)
        while (batch := feed.take()) is not None:
            unit.apply(batch)
        outputs = unit.take()
        offset += EVENTS
        if tick:  # the first one writes all parts of the state
            rows, row_bytes = rows + EVENTS, row_bytes + _size(outputs, "state")[1]
            n, size = _size(outputs, "churn-scores")
            scores, score_bytes = scores + n, score_bytes + size
    return row_bytes / rows, score_bytes / max(scores, 1)


def _restore(unit: EngineUnit, customers: int) -> float:
    """Us to load the row of a customer."""
    unit.engine.table.dirty[:customers] = True
    pairs = unit.take()[0].pairs
    records = [Record(i, *pair) for i, pair in enumerate(pairs)]

    def load() -> None:
        other = EngineUnit(unit.profile, 0, "wall")
        for first in range(0, len(records), 2_000):
            other.load(records[first : first + 2_000])
        other.loaded()

    return median(_cpu_us(load) for _ in range(ROUNDS)) / customers


def _sweep(engine: Engine) -> float:
    """Us of a sweep over all customers, decisions included."""
    spent = []
    for _ in range(3):
        assert engine.now_us is not None
        until_us = engine.now_us + DAY_US
        spent.append(_cpu_us(lambda until_us=until_us: engine.step(empty_rows(0), until_us, {})))  # type: ignore[misc]
        engine.take_facts()
    return median(spent[1:])  # the first one publishes many scores, since the population is artificial


def _monday(unit: EngineUnit, customers: int) -> tuple[float, float]:
    """Us and bytes a customer of a grid instant: observations and the reports, their checkpoint included."""
    engine, outputs = unit.engine, list[Output]()
    assert engine.now_us is not None
    engine.step(empty_rows(0), next_grid(engine.now_us) - LIVE_TICK_US, {})
    unit.take()

    def monday() -> None:
        assert engine.now_us is not None
        at_us = next_grid(engine.now_us)
        engine.step(empty_rows(0), at_us, {})
        engine.report_grid(at_us)
        engine.step(empty_rows(0), at_us + LIVE_TICK_US, {})
        outputs.extend(unit.take())

    spent = _cpu_us(monday)
    return spent / customers, _size(outputs, "observations", "labelled-examples")[1] / customers


def _learning(seed: int) -> float:
    """Us of the learner for an example."""
    with TemporaryDirectory(prefix="keepline-capacity-") as name:
        log, out = Path(name) / "city", Path(name) / "out"
        write_city(log, LEARNING_CUSTOMERS, CITY_DAYS, START_US, seed)
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        keepline("replay", *(log / f"{one}.jsonl" for one in EVENT_FILES), "--out", out, *settings)
        cost = run_model(out, load_profile("after-sales", SETTINGS))
    return cost.learning_s / cost.learned * 1e6
