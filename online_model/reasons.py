"""Why a customer's probability is what it is: what each topic adds to its log-odds, in sentences.

Features of a topic are correlated, and a model sets one against another: only their sum means something, so a reason is
a topic, with the sentence of the feature that speaks most for what the topic does.

Reasons are stable. A feature moves its own topic's contribution alone, by no more than its function does: straight
within a bin of the scale, and at the edge of a bin by what the expert of steps jumps there. No topic's strength moves
by more than that either, and nothing else decides which topics are told: a topic that comes or goes was next to
nothing, or as strong as the one it changes places with to within twice the change. Ties go by the catalogue's order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalogue import FEATURES
from features.portable_math import Array

MOST_FOR, MOST_AGAINST = 4, 3  # fixed numbers of each: what is told of one sign must not depend on the other
LEAST = 3
TOPICS = tuple(dict.fromkeys(feature.topic for feature in FEATURES))
TOPIC_INDEX = np.array([TOPICS.index(feature.topic) for feature in FEATURES])
WORSE = np.array([feature.worse for feature in FEATURES])

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Reason:
    """A topic's share of a score, against the average active customer, said by one of its features."""

    topic: str
    feature: str
    value: float
    unit: str
    contribution: float  # log-odds, of the topic
    sentence: str
    sentence_zh: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """log_odds = average + the reasons' contributions + other: exactly, in whatever order they are added."""

    log_odds: float
    average: float
    other: float
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class Topics:
    """(topics,) each: the sum of what is known, how strongly that can be said, and by which feature."""

    net: Array
    strength: Array
    feature_index: Places


def explain(average: float, raw: Array, contributions: Array, above: Flags, known: Flags) -> Explanation:
    """average, contributions: of `Scorer`; the rest as of `reasons`."""
    found, total = reasons(raw, contributions, above, known), float(contributions.sum())
    return Explanation(average + total, average, total - sum(reason.contribution for reason in found), found)


def reasons(raw: Array, contributions: Array, above: Flags, known: Flags) -> list[Reason]:
    """The strongest topics that raise the score, then the strongest that lower it. At least LEAST, whatever they do.

    raw: (features,) in their units; contributions: (features,) in log-odds; above: (features,), whether the value is
    above the average customer's; known: (features,), what is of the customer's own events, so that nobody is told of a
    survey that was never answered.
    """
    topics = topics_of(contributions, above, known)
    order = np.lexsort((np.arange(len(TOPICS)), ~known[topics.feature_index], -topics.strength)).tolist()
    speaking = [t for t in order if topics.strength[t] > 0.0]
    found = [t for t in speaking if topics.net[t] > 0.0][:MOST_FOR]
    found += [t for t in speaking if topics.net[t] < 0.0][:MOST_AGAINST]
    found.sort(key=lambda t: -float(topics.net[t]))
    found += [t for t in order if t not in speaking][: max(LEAST - len(found), 0)]
    return [_reason(int(topics.feature_index[t]), raw, float(topics.net[t])) for t in found]


def topics_of(contributions: Array, above: Flags, known: Flags) -> Topics:
    """A feature speaks for its topic if it pulls the same way, and is bad news by itself where the score rises, good
    news where it falls: "came in yesterday" is no reason why somebody leaves. Strength: what all that speak for the
    topic add, but no more than the topic does.
    """
    share = np.where(known, contributions, 0.0)
    net = _by_topic(share)
    rises = (net > 0.0)[TOPIC_INDEX]
    speaks = known & ((WORSE == 0) | ((above == (WORSE > 0)) == rises))
    support = np.where(speaks, np.maximum(np.where(rises, share, -share), 0.0), 0.0)
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
