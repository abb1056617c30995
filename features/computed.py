"""Features that combine several aggregates, and functions that create a series of similar features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from features import day_rings
from features.aggregates import Aggregate, Decayed, First, Last, Latest, RecentDays, Total
from features.feature import Feature, Topic, decayed
from features.portable_math import Array
from features.regularity import WINDOWS, Regularity
from features.signals import (
    COMPLAINTS,
    KNOWN,
    LEVEL,
    RESOLVED,
    RETAINED,
    SURVEYS,
    naming,
)
from features.view import View, ratio

NEUTRAL_LEVEL = 60.0  # of 100: the level of a customer without surveys


def silence(pseudo_days: int) -> Feature:
    """Returns a feature: evidence, by the customer's own rhythm, that the customer has left (View.silence_evidence)."""
    count = Total(RETAINED)
    return Feature(
        f"silence_evidence_{pseudo_days}d",
        "log odds",
        "recency",
        "log",
        (count, First(RETAINED), Last(RETAINED)),
        lambda v: v.silence_evidence(v.get(count), RETAINED, pseudo_days),
        "0",
        requires=Last(RETAINED),
        risk_direction=1,
    )


def regular(
    name: str,
    unit: str,
    topic: Topic,
    of: Callable[[Regularity], Array],
    missing: str,
    size: float | None = None,
    risk_direction: Literal[-1, 0, 1] = 0,
) -> Feature:
    """Returns a feature of `View.regularity`. size: of a linear feature; None: its scale is log."""
    ring = (RecentDays(RETAINED, part) for part in range(day_rings.COLUMNS))
    uses: tuple[Aggregate, ...] = (*ring, Last(RETAINED), First(KNOWN))
    return Feature(
        name,
        unit,
        topic,
        "log" if size is None else "linear",
        uses,
        lambda v: of(v.regularity),
        missing,
        size or 1.0,
        requires=Last(RETAINED),
        risk_direction=risk_direction,
    )


def within(window_days: int) -> Callable[[Regularity], Array]:
    """Returns the computation of the newest days within one of `regularity.WINDOWS`."""
    place = WINDOWS.index(window_days)
    return lambda r: r.within[place]


def gap_days(v: View) -> Array:
    """Returns the mean days between retention events; the tenure where there are fewer than two."""
    return ratio(v.days_between(RETAINED), v.get(Total(RETAINED)) - 1.0, v.tenure_days)


def overdue(v: View) -> Array:
    """Returns days since the last retention event divided by the customer's own mean gap (a week is added to both)."""
    return (v.days_since(RETAINED) + 7.0) / (gap_days(v) + 7.0)


def complaints_open(v: View) -> Array:
    """Returns the number of complaints opened minus those resolved, at least 0."""
    return np.maximum(v.get(Total(COMPLAINTS)) - v.get(Total(RESOLVED)), 0.0)


def complaint_age_days(v: View) -> Array:
    """Returns days since the last complaint was opened, 0 unless a complaint is open."""
    return np.where(complaints_open(v) > 0, v.days_since(COMPLAINTS), 0.0)


def survey_level(v: View) -> Array:
    """Returns the mean survey level; recent surveys weigh more."""
    return ratio(v.get(Decayed(LEVEL, 112)), v.get(Decayed(SURVEYS, 112)), NEUTRAL_LEVEL)


def survey_last(v: View) -> Array:
    """Returns the level of the last survey."""
    return np.where(v.get(Last(LEVEL)) > -np.inf, v.get(Latest(LEVEL)), NEUTRAL_LEVEL)


def survey_trend(v: View) -> Array:
    """Returns the level of the last survey minus the customer's mean of all surveys."""
    return survey_last(v) - ratio(v.get(Total(LEVEL)), v.get(Total(SURVEYS)), NEUTRAL_LEVEL)


def named(cause: str) -> Feature:
    """Returns a feature: how often surveys name a cause; recent surveys weigh more."""
    return decayed(f"cause_{cause}", "surveys", "cause", naming(cause), 112, risk_direction=1)
