"""Why a customer's probability is what it is: the features that push it up most, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from features.arithmetic import Array
from features.catalogue import FEATURES

MOST = 5
LEAST = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's share of a score, against the average active customer."""

    feature: str
    value: float
    unit: str
    contribution: float  # log-odds
    sentence: str


def reasons(raw: Array, contributions: Array) -> list[Reason]:
    """The strongest feature of each topic that raises the score, at most MOST; at least LEAST, whatever they do.

    raw: (features,) in their units; contributions: (features,) in log-odds.
    """
    order = sorted(range(len(FEATURES)), key=lambda i: (-contributions[i], i))
    best: dict[str, int] = {}
    for i in order:
        best.setdefault(FEATURES[i].topic, i)
    raising = [i for i in best.values() if contributions[i] > 0][:MOST]
    chosen = raising + [i for i in order if i not in raising][: max(0, LEAST - len(raising))]
    return [_reason(i, float(raw[i]), float(contributions[i])) for i in chosen]


def _reason(i: int, value: float, contribution: float) -> Reason:
    feature = FEATURES[i]
    return Reason(feature.name, value, feature.unit, contribution, feature.say(value))
