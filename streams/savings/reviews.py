"""The same figures by week and by month, of the cases that opened then, and by market signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.instants import DAY_US, WEEK_US
from streams.experiments.intervals import ALPHA
from streams.profile.profile import Profile
from streams.savings.comparison import Compared, compare
from streams.savings.opened_cases import Cases, OpenedCase, day

LAST_WEEKS, LAST_MONTHS = 6, 12
MONDAY_US = 4 * DAY_US  # the first Monday after the epoch


@dataclass(frozen=True, slots=True)
class Period:
    """A week or month: cases that opened in it. restated: cases of it have closed within the last week, so that its
    figures differ from those of a week ago.
    """

    begins: str
    opened: int
    open: int
    contacted: int
    responded: int
    compared: Compared
    restated: bool


@dataclass(frozen=True, slots=True)
class Pressed:
    """Cases that crossed while a market signal was in force at their scope, in so many weeks, and all others."""

    name: str
    weeks: int
    under: Period
    others: Period


def signals(profile: Profile, cases: Cases) -> list[Pressed]:
    """Returns what was measured under each market signal and otherwise; they share alpha."""
    names = sorted({name for case in cases.opened for name in case.signals})
    return [_pressed(profile, cases, name, ALPHA / len(names)) for name in names]


def _pressed(profile: Profile, cases: Cases, name: str, alpha: float) -> Pressed:
    under, others = ([case for case in cases.opened if (name in case.signals) is has] for has in (True, False))
    weeks = len({monday_us(case.crossed_us) for case in under})
    each = [_period(profile, cases.until_us, name, arm, alpha) for arm in (under, others)]
    return Pressed(name, weeks, *each)


def weeks(profile: Profile, cases: Cases) -> list[Period]:
    """Returns the last weeks in which a case closed, or all if fewer."""
    return _periods(profile, cases, lambda case: day(monday_us(case.crossed_us)))[-LAST_WEEKS:]


def months(profile: Profile, cases: Cases) -> list[Period]:
    """Returns the last months."""
    return _periods(profile, cases, lambda case: day(case.crossed_us)[:7])[-LAST_MONTHS:]


def monday_us(us: int) -> int:
    """Returns the Monday on which the week of an instant begins."""
    return us - (us - MONDAY_US) % WEEK_US


def _periods(profile: Profile, cases: Cases, of: Callable[[OpenedCase], str]) -> list[Period]:
    groups: dict[str, list[OpenedCase]] = {}
    for case in cases.opened:
        groups.setdefault(of(case), []).append(case)
    known = [_period(profile, cases.until_us, name, groups[name]) for name in sorted(groups)]
    return [one for one in known if one.compared.cases or one.compared.held]


def _period(profile: Profile, until_us: int, name: str, opened: Sequence[OpenedCase], alpha: float = ALPHA) -> Period:
    found = Cases(until_us, list(opened))
    closed = found.closed
    return Period(
        name,
        len(opened),
        len(opened) - len(closed),
        sum(case.contacted_us is not None for case in opened),
        sum(case.responded for case in opened),
        compare(profile, name, found.compared, alpha),
        any(case.closed_us is not None and case.closed_us > until_us - WEEK_US for case in closed),
    )
