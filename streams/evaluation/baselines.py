"""Baselines without a model: recency, RFM-B and the running base rate.

A baseline ranks by its score. A score that is no probability is calibrated by the labels known at that instant: the
share of leavers among earlier predictions in the same score bin, shrunk towards the base rate while they are few.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from streams.evaluation.metrics import equal_mass, ranks, starts
from streams.evaluation.observation_rows import RFM_B, Flags, Floats, Ints, Rows

Clock = Callable[[], float]  # processor time in seconds
SCORE_BINS = 50
PRIOR_ROWS = 20.0  # chosen: rows at the base rate that each bin starts with
# sheet: the published RFM-B score; a feature with + raises the risk, one with - lowers it
RFM_B_PARTS = (
    ("f_retained_recency", 0.35),
    ("f_retained_count", -0.30),
    ("f_spend_total", -0.20),
    ("f_activity_28d", -0.15),
)


@dataclass(frozen=True, slots=True)
class Served:
    """Predictions of one method. score, probability: (rows,), NaN where it could not predict yet."""

    name: str
    how: str
    score: Floats
    probability: Floats
    seconds: float | None  # of a processor


def recency(rows: Rows, clock: Clock) -> Served:
    """Predicts by recency: the longer the silence, the higher the risk."""
    return _calibrated(
        "recency alone",
        "days since the last retention event; calibrated by the known labels of similar rows",
        rows,
        clock,
        lambda: rows.features["f_retained_recency"],
    )


def rfm_b(rows: Rows, clock: Clock) -> Served:
    """Predicts by RFM-B: the replay's own score where it has one, otherwise one computed here."""
    how = "35 % recency, 30 % frequency, 20 % money, 15 % behaviour, by percentile within each week"
    if RFM_B in rows.features:
        how = "as the replay scored it"
    return _calibrated("RFM-B", f"{how}; calibrated by the known labels of similar rows", rows, clock, _risk(rows))


def base_rate(rows: Rows, clock: Clock) -> Served:
    """Predicts the share of leavers among all labels known at that instant."""
    began = clock()
    labels, leavers = (_up_to_known(rows, which) for which in (rows.labelled, rows.label == 1))
    with np.errstate(invalid="ignore"):
        rate = (leavers / labels)[rows.week]
    return Served("running base rate", "the share that left, of all labels known by then", rate, rate, clock() - began)


def _risk(rows: Rows) -> Callable[[], Floats]:
    if RFM_B in rows.features:
        return lambda: -rows.features[RFM_B]  # a high score is a good customer
    return lambda: np.sum([weight * _percentile(rows, rows.features[name]) for name, weight in RFM_B_PARTS], axis=0)


def _percentile(rows: Rows, values: Floats) -> Floats:
    """Returns mid-rank percentiles within each week, 0 to 1, (rows,)."""
    into = np.empty(len(values))
    for part in np.split(np.arange(len(values)), starts(rows.week)[1:]):
        into[part] = ranks(values[part]) / max(len(part), 1)
    return into


def _calibrated(name: str, how: str, rows: Rows, clock: Clock, score_of: Callable[[], Floats]) -> Served:
    began = clock()
    score = score_of()
    part = equal_mass(score, SCORE_BINS)
    labels, leavers = (_up_to_known(rows, which, part) for which in (rows.labelled, rows.label == 1))
    with np.errstate(invalid="ignore"):
        rate = leavers.sum(axis=1, keepdims=True) / labels.sum(axis=1, keepdims=True)
    probability = ((leavers + PRIOR_ROWS * rate) / (labels + PRIOR_ROWS))[rows.week, part]
    return Served(name, how, score, probability, clock() - began)


def _up_to_known(rows: Rows, which: Flags, part: Ints | None = None) -> Floats:
    """Returns counts of `which` among rows whose labels were known at each week: (weeks,) or (weeks, SCORE_BINS)."""
    weeks, bins = len(rows.instants_us), 1 if part is None else SCORE_BINS
    key = rows.week * bins + (0 if part is None else part)
    sums = np.bincount(key, which, weeks * bins).reshape(weeks, bins)
    known = np.concatenate([np.zeros((1, bins)), np.cumsum(sums, axis=0)])[rows.known_weeks]
    return known[:, 0] if part is None else known
