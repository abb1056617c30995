"""Conditions of the roll-out: each met, not met, or not known yet, by its interval. The next stage is only named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np

from streams.experiments.credit import Z_95
from streams.experiments.intervals import ALPHA, share_bounds
from streams.profile.profile import Profile
from streams.savings.comparison import DIGITS
from streams.savings.opened_cases import OpenedCase

Verdict = Literal["met", "not met", "not known yet"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition with its measure and interval; stop: below it the roll-out stops."""

    name: str
    goal: float
    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """The stage in force, its conditions, and what would go on to the next; None: it is the last, or not yet."""

    name: str
    conditions: list[Condition]
    goes_on: str | None
    next_stage: str | None
    stopped: list[str]


def stage(
    profile: Profile, closed: Sequence[OpenedCase], summary: Mapping[str, Any], roi: tuple[float, float, float] | None
) -> Stage:
    """Returns the stage in force. summary: of the replay, {} on topics; roi: as measured, with its bounds."""
    names = [one.name for one in profile.roll_out.stages]
    place, goals = names.index(profile.roll_out.stage), profile.goals
    auc, saved = _auc(summary), _saved(closed)
    conditions = [
        _condition("auc", goals.auc, auc),
        _condition("saved", goals.saved, saved),
        _condition("roi", goals.roi, roi),
        _condition("auc", profile.model.least_auc, auc, stop=True),
        _condition("saved", profile.stop_loss.least_saved, saved, stop=True),
    ]
    following = names[place + 1] if place + 1 < len(names) else None
    ready = all(one.verdict == "met" for one in conditions)
    goes_on = f"--set roll_out.stage={following}" if following and ready else None
    stopped = [one.name for one in conditions if one.stop and one.verdict == "not met"]
    return Stage(profile.roll_out.stage, conditions, goes_on, following, stopped)


def _condition(name: str, goal: float, found: tuple[float, float, float] | None, *, stop: bool = False) -> Condition:
    if found is None:
        return Condition(name, goal, None, None, None, "not known yet", stop)
    value, low, high = (round(one, DIGITS) for one in found)
    verdict: Verdict = "met" if low > goal else "not met" if high < goal else "not known yet"
    return Condition(name, goal, value, low, high, verdict, stop)


def _saved(closed: Sequence[OpenedCase]) -> tuple[float, float, float] | None:
    """Returns the share of contacted cases that came back, as the sheet counts."""
    contacted = [case for case in closed if not case.held and case.contacted_us is not None]
    hits, n = sum(case.is_saved for case in contacted), len(contacted)
    if not n:
        return None
    low, high = share_bounds(np.array(float(hits)), np.array(float(n)), ALPHA)
    return hits / n, float(low), float(high)


def _auc(summary: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Returns AUC with the interval of Hanley and McNeil 1982, customers counting once."""
    auc, rate, customers = (summary.get(name) for name in ("auc", "base_rate", "customers"))
    if auc is None or not rate or not customers:
        return None
    left, stayed = max(rate * customers, 1.0), max((1.0 - rate) * customers, 1.0)
    both, pair = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = auc * (1 - auc) + (left - 1) * (both - auc * auc) + (stayed - 1) * (pair - auc * auc)
    half = Z_95 * sqrt(max(spread, 0.0) / (left * stayed))
    return auc, auc - half, auc + half
