"""Challengers against the champion: who is better by what was said at the time, and since when that is sure.

A round is an instant with all its customers of whom both have said something; its gain is the champion's mean log loss
less the challenger's, cut to +-most_a_week. A challenger takes the champion's place as soon as it is refused that in no
week its expected gain was above least_gain (`betting`): by one promotion and the next, a wrong one has a chance of at
most alpha, however often one looks and however many challengers there are. The champion goes on as a challenger, and
everything starts again with what is observed from then on: what was under way had its part in the choice.
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
    """The rule. Gains are in nats of log loss."""

    alpha: float = 0.05
    least_gain: float = 0.0
    most_a_week: float = 0.005


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of a challenger so far. gain: its mean; low, high: bounds, each wrong ever with the challenger's share of alpha;
    evidence: promotion comes at `needed`.
    """

    rounds: int
    gain: float | None
    low: float
    high: float
    evidence: float
    needed: float


class ChampionChallenger:
    """Rounds of each challenger against the champion of now."""

    def __init__(self, rule: Promotion, horizon_weeks: int, challengers: int) -> None:
        """horizon_weeks: a round this much later overlaps no more."""
        self.rule, self.horizon_weeks = rule, horizon_weeks
        self.alpha = rule.alpha / max(challengers, 1)
        self.start(0)

    def start(self, since_us: int) -> None:
        """Another champion. since_us: of the observations that count."""
        self.since_us = since_us
        self.rounds: dict[str, list[tuple[int, float]]] = {}  # (us, gain)
        self._means: dict[str, BoundedMean] = {}

    def update(self, observed_us: int, champion: str, said: Mapping[str, Array], y: Array, weight: Array) -> None:
        """An instant; in order. said: of each contender, (rows, n) as of `MixtureOfExperts.said`, NaN: of whom nothing;
        y, weight: (n,), weights above 0. The order of customers does not show.
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
        """As it stands."""
        mean = self._means.get(challenger) or self._nothing()
        return Comparison(mean.rounds, mean.mean, mean.low, mean.high, mean.evidence, 1.0 / self.alpha)

    def evidence(self, champion: str, challenger: str) -> dict[str, Any]:
        """What the record of a promotion says."""
        first, last = (format_instant(self.rounds[challenger][i][0]) for i in (0, -1))
        names = {"champion": champion, "challenger": challenger, "first": first, "last": last}
        return names | asdict(self.comparison(challenger)) | asdict(self.rule)

    def state(self) -> dict[str, Any]:
        """For JSON; `load` gives back the same bits."""
        return {"since_us": self.since_us, "rounds": self.rounds}

    def load(self, body: dict[str, Any]) -> None:
        """What `state` gave."""
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
    """Whose evidence is enough; of several the one that gained most."""
    sure = [name for name, one in sorted(comparisons.items()) if one.evidence >= one.needed]
    return max(sure, key=lambda name: comparisons[name].gain or 0.0) if sure else None
