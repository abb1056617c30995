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
TOPIC_INDEX = np.array([sorted(set(TOPICS)).index(topic) for topic in TOPICS])
WORSE = np.array([feature.worse for feature in FEATURES])

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's share of a score, against the average active customer."""

    feature: str
    value: float
    unit: str
    contribution: float  # log-odds
    sentence: str


def reasons(raw: Array, contributions: Array, above: Flags, known: Flags) -> list[Reason]:
    """The strongest feature of each topic that raises the score, at most MOST; at least LEAST, whatever they do.

    raw: (features,) in their units; contributions: (features,) in log-odds; above: (features,), whether the value is
    above the average customer's; known: (features,), what is of the customer's own events, so that nobody is told of a
    survey that was never answered. Features of a topic are correlated, and a linear model sets one against another: a
    topic counts if its features raise the score together, and of them one that is bad news by itself is told.
    """
    net = np.bincount(TOPIC_INDEX, np.where(known, contributions, 0.0)) > 0.0
    bad_news = known & ((WORSE == 0) | (above == (WORSE > 0)))
    telling = bad_news & (contributions > 0) & net[TOPIC_INDEX]
    order = np.lexsort((np.arange(len(raw)), -contributions, ~known, ~bad_news, ~telling)).tolist()
    first: dict[str, int] = {}
    for i in order:
        first.setdefault(TOPICS[i], i)
    found = [i for i in first.values() if telling[i]][:MOST]
    found += [i for i in order if i not in found][: max(LEAST - len(found), 0)]
    return [_reason(i, float(raw[i]), float(contributions[i])) for i in found]


def _reason(i: int, value: float, contribution: float) -> Reason:
    feature = FEATURES[i]
    return Reason(feature.name, value, feature.unit, contribution, feature.say(value))
