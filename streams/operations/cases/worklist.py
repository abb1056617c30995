"""Deadlines, filters and order of cases: by expected net value.

Days are in UTC. Deadlines come from the given policy profile, so give the one that the workers use.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.instants import DAY_US, parse_duration, parse_instant
from streams.interventions.case_states import ANSWERED, WAITING, State
from streams.operations.cases.fold import FollowedCase
from streams.profile.case_sections import CaseRules

OPEN = (*WAITING, State.CONTACTED, *ANSWERED)  # live, and not withheld


@dataclass(frozen=True)
class Due:
    """A task and its deadline."""

    what: str
    at_us: int


@dataclass(frozen=True)
class CaseFilter:
    """Which cases to list; None: any value. Without a state, those that are open."""

    scope: str | None = None
    tier: str | None = None
    agent: str | None = None
    state: State | None = None
    due_today: bool = False


def due(rules: CaseRules, case: FollowedCase) -> list[Due]:
    """Returns the open tasks, earliest deadline first; none after a contact, and none for the holdout."""
    if case.state not in WAITING:
        return []
    sent_us, crossed_us = (parse_instant(case.now[name]) for name in ("emitted_at", "crossed_at"))
    deadlines = [
        Due("contact", sent_us + rules.contact_within_us),
        Due("window ends", crossed_us + parse_duration(case.now["window"])),
    ]
    if case.state is State.OPEN:
        deadlines.append(Due("acknowledge", sent_us + rules.acknowledge_within_us))
    return sorted(deadlines, key=lambda one: one.at_us)


def next_due(rules: CaseRules, case: FollowedCase, now_us: int) -> Due | None:
    """Returns the last deadline that has passed, or else the next one; None: there is no task."""
    deadlines = due(rules, case)
    passed = [one for one in deadlines if one.at_us < now_us]
    return passed[-1] if passed else deadlines[0] if deadlines else None


def is_due_today(rules: CaseRules, case: FollowedCase, now_us: int) -> bool:
    """Returns whether a deadline is today or has passed."""
    tomorrow_us = now_us - now_us % DAY_US + DAY_US
    return any(one.at_us < tomorrow_us for one in due(rules, case))


def ranked(rules: CaseRules, cases: Iterable[FollowedCase], case_filter: CaseFilter, now_us: int) -> list[FollowedCase]:
    """Returns the cases that match, highest expected net value first."""
    found = [case for case in cases if _matches(case_filter, case)]
    if case_filter.due_today:
        found = [case for case in found if is_due_today(rules, case, now_us)]
    return sorted(found, key=lambda case: (-case.now["expected_net_value"], case.intervention_id))


def _matches(case_filter: CaseFilter, case: FollowedCase) -> bool:
    asked = {"scope": case_filter.scope, "tier": case_filter.tier, "agent_id": case_filter.agent}
    state_fits = case.state is case_filter.state if case_filter.state else case.state in OPEN
    return state_fits and all(case.now.get(name) == value for name, value in asked.items() if value is not None)
