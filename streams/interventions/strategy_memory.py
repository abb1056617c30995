"""What closed cases say of the strategies: counts of the partitions, and the weights that follow from them.

A case counts once, when it is measured, for the tier and the strategy it was drawn in and the week in which it crossed.
The learner adds the counts up and gives weights with the model of each grid instant, frozen until the next. A strategy
that loses its lift has its memory restarted: what it did before that week no longer speaks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from features.portable_math import Array
from schemas.alerts import Alert, AlertKind
from schemas.instants import WEEK_US, format_instant, parse_instant
from streams.experiments.fatigue import Fatigue
from streams.experiments.weights import best_shares, with_floor
from streams.inputs.schedule import next_grid
from streams.interventions.case import Case
from streams.interventions.stop_loss import Judged, added
from streams.profile.profile import Profile

HOLDOUT = "holdout"
MEMORY_WEEKS = 104
TOLD_WEEKS = 4  # so long it is told that one was restarted
WEIGHT_DIGITS = 6
Restarted = dict[str, dict[str, int]]  # tier -> strategy -> us since which it counts


def closed(case: Case, *, returned: bool) -> Judged:
    """Returns the count of one measured case, by `tier/week/strategy`."""
    week = format_instant(next_grid(case.crossed_us) - WEEK_US)
    arm = HOLDOUT if case.holdout else case.strategy
    return {f"{case.opened_tier or case.tier}/{week}/{arm}": (1, int(returned))}


class StrategyMemory:
    """The learner's part: counts of all partitions."""

    def __init__(self, profile: Profile) -> None:
        self.profile, self.counts, self.restarted = profile, Judged(), Restarted()
        strategies = profile.strategies if profile.exploration.mode == "adaptive" else ()
        self.arms = {t.name: [one.name for one in strategies if t.name in one.tiers] for t in profile.tiers}
        self.arms = {tier: names for tier, names in self.arms.items() if names}

    def learn(self, counts: Judged, at_us: int) -> None:
        """Adds the counts of a grid instant, and restarts the memory of strategies that lose their lift."""
        first = format_instant(at_us - MEMORY_WEEKS * WEEK_US)
        self.counts = {key: count for key, count in added(self.counts, counts).items() if key.split("/")[1] >= first}
        last_us = at_us - self._closes_after_us  # weeks up to it have closed
        for tier, names in self.arms.items():
            for name in names:
                if self._is_tired(tier, name, last_us):
                    self.restarted.setdefault(tier, {})[name] = last_us

    def weights(self) -> dict[str, dict[str, float]]:
        """Returns the share of each strategy, by tier."""
        found, floor = {}, self.profile.exploration.floor
        for tier, names in self.arms.items():
            n, hits = self._table(tier, names, sorted(self._weeks(tier)))
            for place, name in enumerate(names):
                forgotten = [week < self._since_us(tier, name) for week in sorted(self._weeks(tier))]
                n[forgotten, place] = hits[forgotten, place] = 0.0
            shares = with_floor(best_shares(n, hits), floor)
            found[tier] = {name: round(float(share), WEIGHT_DIGITS) for name, share in zip(names, shares, strict=True)}
        return found

    def alerts(self, now_us: int) -> list[Alert]:
        """Returns an alert for each strategy whose memory was restarted less than TOLD_WEEKS ago."""
        told_us = TOLD_WEEKS * WEEK_US + self._closes_after_us
        return [
            Alert(
                AlertKind.STRATEGY_TIRED,
                f"{tier}/{name}",
                f"strategy {name} of the tier {tier} has lost its lift against the others of the same weeks: its "
                f"weight is learned anew, from cases after {format_instant(since_us)}; change its offer, or drop it",
                {"since": format_instant(since_us)},
            )
            for tier, of in sorted(self.restarted.items())
            for name, since_us in sorted(of.items())
            if now_us - since_us < told_us
        ]

    def state(self) -> dict[str, Any]:
        """Returns the state for JSON."""
        return {"counts": self.counts, "restarted": self.restarted}

    def load(self, body: Mapping[str, Any]) -> None:
        """Restores what `state` returned; {}: a state of the release before."""
        self.counts = added({}, body.get("counts", {}))
        self.restarted = {tier: dict(of) for tier, of in body.get("restarted", {}).items()}

    def _is_tired(self, tier: str, name: str, last_us: int) -> bool:
        arms, alarm = [*self.arms[tier], HOLDOUT], Fatigue()
        weeks = [week for week in sorted(self._weeks(tier)) if self._since_us(tier, name) <= week <= last_us]
        for n, hits in zip(*self._table(tier, arms, weeks), strict=True):
            known = n > 0.0  # such as strategies that the profile has only since then
            if known[arms.index(name)]:
                alarm.add(int(known[: arms.index(name)].sum()), n[known], hits[known])
        return bool(alarm.is_tired())

    @property
    def _closes_after_us(self) -> int:
        """When after its begin all cases of a week have closed."""
        return WEEK_US + self.profile.case.last_window_us + self.profile.case.save_horizon_us

    def _since_us(self, tier: str, name: str) -> int:
        return self.restarted.get(tier, {}).get(name, 0)

    def _weeks(self, tier: str) -> set[int]:
        return {parse_instant(key.split("/")[1]) for key in self.counts if key.split("/")[0] == tier}

    def _table(self, tier: str, arms: list[str], weeks: list[int]) -> tuple[Array, Array]:
        """Returns cases and returned ones, (weeks, arms) each."""
        pairs = [[self.counts.get(f"{tier}/{format_instant(us)}/{arm}", (0, 0)) for arm in arms] for us in weeks]
        table = np.array(pairs, np.float64).reshape(len(weeks), len(arms), 2)
        return table[..., 0].copy(), table[..., 1].copy()
