"""The targets of the profile ([goals]) against what a replay measured.

Figures of cases are of those that were sent and *measured* (their last window and the save horizon are over), so that
a young case does not count as a failure; precision and churn are of the predictions whose horizon is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import Failure
from schemas.instants import DAY_US, parse_instant
from streams.evaluation.effect import ALL, Effect
from streams.files.replay_folder import INTERVENTIONS, UPDATES

DAYS_A_YEAR = 365
WEEK_US = 7 * DAY_US


@dataclass
class FollowedCase:
    """A case that was sent, and what its updates say of it."""

    lifecycle: str
    value: float
    budget: float
    statuses: frozenset[str] = frozenset()
    state: str = ""
    contacted_us: int | None = None
    returned_us: int | None = None
    returned: bool = False  # by the end of its measurement
    bought_again: bool | None = None
    stayed: bool | None = None

    def take(self, update: Mapping[str, Any]) -> None:
        """Applies an update."""
        self.statuses |= {update["status"]}
        self.state = update.get("state", self.state)
        self.contacted_us = _us(update.get("contacted_at"), self.contacted_us)
        self.returned_us = _us(update.get("returned_at"), self.returned_us)
        self.returned |= bool(update.get("returned"))
        self.bought_again = update.get("bought_again", self.bought_again)
        self.stayed = update.get("stayed", self.stayed)


@dataclass(frozen=True, slots=True)
class Target:
    """A goal, what was measured, and of how many; None: nothing could be measured."""

    name: str  # the profile's key
    goal: float
    measured: float | None
    of: int
    met: bool | None
    why: str


def read(folder: Path) -> list[FollowedCase]:
    """Returns the measured cases of a replay that were sent. Raises Failure where a line is none of them."""
    found: dict[str, FollowedCase] = {}
    try:
        for body in _lines(folder / INTERVENTIONS):
            value, budget = body.get("customer_value", 0.0), body.get("budget", {}).get("amount", 0.0)
            found[body.get("intervention_id", "")] = FollowedCase(body.get("lifecycle", ""), value, budget)
        for update in _lines(folder / UPDATES):
            if update.get("intervention_id") in found:
                found[update["intervention_id"]].take(update)
    except (ValueError, KeyError) as error:
        raise Failure(f"{folder}: not the cases of a replay ({error}); run the replay again") from error
    return [case for case in found.values() if "measured" in case.statuses]


def targets(
    goals: Mapping[str, float],
    cases: list[FollowedCase],
    effects: Iterable[Effect],
    right: tuple[int, int],
    left: tuple[int, int, float],
) -> list[Target]:
    """Returns each goal that a replay can measure. goals: the keys of [goals]; right: cases that were, of how many;
    left: predictions whose customer left, of how many, and their horizon in days.
    """
    contacted = [case for case in cases if case.contacted_us is not None]
    unreached = sum(case.state == "expired" for case in cases)  # others came back before anybody called
    before = f"churn a year, at {goals['churn_a_year_before']:.0%} before" if "churn_a_year_before" in goals else ""
    measured: dict[str, tuple[float | None, int, str]] = {
        "precision": (*_of(right), "cases whose customer then left"),
        "saved": (*_share(contacted, lambda case: case.state == "saved"), "contacted cases, saved"),
        "roi": (*_roi(cases, effects), "return on budgets, by the difference to the holdout"),
        "reached": (*_of((len(contacted), len(contacted) + unreached)), "cases, contacted in time"),
        "responded": (*_share(contacted, lambda case: "responded" in case.statuses), "contacted cases, answered"),
        "returned_7d": (*_share(contacted, _came_within_a_week), "contacted cases, back within 7 days"),
        "woken": (*_share([c for c in cases if c.lifecycle == "silent"], _returned), "cases of silent customers, back"),
        "bought_again": (*_known([case.bought_again for case in cases]), "saved cases, back again within 30 days"),
        "stayed": (*_known([case.stayed for case in cases]), "saved cases, back again within 6 months"),
        "churn_a_year_after": (_a_year(*left), left[1], before),
    }
    return [_target(goals, name, *found) for name, found in measured.items() if name in goals]


def _target(goals: Mapping[str, float], name: str, measured: float | None, of: int, why: str) -> Target:
    goal = goals[name]
    met = None if measured is None else measured <= goal if name == "churn_a_year_after" else measured >= goal
    best = goals.get(f"{name}_best")
    return Target(name, goal, measured, of, met, why if best is None else f"{why}; at best {best:.0%}")


def _roi(cases: list[FollowedCase], effects: Iterable[Effect]) -> tuple[float | None, int]:
    difference = next((one.difference for one in effects if one.tier == ALL), None)
    spent = sum(case.budget for case in cases)
    if difference is None or not spent:
        return None, len(cases)
    return (difference * sum(case.value for case in cases) - spent) / spent, len(cases)


def _a_year(left: int, of: int, horizon_days: float) -> float | None:
    return 1.0 - (1.0 - left / of) ** (DAYS_A_YEAR / horizon_days) if of else None


def _came_within_a_week(case: FollowedCase) -> bool:
    at_us, back_us = case.contacted_us, case.returned_us
    return at_us is not None and back_us is not None and at_us < back_us <= at_us + WEEK_US


def _returned(case: FollowedCase) -> bool:
    return case.returned


def _share(cases: list[FollowedCase], holds: Callable[[FollowedCase], bool]) -> tuple[float | None, int]:
    return _of((sum(map(holds, cases)), len(cases)))


def _known(answers: list[bool | None]) -> tuple[float | None, int]:
    known = [answer for answer in answers if answer is not None]
    return _of((sum(known), len(known)))


def _of(counted: tuple[int, int]) -> tuple[float | None, int]:
    part, whole = counted
    return (part / whole if whole else None), whole


def _us(text: str | None, before: int | None) -> int | None:
    return before if text is None else parse_instant(text)


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    return map(orjson.loads, path.read_bytes().splitlines()) if path.exists() else ()
