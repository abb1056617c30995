"""Reasons of a score: the contribution of each topic to the log-odds, as sentences.

Features of a topic are correlated, and the model may set one against another, so only their sum is meaningful. A reason
is therefore a topic, with the sentence of the feature that supports the topic's contribution most.

Reasons are stable. A feature changes only the contribution of its own topic, by no more than its function changes:
linearly within a bin, and by the jump of the expert `steps` at the edge of a bin. The strength of the topic changes by
no more than that either, and strength alone selects the topics. So a topic that appears or disappears was close to
0, or as strong as the topic that it replaces to within twice the change. Ties go by the catalogue's order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalogue import FEATURES
from features.portable_math import Array

MOST_FOR, MOST_AGAINST = 4, 3  # fixed numbers: the reasons of one sign must not depend on those of the other
LEAST = 3
TOPICS = tuple(dict.fromkeys(feature.topic for feature in FEATURES))
TOPIC_INDEX = np.array([TOPICS.index(feature.topic) for feature in FEATURES])
RISK_DIRECTION = np.array([feature.risk_direction for feature in FEATURES])

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Reason:
    """A topic's contribution against the average active customer, with the sentence of one of its features."""

    topic: str
    feature: str
    value: float
    unit: str
    contribution: float  # log-odds, of the topic
    sentence: str
    sentence_zh: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """log_odds = average + the reasons' contributions + other: exactly, in any order of addition."""

    log_odds: float
    average: float
    other: float
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class Topics:
    """(topics,) each: the sum of the known contributions, how much of it a reason may claim, the reason's feature."""

    net: Array
    strength: Array
    feature_index: Places


def explain(average: float, raw: Array, contributions: Array, above: Flags, known: Flags) -> Explanation:
    """Returns the explanation of a score. average, contributions: of `Scorer`; the rest: as for `reasons`."""
    found, total = reasons(raw, contributions, above, known), float(contributions.sum())
    return Explanation(average + total, average, total - sum(reason.contribution for reason in found), found)


def reasons(raw: Array, contributions: Array, above: Flags, known: Flags) -> list[Reason]:
    """Returns the strongest topics that raise the score, then the strongest that lower it, but at least LEAST topics.

    raw: (features,) in their units; contributions: (features,) in log-odds; above: (features,), whether the value is
    above the average customer's; known: (features,), whether the value comes from the customer's own events: no reason
    may cite a survey that was never answered.
    """
    topics = topics_of(contributions, above, known)
    order = np.lexsort((np.arange(len(TOPICS)), ~known[topics.feature_index], -topics.strength)).tolist()
    strong = [t for t in order if topics.strength[t] > 0.0]
    found = [t for t in strong if topics.net[t] > 0.0][:MOST_FOR]
    found += [t for t in strong if topics.net[t] < 0.0][:MOST_AGAINST]
    found.sort(key=lambda t: -float(topics.net[t]))
    found += [t for t in order if t not in strong][: max(LEAST - len(found), 0)]
    return [_reason(int(topics.feature_index[t]), raw, float(topics.net[t])) for t in found]


def topics_of(contributions: Array, above: Flags, known: Flags) -> Topics:
    """Returns the topics. A feature supports its topic if its contribution has the topic's sign and its value is bad
    by itself where the score rises, good where it falls: "came in yesterday" is no reason for leaving. Strength: the
    sum of the supporting contributions, at most the topic's contribution.
    """
    share = np.where(known, contributions, 0.0)
    net = _by_topic(share)
    rises = (net > 0.0)[TOPIC_INDEX]
    supports = known & ((RISK_DIRECTION == 0) | ((above == (RISK_DIRECTION > 0)) == rises))
    support = np.where(supports, np.maximum(np.where(rises, share, -share), 0.0), 0.0)
    order = np.lexsort((np.arange(len(share)), -np.abs(share), ~known, -support))
    _, first = np.unique(TOPIC_INDEX[order], return_index=True)
    feature_index: Places = order[first]
    return Topics(net, np.minimum(np.abs(net), _by_topic(support)), feature_index)


def _by_topic(of_features: Array) -> Array:
    return np.bincount(TOPIC_INDEX, of_features).astype(np.float64)


def _reason(i: int, raw: Array, contribution: float) -> Reason:
    feature, value = FEATURES[i], float(raw[i])
    sentence, sentence_zh = feature.say(value), feature.say_zh(value)
    return Reason(feature.topic, feature.name, value, feature.unit, contribution, sentence, sentence_zh)
