"""Reasons of a score: the contribution of each topic to the log-odds, as sentences about exact facts.

Features of a topic are correlated, and the model may set one against another, so only their sum is meaningful. A reason
is therefore a topic, with what can be said for the feature that supports the topic's contribution most
(`features.claims`). A topic of which nothing true can be said in that direction is no reason.

Strength alone orders the topics, and it is stable: a feature changes only the contribution of its own topic, by no more
than its function changes: linearly within a bin, and by the jump of the expert `steps` at the edge of a bin. Ties go by
the catalogue's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from features.catalogue import FEATURES, NAMES
from features.claims import Said
from features.facts import Fact
from features.feature import Feature
from features.portable_math import Array

MOST_FOR, MOST_AGAINST = 4, 3  # fixed numbers: the reasons of one sign must not depend on those of the other
LEAST = 0.05  # log-odds: what moves a probability by a point at most is no reason
TOPICS = tuple(dict.fromkeys(feature.topic for feature in FEATURES))
OF_TOPIC = [[i for i, feature in enumerate(FEATURES) if feature.topic == topic] for topic in TOPICS]  # indexes
NOTE = TOPICS.index("market")  # a note rather than a reason
TOPIC_INDEX = np.array([TOPICS.index(feature.topic) for feature in FEATURES])
RISK_DIRECTION = np.array([feature.risk_direction for feature in FEATURES])

Flags = NDArray[np.bool_]
Say = Callable[[str, bool], Said | None]  # feature, whether it raises the risk -> what is true of it


@dataclass(frozen=True, slots=True)
class Reason:
    """A topic's contribution against the average active customer, with what is true of one of its features."""

    topic: str
    feature: str
    value: float
    unit: str
    contribution: float  # log-odds, of the topic
    sentence: str
    sentence_zh: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """log_odds = average + the contributions of `reasons` and `reasons_against` + other, in any order of addition."""

    log_odds: float
    average: float
    other: float
    reasons: list[Reason]  # what raises the risk
    reasons_against: list[Reason]  # what lowers it


@dataclass(frozen=True, slots=True)
class Topics:
    """net, strength: (topics,), the sum of the known contributions, and how much of it a reason may claim; support:
    (features,), how much each feature supports the contribution of its topic."""

    net: Array
    strength: Array
    support: Array


def explain(average: float, contributions: Array, found: Sequence[Reason]) -> Explanation:
    """Returns the explanation of a score. average, contributions: of `Scorer`; found: its `reasons`."""
    total = float(contributions.sum())
    rest = total - sum(reason.contribution for reason in found)
    raising, lowering = ([reason for reason in found if (reason.contribution >= 0) == sign] for sign in (True, False))
    return Explanation(average + total, average, rest, raising, lowering[::-1])


def reasons(raw: Array, contributions: Array, above: Flags, known: Flags, say: Say) -> list[Reason]:
    """Returns the strongest reasons that raise the score, and the strongest that lower it, by contribution.

    raw: (features,) in their units; contributions: (features,) in log-odds; above: (features,), whether the value is
    above the average customer's; known: (features,), whether the value comes from the customer's own events; say: what
    can be said of a feature.
    """
    topics = topics_of(contributions, above, known)
    net, strength, support = topics.net.tolist(), topics.strength.tolist(), topics.support.tolist()
    strong = sorted((t for t in range(len(TOPICS)) if strength[t] >= LEAST and t != NOTE), key=lambda t: -strength[t])
    found: list[Reason] = []
    for raises, most in ((True, MOST_FOR), (False, MOST_AGAINST)):
        said = (_reason(t, net[t], support, raw, say) for t in strong if (net[t] > 0.0) == raises)
        found += islice((reason for reason in said if reason is not None), most)
    found += _note(net[NOTE], raw, say)
    return sorted(found, key=lambda reason: -reason.contribution)


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
    return Topics(net, np.minimum(np.abs(net), _by_topic(support)), support)


def _by_topic(of_features: Array) -> Array:
    return np.bincount(TOPIC_INDEX, of_features).astype(np.float64)


def _note(net: float, raw: Array, say: Say) -> list[Reason]:
    """Returns what is always said, if there is something to say, however little it contributes: what presses from
    outside is known to who acts, and the model learns of it only after a horizon.
    """
    feature = FEATURES[OF_TOPIC[NOTE][0]]
    said = say(feature.name, net > 0.0)
    return [] if said is None else [_of(feature, net, raw, said)]


def _reason(topic: int, net: float, support: Sequence[float], raw: Array, say: Say) -> Reason | None:
    """Returns the reason of a topic; None: nothing true can be said for its contribution."""
    for i in sorted((i for i in OF_TOPIC[topic] if support[i] > 0.0), key=lambda i: -support[i]):
        feature, said = FEATURES[i], say(FEATURES[i].name, net > 0.0)
        if said is not None:
            return _of(feature, net, raw, said)
    return None


def _of(feature: Feature, net: float, raw: Array, said: Said) -> Reason:
    value = float(raw[NAMES.index(feature.name)])
    return Reason(feature.topic, feature.name, value, feature.unit, net, said.sentence, said.sentence_zh, said.facts)
