"""Folders as a replay writes them, with a few artificial observations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from schemas.instants import DAY_US, WEEK_US, format_instant, parse_instant
from streams.evaluation.observation_rows import NEEDED, Rows, read
from streams.files.replay_folder import ReplayFolder

START_US = parse_instant("2024-01-01T00:00:00Z")  # a Monday
HORIZON_DAYS = 14
BARS = {"model.least_auc": 0.6, "goals.auc": 1.0}


@dataclass(frozen=True)
class Observation:
    """An observation; label None: not matured."""

    customer: str
    week: int
    label: int | None = None
    probability: float = 0.5
    recency_days: float = 1.0
    count: float = 1.0
    gap_days: float = 7.0


def instant(days: float) -> str:
    """Returns the instant `days` after the first Monday."""
    return format_instant(START_US + round(days * DAY_US))


def case(customer: str, days: float, **fields: object) -> bytes:
    """Returns an intervention with the fields that are read."""
    crossing = {"customer_id": customer, "crossed_at": instant(days), "probability": 0.6}
    return json.dumps(crossing | fields).encode()


def write(
    path: Path, observations: Iterable[Observation], cases: Sequence[bytes] = (), withheld: Sequence[bytes] = ()
) -> Path:
    """Writes the folder of a replay."""
    with ReplayFolder(str(path), [name.removeprefix("f_") for name in NEEDED]) as folder:
        for (week, matured), some in groupby(
            sorted(observations, key=_order), lambda one: (one.week, one.label is not None)
        ):
            rows = list(some)
            features = np.array([[one.recency_days, one.count, 10 * one.count, 0.0, one.gap_days] for one in rows])
            labels = np.array([one.label for one in rows], np.uint8) if matured else None
            probability = np.array([one.probability for one in rows])
            at_us = START_US + week * WEEK_US
            folder.examples([one.customer for one in rows], at_us, 1, probability, labels, features)
        folder.interventions(cases)
        folder.withheld(withheld)
        folder.close(
            {"label_horizon": f"{HORIZON_DAYS}d", "policy_version": "made-up", "seconds": 1.0, "auc_bars": BARS}
        )
    return path


def _order(one: Observation) -> tuple[int, bool, str]:
    return one.week, one.label is not None, one.customer


def rows_of(path: Path, observations: Iterable[Observation]) -> Rows:
    """Writes a folder and reads its observations."""
    return read(write(path, observations))[0]


def crowd(weeks: int, customers: int, seed: int = 1, matured: int | None = None) -> list[Observation]:
    """Returns customers whose risk rises with their silence, and probabilities that follow it."""
    rng = np.random.default_rng(seed)
    found = []
    for week in range(weeks):
        for i in range(customers):
            recency = float(rng.integers(1, 60))
            p = min(0.95, 0.05 + recency / 70)
            label = int(rng.random() < p) if matured is None or week < matured else None
            found.append(Observation(f"c{i:04}", week, label, p, recency, float(rng.integers(1, 15))))
    return found
