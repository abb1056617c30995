"""Promotion: challengers are compared with the champion by prequential log loss, until a difference is significant.

A round is an instant with all customers that both have predicted. Its gain is the champion's mean log loss less the
challenger's, clipped to +-most_a_week. The null hypothesis is that the expected gain was above least_gain in no week.
A challenger is promoted as soon as that is rejected (`confidence_sequences`). Between two promotions, a wrong promotion
has a probability of at most alpha, for any number of tests and of challengers. The old champion continues as a
challenger. The comparison then starts again with observations made after the promotion: those before it, also the ones
not yet labelled, influenced the choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from features.portable_math import Array
from online_model.confidence_sequences import BoundedMean
from online_model.expert_weights import mean_loss
from online_model.parameters import SERVED
from schemas.instants import WEEK_US, format_instant


@dataclass(frozen=True, slots=True)
class Promotion:
    """The rule of promotion. Gains are in nats of log loss."""

    alpha: float = 0.05
    least_gain: float = 0.0
    most_a_week: float = 0.005


@dataclass(frozen=True, slots=True)
class Comparison:
    """A challenger against the champion, so far. gain: the mean; low, high: its bounds, each of which is ever wrong
    with at most the challenger's share of alpha; evidence: the challenger is promoted at `needed`.
    """

    rounds: int
    gain: float | None
    low: float
    high: float
    evidence: float
    needed: float


class ChampionChallenger:
    """Rounds of each challenger against the present champion."""

    def __init__(self, rule: Promotion, horizon_weeks: int, challengers: int) -> None:
        """horizon_weeks: rounds at least this far apart do not overlap."""
        self.rule, self.horizon_weeks = rule, horizon_weeks
        self.alpha = rule.alpha / max(challengers, 1)
        self.start(0)

    def start(self, since_us: int) -> None:
        """Starts the comparison again, for a new champion. since_us: earlier observations do not count."""
        self.since_us = since_us
        self.rounds: dict[str, list[tuple[int, float]]] = {}  # (us, gain)
        self._means: dict[str, BoundedMean] = {}

    def update(self, observed_us: int, champion: str, said: Mapping[str, Array], y: Array, weight: Array) -> None:
        """Adds an instant; instants come in order. said: model variant -> (rows, n) of
        `MixtureOfExperts.expert_log_odds`, NaN: no prediction; y, weight: (n,), weights above 0. The order of customers
        does not matter.
        """
        if champion not in said or observed_us < self.since_us:
            return
        most, served = self.rule.most_a_week, {name: rows[SERVED] for name, rows in said.items()}
        for name in served.keys() - {champion}:
            both = ~np.isnan(served[champion] + served[name])
            if both.any():
                losses = [mean_loss(served[one][both], y[both], weight[both]) for one in (champion, name)]
                self._add(name, observed_us, min(max(losses[0] - losses[1], -most), most))

    def comparison(self, challenger: str) -> Comparison:
        """Returns the comparison so far."""
        mean = self._means.get(challenger) or self._nothing()
        return Comparison(mean.rounds, mean.mean, mean.low, mean.high, mean.evidence, 1.0 / self.alpha)

    def evidence(self, champion: str, challenger: str) -> dict[str, Any]:
        """Returns the evidence for the record of a promotion."""
        first, last = (format_instant(self.rounds[challenger][i][0]) for i in (0, -1))
        names = {"champion": champion, "challenger": challenger, "first": first, "last": last}
        return names | asdict(self.comparison(challenger)) | asdict(self.rule)

    def state(self) -> dict[str, Any]:
        """Returns the state for JSON; `load` restores every bit."""
        return {"since_us": self.since_us, "rounds": self.rounds}

    def load(self, body: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        self.start(body["since_us"])
        for name, rounds in body["rounds"].items():
            for observed_us, gain in rounds:
                self._add(name, observed_us, gain)

    def _add(self, challenger: str, observed_us: int, gain: float) -> None:
        self.rounds.setdefault(challenger, []).append((observed_us, gain))
        self._means.setdefault(challenger, self._nothing()).add(observed_us // WEEK_US, gain)

    def _nothing(self) -> BoundedMean:
        return BoundedMean(self.horizon_weeks, self.rule.most_a_week, self.rule.least_gain, self.alpha)


def winner(comparisons: Mapping[str, Comparison]) -> str | None:
    """Returns the challenger with enough evidence, of several the one of greatest gain; None without one."""
    sure = [name for name, one in sorted(comparisons.items()) if one.evidence >= one.needed]
    return max(sure, key=lambda name: comparisons[name].gain or 0.0) if sure else None
