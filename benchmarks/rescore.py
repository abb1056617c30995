"""A sweep over a million customers, as the engine makes one, against River's pipeline one customer at a time."""

from __future__ import annotations

from statistics import mean

import numpy as np

from benchmarks.measure import Measure, Scale, at_most, in_turn
from benchmarks.population import unit_of
from features.catalogue import NAMES
from features.matrix import values
from features.portable_math import Array
from features.view import View
from online_model.pipeline import pipeline
from schemas.columns import empty_rows
from schemas.instants import DAY_US
from streams.engine.engine import Engine

CUSTOMERS = {"small": 100_000, "full": 1_000_000}
SAMPLE = 1_000
LIMIT_S = 1.0


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: a second for a million customers; proportionally less at a smaller scale."""
    customers = CUSTOMERS[scale]
    engine = unit_of(customers, seed).engine
    at_us = np.full(SAMPLE, float(engine.now_us or 0))
    raw = values(View(engine.layout, engine.table.gather(np.arange(SAMPLE)), at_us))
    _sweep(engine)  # the first sweep publishes many scores, since the population is artificial
    crossed: list[int] = []
    took = in_turn({"river": lambda: _river(engine, raw), "sweep": lambda: crossed.append(_sweep(engine))})
    active = len(engine.lifespans.active(engine.now_us or 0))
    assert active == customers, f"only {active:,} of {customers:,} are active"
    seconds, times = took["sweep"].wall_s, customers / SAMPLE
    peer, limit_s = f"s River, of {SAMPLE:,} extrapolated", LIMIT_S * customers / 1_000_000
    claim = at_most(seconds, limit_s, f"<= {limit_s:.4g} s")
    return [
        Measure(f"{customers:,} customers", seconds, "s", peer, took["river"].wall_s * times, claim),
        Measure("processor time", took["sweep"].cpu_s, "s", peer, took["river"].cpu_s * times),
        Measure("crossings decided in a sweep", mean(crossed), ""),
    ]


def _sweep(engine: Engine) -> int:
    """Steps the engine over a day without events, which ends with a sweep; returns the number of crossings, each of
    which costs as much as some hundreds of scores.
    """
    assert engine.now_us is not None
    engine.step(empty_rows(0), engine.now_us + DAY_US, {})
    facts = engine.take_facts()
    return len(facts.interventions) + len(facts.withheld)


def _river(engine: Engine, raw: Array) -> None:
    """Scores with River's pipeline. raw: computed features, (features, n)."""
    model = pipeline(engine.scorer.snapshot)
    for column in raw.T.tolist():
        model.predict_proba_one(dict(zip(NAMES, column, strict=True)))
