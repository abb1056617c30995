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

Topic = Literal["recency", "frequency", "spend", "service", "activity", "complaint", "survey", "cause", "calendar"]

SPANS = {7: ("week", "一周"), 28: ("month", "一个月"), 112: ("four months", "四个月")}
TREND_FLOOR = 0.05  # with fewer events in the long window the trend is 0


@dataclass(frozen=True)
class Feature:
    """A number about a customer, and its sentence for an adviser in English and in Chinese (_zh)."""

    name: str
    unit: str
    topic: Topic
    scale: Literal["log", "linear"]
    uses: tuple[Aggregate, ...]
    compute: Callable[[View], Array]
    missing: str
    sentence: str
    sentence_zh: str
    size: float = 1.0  # a large step of a linear feature, in its unit
    requires: Aggregate | None = None  # the missing rule applies until it has an event; None: the value is always known
    risk_direction: Literal[-1, 0, 1] = 0  # a lower (-1) or higher (1) value than average means more risk; 0: either
    zero_sentence: str = ""  # replaces the sentence where the value rounds to 0; empty: the sentence is kept
    zero_sentence_zh: str = ""

    @property
    def aggregate(self) -> str:
        """Returns the aggregates that the feature is computed from, as text."""
        return ", ".join(map(repr, self.uses))

    def say(self, value: float) -> str:
        """Returns the sentence for an adviser, in English."""
        return self.zero_sentence if self.zero_sentence and value < 0.5 else self.sentence.format(value=value)

    def say_zh(self, value: float) -> str:
        """Returns the sentence for an adviser, in Chinese."""
        return self.zero_sentence_zh if self.zero_sentence_zh and value < 0.5 else self.sentence_zh.format(value=value)


def total(name: str, unit: str, topic: Topic, signal: Signal, sentence: str, sentence_zh: str) -> Feature:
    """Returns a feature: the sum over all events; 0 without events."""
    uses = Total(signal)
    return Feature(
        name, unit, topic, "log", (uses,), lambda v: v.get(uses), "0", sentence, sentence_zh, risk_direction=-1
    )


def decayed(
    name: str,
    unit: str,
    topic: Topic,
    signal: Signal,
    days: int,
    what: str,
    what_zh: str,
    risk_direction: Literal[-1, 1] = -1,
) -> Feature:
    """Returns a feature: the sum, where the weight of an event halves every `days` days; 0 without events.

    what: what is counted, as an adviser calls it; what_zh: in Chinese, with the measure word, if any, after a space.
    """
    uses, (span, span_zh), (named, *counted) = Decayed(signal, days), SPANS[days], what_zh.rsplit(" ", 1)
    return Feature(
        name,
        unit,
        topic,
        "log",
        (uses,),
        lambda v: v.get(uses),
        "0",
        f"{what[0].upper()}{what[1:]} in about the last {span}: {{value:.0f}}",
        " ".join([f"最近{span_zh}{named}约 {{value:.0f}}", *counted]),
        risk_direction=risk_direction,
        zero_sentence=f"Hardly any {what} in about the last {span}",
        zero_sentence_zh=f"最近{span_zh}几乎没有{named}",
    )


def since(name: str, topic: Topic, signal: Signal, sentence: str, sentence_zh: str) -> Feature:
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
        sentence,
        sentence_zh,
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
    sentence: str,
    sentence_zh: str,
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
        sentence,
        sentence_zh,
        requires=whole,
        risk_direction=risk_direction,
    )


def trend(name: str, topic: Topic, signal: Signal, sentence: str, sentence_zh: str) -> Feature:
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
        sentence,
        sentence_zh,
        requires=long,
        risk_direction=-1,
    )
