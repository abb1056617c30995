"""Speed of `keepline simulate`."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson

from benchmarks.city import CUSTOMERS, KINDS
from benchmarks.measure import ROUNDS, Measure, Scale, at_least
from benchmarks.process import keepline

LEAST = 200_000


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: 200,000 events/s, start-up included."""
    rates, cpu_rates = [], []
    for _ in range(ROUNDS):
        with TemporaryDirectory(prefix="keepline-simulate-") as folder:
            size = ("--customers", str(CUSTOMERS[scale]), "--days", str(KINDS["pilot"].days), "--seed", str(seed))
            took = keepline("simulate", "--out", folder, *size)
            rows = orjson.loads((Path(folder) / "manifest.json").read_bytes())["rows"]
        events = sum(count for name, count in rows.items() if name != "truth.jsonl")
        rates.append(events / took.wall_s)
        cpu_rates.append(events / took.cpu_s)
    claim = at_least(median(rates), LEAST, ">= 200,000/s")
    return [
        Measure("by the clock", median(rates), "events/s", claim=claim),
        Measure("by processor time", median(cpu_rates), "events/cpu-s"),
    ]
