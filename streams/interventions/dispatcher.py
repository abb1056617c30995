"""The dispatcher: grants candidates within limits shared by all partitions, budgets and the capacity of teams.

The candidates of an instant are ranked by expected net value, the highest first. Each is granted if every limit that
concerns it has room; else it is refused by the first that has none, until the end of the period of that limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from schemas.instants import DAY_US, EPOCH
from schemas.internal_messages import Candidate
from streams.inputs.names import short_name
from streams.profile.contact_sections import BudgetLimit, Limits, Team

MONTHS = 12
AGENT = "agent:"
MOST_USED = 5_000  # agents beyond it have the limit of their team alone, for that day


class PartitionCandidate(Candidate):
    """A candidate and its partition; cost in the profile's currency, of an upgrade the difference of the budgets."""

    partition: int


class Grant(NamedTuple):
    """The answer to a candidate; rule None: granted."""

    candidate: PartitionCandidate
    rule: Literal["budget", "capacity"] | None
    retry_us: int | None


@dataclass
class Dispatcher:
    """The limits and their use in the current periods."""

    limits: Limits
    used: dict[str, list[float]] = field(default_factory=dict)  # name -> [end of the period in us, used in it]
    at_us: int = 0

    def decide(self, at_us: int, candidates: Iterable[PartitionCandidate]) -> list[Grant]:
        """Returns a grant for each candidate of an instant, by rank. A late candidate counts in the current period."""
        self.at_us = max(self.at_us, at_us)
        self.used = {name: use for name, use in self.used.items() if use[0] > self.at_us}
        ranked = sorted(candidates, key=lambda c: (-c.net_value, c.intervention_id))
        return [self._decide(candidate) for candidate in ranked]

    def state(self) -> dict[str, Any]:
        """Returns what `load` takes."""
        return {"used": self.used, "at_us": self.at_us}

    def load(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned; the release before kept long names of agents as they are."""
        used = {_shortened(name): use for name, use in state["used"].items()}
        self.used, self.at_us = used, state["at_us"]

    def _decide(self, c: PartitionCandidate) -> Grant:
        budgets = [limit for limit in self.limits.budgets if limit.scope in (None, c.scope)]
        teams = [team for team in self.limits.teams if team.who == c.who and team.scope in (None, c.scope)]
        wants = [(f"budget:{limit.name}", self._end(limit), max(c.cost, 0.0), limit.amount) for limit in budgets]
        wants += [want for team in teams for want in self._places(team, c)]
        for name, end_us, amount, most in wants:
            if self._used(name) + amount > most:
                return Grant(c, "budget" if name.startswith("budget:") else "capacity", end_us)
        for name, end_us, amount, _ in wants:
            self.used[name] = [end_us, self._used(name) + amount]
        return Grant(c, None, None)

    def _places(self, team: Team, c: PartitionCandidate) -> Iterable[tuple[str, int, float, float]]:
        end_us = self.at_us // DAY_US * DAY_US + DAY_US
        yield f"team:{team.name}", end_us, 1.0, float(team.agents * team.cases_a_day)
        if c.agent_id is None:
            return
        name = f"{AGENT}{team.name}:{short_name(c.agent_id)}"
        if name in self.used or len(self.used) < MOST_USED:
            yield name, end_us, 1.0, float(team.cases_a_day)

    def _used(self, name: str) -> float:
        return self.used.get(name, [0, 0.0])[1]

    def _end(self, limit: BudgetLimit) -> int:
        return period_end_us(limit.period, self.at_us)


def _shortened(name: str) -> str:
    if not name.startswith(AGENT):
        return name
    kind, team, agent = name.split(":", 2)
    return f"{kind}:{team}:{short_name(agent)}"


def period_end_us(period: str, at_us: int) -> int:
    """Returns the end of the UTC period that contains `at_us`; weeks begin on Monday."""
    now = EPOCH + timedelta(microseconds=at_us)
    day = datetime(now.year, now.month, now.day, tzinfo=UTC)
    ends = {
        "day": day + timedelta(days=1),
        "week": day + timedelta(days=7 - day.weekday()),
        "month": datetime(day.year + day.month // MONTHS, day.month % MONTHS + 1, 1, tzinfo=UTC),
        "year": datetime(day.year + 1, 1, 1, tzinfo=UTC),
    }
    return (ends[period] - EPOCH) // timedelta(microseconds=1)
