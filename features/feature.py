"""The fields of a feature, and functions that create features of the usual forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.aggregates import Aggregate, Decayed, First, Last, Signal, Total
from features.portable_math import Array
from features.signals import KNOWN
from features.view import View, ratio

Topic = Literal[
    "recency", "frequency", "spend", "service", "activity", "complaint", "survey", "cause", "calendar", "market"
]

TREND_FLOOR = 0.05  # with fewer events in the long window the trend is 0


@dataclass(frozen=True)
class Feature:
    """A number about a customer, as the model sees it. What an adviser is told instead: features.claims."""

    name: str
    unit: str
    topic: Topic
    scale: Literal["log", "linear"]
    uses: tuple[Aggregate, ...]
    compute: Callable[[View], Array]
    missing: str
    size: float = 1.0  # a large step of a linear feature, in its unit
    requires: Aggregate | None = None  # the missing rule applies until it has an event; None: the value is always known
    risk_direction: Literal[-1, 0, 1] = 0  # a lower (-1) or higher (1) value than average means more risk; 0: either
    is_sum: bool = False  # the value is the first aggregate as it is, so that all of them are taken at once

    @property
    def aggregate(self) -> str:
        """Returns the aggregates that the feature is computed from, as text."""
        return ", ".join(map(repr, self.uses))


def total(name: str, unit: str, topic: Topic, signal: Signal) -> Feature:
    """Returns a feature: the sum over all events; 0 without events."""
    uses = Total(signal)
    return Feature(name, unit, topic, "log", (uses,), lambda v: v.get(uses), "0", risk_direction=-1, is_sum=True)


def decayed(
    name: str, unit: str, topic: Topic, signal: Signal, days: int, risk_direction: Literal[-1, 1] = -1
) -> Feature:
    """Returns a feature: the sum, where the weight of an event halves every `days` days; 0 without events."""
    uses = Decayed(signal, days)
    unit = f"{unit}, half as much every {days} days"
    return Feature(
        name, unit, topic, "log", (uses,), lambda v: v.get(uses), "0", risk_direction=risk_direction, is_sum=True
    )


def since(name: str, topic: Topic, signal: Signal) -> Feature:
    """Returns a feature: days since the last event of the signal."""
    uses = (Last(signal), First(KNOWN))
    return Feature(
        name,
        "days",
        topic,
        "log",
        uses,
        lambda v: v.days_since(signal),
        "days since the first event of any kind",
        requires=uses[0],
        risk_direction=1,
    )


def mean(
    name: str,
    unit: str,
    topic: Topic,
    part: Aggregate,
    whole: Aggregate,
    missing: float,
    risk_direction: Literal[-1, 1],
) -> Feature:
    """Returns a feature: part / whole, two sums with the same decay."""
    return Feature(
        name,
        unit,
        topic,
        "log",
        (part, whole),
        lambda v: ratio(v.get(part), v.get(whole), missing),
        str(missing),
        requires=whole,
        risk_direction=risk_direction,
    )


def trend(name: str, topic: Topic, signal: Signal) -> Feature:
    """Returns a feature: events of the last weeks relative to the last months. 1: steady, 0: stopped, 4: just begun."""
    short, long = Decayed(signal, 28), Decayed(signal, 112)

    def compute(v: View) -> Array:
        known = v.get(long)
        return ratio(4.0 * v.get(short), np.where(known > TREND_FLOOR, known, 0.0), 0.0)

    return Feature(
        name,
        "ratio",
        topic,
        "linear",
        (short, long),
        compute,
        "0",
        requires=long,
        risk_direction=-1,
    )
