"""An instant of the learner, which is one unit for all partitions: records in, a model for each partition out."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import numpy as np
import orjson

from benchmarks.city import START_US
from benchmarks.measure import Measure, Scale, at_most
from benchmarks.units import Record
from online_model.examples import Examples
from schemas.instants import WEEK_US
from streams.engine.observations import ROWS_A_BLOCK, labelled, mark, observation_blocks
from streams.engine.reports import Report
from streams.profile.loading import load_profile
from streams.units.learner_unit import LearnerUnit
from streams.units.seal import seal
from streams.units.sources import LABELLED
from tests.online_model.worlds import examples

EXAMPLES = {"small": 25_600, "full": 102_400}
PARTITIONS = (4, 64, 256)
INSTANTS = 3
MOST = 2.0
HORIZON_WEEKS = 4


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: with 64 times the partitions at most twice the processor time."""
    n = EXAMPLES[scale]
    before = _peak_bytes()
    took = {partitions: _cost_us(n, partitions, seed) for partitions in PARTITIONS}
    fewest = took[PARTITIONS[0]]
    memory = Measure("an example in memory, at the peak", (_peak_bytes() - before) / n, "bytes")
    return [memory] + [
        Measure(
            f"{n:,} examples of {partitions} partitions", cost_us, "us an example", f"us with {PARTITIONS[0]}", fewest,
            at_most(cost_us, MOST * fewest, "<= 2 times"),
        )
        for partitions, cost_us in took.items()
    ]  # fmt: skip


def _cost_us(n: int, partitions: int, seed: int) -> float:
    """Returns the median over instants, decoding and checkpoint included."""
    profile = load_profile("after-sales", [f"label.horizon={7 * HORIZON_WEEKS}d"])
    unit = LearnerUnit(profile, partitions, "event")
    unit.position = {LABELLED: 0}
    feed, offset, spent = unit.open_feed(), 0, []
    for week in range(INSTANTS):
        observed_us = START_US + week * WEEK_US
        sent = [_records(examples(seed + p, n // partitions), observed_us, p) for p in range(partitions)]
        values = [value for records in sent for value in records]
        records = [Record(offset + i, None, seal(LABELLED, value)) for i, value in enumerate(values)]
        started = time.process_time()
        feed.offer(LABELLED, offset, records, 0)
        while (batch := feed.take()) is not None:
            unit.apply(batch)
        unit.take()
        spent.append(time.process_time() - started)
        offset += len(records)
    return float(np.median(spent)) / n * 1e6


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _records(one: Examples, observed_us: int, partition: int) -> Iterator[bytes]:
    """Yields what a partition sends when a horizon is over: its examples, and its report."""
    blocks = observation_blocks(observed_us, 1, one.customers, one.probability, one.said, one.features)
    for start, block in zip(range(0, len(one.customers), ROWS_A_BLOCK), blocks, strict=True):
        part = slice(start, start + ROWS_A_BLOCK)
        yield labelled(orjson.loads(block), one.label[part], one.treatment[part], one.propensity[part])
    yield mark(observed_us + HORIZON_WEEKS * WEEK_US, partition, Report.empty())
