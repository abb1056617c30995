"""From probabilities to facts: which scores are published, which cases open, which are withheld and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.arithmetic import Array
from features.catalogue import known
from features.table import Slots
from features.view import View
from online_model.reasons import reasons
from online_model.scorer import Scorer
from streams.interventions.cases import CaseColumns, Decision, Withheld, decide
from streams.interventions.policy import Crossing, compose_intervention, compose_withheld, tier_of
from streams.interventions.profile import Profile

# Columns of a customer's row beside the aggregates. `sent_probability` is the last published score: it moves with every
# crossing of the threshold, so it is also what the next score is compared with.
CASE_COLUMNS = ("sent_probability", "armed", "case_opened_us", "pending_crossed_us")
NO_CASE = np.array([np.nan, 1.0, -np.inf, -np.inf])
WIDTH = len(CASE_COLUMNS)

Fact = tuple[int, str, bytes]  # decided at us, customer, message


@dataclass(frozen=True, slots=True)
class Scored:
    """Active customers scored at their instants: everything of shape (n,) or (.., n)."""

    slots: Slots
    names: Callable[[int], str]
    view: View
    at_us: Array
    first_known_us: Array
    probability: Array
    raw: Array  # (features, n) in their units
    x: Array  # (features, n) scaled
    scorer: Scorer


@dataclass
class Crossings:
    """Decides for scored customers; keeps the messages until `flush` puts them into order."""

    profile: Profile
    interventions: list[Fact] = field(default_factory=list)
    withheld: list[Fact] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def decide(self, scored: Scored, cases: Array, hold: Withheld) -> tuple[Array, NDArray[np.bool_]]:
        """cases: (WIDTH, n) -> the new ones and which of them published a score or changed."""
        before, p = CaseColumns(*cases), scored.probability
        if not scored.scorer.snapshot.ready:
            hold = Withheld.MODEL_NOT_READY
        decision = decide(self.profile.case, before, p, scored.first_known_us, scored.at_us, hold)
        for i in np.flatnonzero(decision.opened | (decision.withheld > 0)).tolist():
            self._compose(scored, before, decision, i)
        after = np.stack([np.where(self._published(before[0], p), p, before[0]), *decision.columns[1:]])
        changed = ((after != cases) & ~(np.isnan(after) & np.isnan(cases))).any(axis=0)
        return after, changed

    def flush(self) -> tuple[list[Fact], list[Fact], Counter[str]]:
        """Interventions and withheld ones since the last call, in the order of (instant, customer); their counts."""
        out = sorted(self.interventions), sorted(self.withheld), self.counts
        self.interventions, self.withheld, self.counts = [], [], Counter()
        return out

    def _published(self, sent: Array, p: Array) -> NDArray[np.bool_]:
        threshold = self.profile.case.threshold
        moved = np.abs(p - sent) >= self.profile.scores.min_change
        published: NDArray[np.bool_] = np.isnan(sent) | moved | ((p > threshold) != (sent > threshold))
        return published

    def _compose(self, scored: Scored, before: CaseColumns, decision: Decision, i: int) -> None:
        raw, x, scorer = scored.raw[:, i], scored.x[:, i], scored.scorer
        contributions, above = scorer.contributions(x[:, None])[:, 0], x > scorer.snapshot.mean
        sent, customer, at_us = float(before[0][i]), scored.names(int(scored.slots[i])), int(scored.at_us[i])
        crossing = Crossing(
            customer_id=customer,
            crossed_at_us=int(decision.crossed_at_us[i]),
            decided_at_us=at_us,
            probability=float(scored.probability[i]),
            previous_probability=None if np.isnan(sent) else sent,
            reasons=reasons(raw, contributions, above, known(scored.view.of(i))[:, 0]),
            model_version=scorer.snapshot.version,
        )
        if decision.opened[i]:
            self.counts[f"tier_{tier_of(self.profile, crossing.probability).name}"] += 1
            self.interventions.append((at_us, customer, compose_intervention(self.profile, crossing, at_us)))
        else:
            why = Withheld(decision.withheld[i])
            self.counts[f"withheld_{why.name.lower()}"] += 1
            message = compose_withheld(self.profile, crossing, at_us, why)
            self.withheld.append((at_us, customer, message))
