"""Why a customer's probability is what it is: the features that push it up most, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.arithmetic import Array
from features.catalogue import FEATURES

MOST = 5
LEAST = 3
TOPICS = tuple(feature.topic for feature in FEATURES)


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's share of a score, against the average active customer."""

    feature: str
    value: float
    unit: str
    contribution: float  # log-odds
    sentence: str


def reasons(raw: Array, contributions: Array, known: NDArray[np.bool_]) -> list[Reason]:
    """The strongest known feature of each topic that raises the score, at most MOST; at least LEAST, whatever they do.

    raw: (features,) in their units; contributions: (features,) in log-odds; known: (features,), what is of the
    customer's own events, so that nobody is told of a survey that was never answered.
    """
    share = np.where(known, contributions, -np.inf).tolist()
    best: dict[str, int] = {}
    for i, topic in enumerate(TOPICS):
        if share[i] > share[best.setdefault(topic, i)]:
            best[topic] = i
    raising = sorted((i for i in best.values() if share[i] > 0), key=lambda i: -share[i])[:MOST]
    if len(raising) < LEAST:
        rest = sorted((i for i in range(len(share)) if i not in raising), key=lambda i: -share[i])
        raising += rest[: LEAST - len(raising)]
    return [_reason(i, float(raw[i]), float(contributions[i])) for i in raising]


def _reason(i: int, value: float, contribution: float) -> Reason:
    feature = FEATURES[i]
    return Reason(feature.name, value, feature.unit, contribution, feature.say(value))
