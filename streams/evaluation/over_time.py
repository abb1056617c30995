"""Keepline's own metrics: by week, over the whole log and over its second half."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from online_model.prequential import CALIBRATION_BINS
from schemas.instants import format_instant
from streams.evaluation import metrics
from streams.evaluation.bootstrap import (
    Estimate,
    auc_tally,
    brier_tally,
    calibration_tally,
    estimate,
    loss_tally,
    resample,
)
from streams.evaluation.observation_rows import Floats, Ints, Rows

METRICS = ("auc", "log_loss", "brier", "ece")
MOST = {"log_loss": np.inf}  # the other metrics are at most 1
Metrics = dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Week:
    """Metrics of one instant alone, and of everything up to it."""

    observed_at: str
    labels: int
    left: int
    alone: Metrics
    so_far: Metrics


@dataclass(frozen=True, slots=True)
class MetricsOverTime:
    """Metrics of the served probabilities; empty where no label has matured."""

    overall: Metrics
    second_half: Metrics
    weeks: list[Week]


def metrics_over_time(rows: Rows) -> MetricsOverTime:
    """Computes metrics of labelled rows, by the served probability."""
    if not len(rows.label):
        return MetricsOverTime({}, {}, [])
    alone, so_far = _drawn(rows, rows.week)
    half_alone, half_so_far = _drawn(rows, rows.half)
    weeks, labels = np.unique(rows.week, return_counts=True)
    left = np.bincount(rows.week, rows.label)
    at = [format_instant(int(rows.instants_us[week])) for week in weeks]
    return MetricsOverTime(
        _at(half_so_far, -1),
        _at(half_alone, -1),
        [Week(at[i], int(labels[i]), int(left[week]), _at(alone, i), _at(so_far, i)) for i, week in enumerate(weeks)],
    )


def _drawn(rows: Rows, group: Ints) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Returns metrics of each group alone and of all groups up to it, (1 + replicates, groups) each."""
    p, label = rows.probability, rows.label
    within = metrics.equal_mass_within(group, p, CALIBRATION_BINS)
    over_all = metrics.equal_mass(p, CALIBRATION_BINS)
    tallies = [make(p, label) for make in (auc_tally, loss_tally, brier_tally)]
    tallies += [calibration_tally(p, label, part) for part in (within, over_all)]
    drawn = resample(tallies, rows, group)
    whole = {name: drawn[i, 1] for i, name in enumerate(METRICS)} | {"ece": drawn[-1, 1]}
    return {name: drawn[i, 0] for i, name in enumerate(METRICS)}, whole


def _at(drawn: dict[str, Floats], group: int) -> Metrics:
    return {name: estimate(values[:, group], most=MOST.get(name, 1.0)) for name, values in drawn.items()}
