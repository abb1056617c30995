"""A unit with any number of active customers: the rows of a small city's customers, repeated."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.city import START_US
from features.catalogue import NAMES
from schemas.instants import DAY_US
from streams.engine.engine import Engine
from streams.files.file_sources import FileSources
from streams.files.replay_folder import ReplayFolder
from streams.files.survey import Terms
from streams.inputs.schedule import next_grid
from streams.profile.loading import load_profile
from streams.replay import Replay
from streams.simulation import write_city
from streams.simulation.files import EVENT_FILES
from streams.units.engine_unit import EngineUnit

CITY_CUSTOMERS, CITY_DAYS = 5_000, 120
SETTINGS = [
    "label.horizon=28d",
    "model.least_auc=0",
    "gate.consent_when_unknown=true",
]  # the model is ready at the end of the city


def unit_of(customers: int, seed: int) -> EngineUnit:
    """Returns a live unit at midnight on a Tuesday: the next three days have no observation."""
    learned = _learned(seed)
    rows = learned.table.rows[learned.lifespans.active(learned.now_us or 0)]
    unit = EngineUnit(learned.profile, 0, "wall")
    unit.position, engine = dict.fromkeys(unit.sources, 0), unit.engine
    engine.serve_model(learned.scorer.snapshot)
    slots = engine.table.slots([f"customer-{i:07d}" for i in range(customers)])
    engine.table.rows[slots] = np.resize(rows, (customers, rows.shape[1]))
    engine.start(next_grid(learned.now_us or 0) + DAY_US)
    return unit


def _learned(seed: int) -> Engine:
    """Returns the engine of a replay of the small city."""
    profile = load_profile("after-sales", SETTINGS)
    with TemporaryDirectory(prefix="keepline-population-") as name:
        folder = Path(name)
        write_city(folder / "city", CITY_CUSTOMERS, CITY_DAYS, START_US, seed)
        paths = [str(folder / "city" / f"{one}.jsonl") for one in EVENT_FILES]
        sources = FileSources(paths, Terms(time.time_ns() // 1000, profile.time.max_skew_us))
        with ReplayFolder(str(folder / "out"), NAMES, False) as out:
            replay = Replay(profile, sources, out)
            replay.run()
            out.close(replay.summary())
    assert replay.unit.engine.scorer.snapshot.ready, "the model is not ready when the city ends"
    return replay.unit.engine
