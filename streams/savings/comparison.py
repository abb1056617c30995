"""The lift of what was sent over the holdout: over all cases, by group and by strategy.

The cases of a day of closings are one batch. Each is the first of its customer, so they are independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from schemas.instants import DAY_US, WEEK_US
from streams.experiments.fatigue import Fatigue
from streams.experiments.intervals import ALPHA
from streams.experiments.lift import Lift
from streams.interventions.strategy_memory import HOLDOUT
from streams.profile.profile import Profile
from streams.savings.opened_cases import OpenedCase

DAYS_A_YEAR = 365
DIGITS = 6
ALL = "all"


@dataclass(frozen=True, slots=True)
class Compared:
    """A group's lift. cases, returned: of what was sent; held, held_returned: of the holdout; None: nothing to compare.
    exact: the interval is the exact one of few cases.
    """

    name: str
    cases: int
    returned: int
    held: int
    held_returned: int
    lift: float | None
    low: float | None
    high: float | None
    exact: bool

    @property
    def known(self) -> bool:
        """Whether both arms have cases."""
        return self.lift is not None


def compare(profile: Profile, name: str, closed: Sequence[OpenedCase], alpha: float = ALPHA) -> Compared:
    """Returns the lift of all that was sent over the holdout. closed: in the order of the closings."""
    return _compared(profile, name, closed, lambda case: 1.0 - case.p_held, lambda case: not case.held, alpha)


def compare_strategy(profile: Profile, strategy: str, closed: Sequence[OpenedCase]) -> Compared:
    """Returns the lift of a strategy over the holdout, of the cases that could have been given to it."""
    possible = [case for case in closed if case.possible.get(strategy, 0.0) > 0.0]
    return _compared(
        profile,
        strategy,
        possible,
        lambda case: case.possible[strategy],
        lambda case: not case.held and case.strategy == strategy,
        ALPHA,
    )


def by_groups(
    profile: Profile, closed: Sequence[OpenedCase], groups_of: Callable[[OpenedCase], Iterable[str]]
) -> list[Compared]:
    """Returns the lift of each group that has cases of both arms; alpha is shared by the groups."""
    groups: dict[str, list[OpenedCase]] = {}
    for case in closed:
        for name in groups_of(case):
            groups.setdefault(name, []).append(case)
    alpha = ALPHA / max(len(groups), 1)
    return [compare(profile, name, groups[name], alpha) for name in sorted(groups)]


def tired(closed: Sequence[OpenedCase]) -> dict[str, tuple[bool, float]]:
    """Returns of each strategy whether it has lost lift against the others of the same weeks, and the evidence."""
    names = sorted({HOLDOUT if case.held else case.strategy for case in closed})
    alarms = {name: Fatigue() for name in names if name != HOLDOUT}
    by_week = groupby(sorted(closed, key=lambda case: case.crossed_us), key=lambda case: case.crossed_us // WEEK_US)
    for _, week in by_week:
        counted = np.zeros((2, len(names)))
        for case in week:
            place = names.index(HOLDOUT if case.held else case.strategy)
            counted[0, place] += 1
            counted[1, place] += case.returned
        for name, alarm in alarms.items():
            alarm.add(names.index(name), counted[0], counted[1])
    return {name: (bool(alarm.is_tired()), round(float(alarm.evidence), DIGITS)) for name, alarm in alarms.items()}


def _compared(
    profile: Profile,
    name: str,
    closed: Sequence[OpenedCase],
    propensity: Callable[[OpenedCase], float],
    is_drawn: Callable[[OpenedCase], bool],
    alpha: float,
) -> Compared:
    of_arm, held = [case for case in closed if is_drawn(case)], [case for case in closed if case.held]
    counts = len(of_arm), sum(case.returned for case in of_arm), len(held), sum(case.returned for case in held)
    usable = [case for case in closed if case.p_held > 0.0 and propensity(case) > 0.0]
    if not (of_arm and held and usable):
        return Compared(name, *counts, None, None, None, True)
    share = sum(map(propensity, usable)) / len(usable)
    other = sum(case.p_held for case in usable) / len(usable)
    lift = Lift(_planned(profile), share, other)
    batches = groupby(usable, key=lambda case: (case.closed_us or 0) // DAY_US)
    for _, batch in batches:
        _add(lift, list(batch), propensity, is_drawn)
    found = lift.estimate(alpha)
    value, low, high = (round(float(bound), DIGITS) for bound in (found.value, found.low, found.high))
    return Compared(name, *counts, value, low, high, bool(found.exact))


def _planned(profile: Profile) -> float:
    """Returns the cases of a year by the profile: where the interval is narrowest."""
    return float(DAYS_A_YEAR * profile.case.backlog_a_day)


def _add(
    lift: Lift,
    batch: list[OpenedCase],
    propensity: Callable[[OpenedCase], float],
    is_drawn: Callable[[OpenedCase], bool],
) -> None:
    x, outcome, p, p_held = (
        np.array([value(case) for case in batch], np.float64)
        for value in (_probability, _returned, propensity, lambda case: case.p_held)
    )
    drawn, held = (np.array([holds(case) for case in batch], bool) for holds in (is_drawn, lambda case: case.held))
    lift.add(x, outcome, (drawn, held), (p, p_held))


def _probability(case: OpenedCase) -> float:
    return case.probability


def _returned(case: OpenedCase) -> float:
    return float(case.returned)
