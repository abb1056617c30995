"""Crossings of the threshold: what was said of the customer at the moment, and what happened.

A customer crosses on any day, at the top of whatever moves the probability, while the model is judged on Mondays. So
probabilities that are right on average may still be too high (or too low) where cases open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.instants import SECOND_US, WEEK_US
from streams.evaluation.bootstrap import Estimate, mean_by_week
from streams.evaluation.lead_time import Cases, outcomes
from streams.evaluation.metrics import Labels
from streams.evaluation.observation_rows import NO_LABEL, Floats, Ints, Rows

WEEK_S = WEEK_US // SECOND_US
READY = "of a ready model"
SENT = "sent"
NOT_READY = ("model_not_ready", "missed", "tenure")  # mostly the prior's crossings, and what became of them


@dataclass(frozen=True, slots=True)
class Crossings:
    """Crossings that were sent, or that one rule withheld. judged: their horizon is over."""

    name: str
    crossings: int
    judged: int
    said: float  # mean probability of the judged ones; NaN: none
    left: float  # share of them
    difference: Estimate  # said less left; weeks are resampled, since a deadline or a season moves a whole week


def crossings(cases: Cases, withheld: Cases, rows: Rows) -> list[Crossings]:
    """Returns the crossings of a model that was ready, then those sent, then those withheld, by rule."""
    parts = (cases, withheld)
    rule = np.array([one or SENT for part in parts for one in part.withheld_by], np.str_)
    week = np.concatenate([part.crossed_s for part in parts]) // WEEK_S
    said = np.concatenate([part.probability for part in parts])
    left = np.concatenate([outcomes(part, rows) for part in parts])
    groups = {READY: ~np.isin(rule, NOT_READY)} | {name: rule == name for name in sorted(set(rule), key=_sent_first)}
    return [_of(name, week[those], said[those], left[those]) for name, those in groups.items()]


def _sent_first(rule: str) -> tuple[bool, str]:
    return rule != SENT, rule


def _of(name: str, week: Ints, said: Floats, left: Labels) -> Crossings:
    known = left != NO_LABEL
    judged, labels = said[known], left[known].astype(np.float64)
    difference = mean_by_week(judged - labels, week[known])
    return Crossings(name, len(said), len(judged), _mean(judged), _mean(labels), difference)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
