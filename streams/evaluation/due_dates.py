"""How many leavings had a warning in time, by the customers' own due dates: known from the log, without truth or model.

A customer is due one own mean gap after the last retention event, and has left when `label.grace` more has passed; with
fewer than two retention events there is no gap, and a horizon of silence counts instead. Who has not left is *kept*:
the published shares of the tiers are of kept customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from schemas.instants import DAY_US, SECOND_US, parse_duration
from streams.evaluation.lead_time import NONE, Cases, Longs, first_case, key, seconds_of, silences_of, some_cases
from streams.evaluation.observation_rows import GAP, Flags, Floats, Rows

RHYTHM = 2  # retention events


@dataclass(frozen=True, slots=True)
class Rule:
    """Warnings by one rule. in_time: leavings with one before the customer had left; ahead: so many days before."""

    name: str
    leavings: int
    in_time: int
    ahead: int
    median_days_early: float | None  # of those in time
    returns: int  # silences that ended before
    warned: int  # of those, with a warning


@dataclass(frozen=True, slots=True)
class Warnings:
    """The cases that were sent, and the riskiest shares of kept customers each Monday, against the goals."""

    grace_days: float
    ahead_days: float  # goals.lead_time
    goal: float  # goals.in_time
    gone: float  # share of the observations whose customer had left already
    rules: list[Rule]


def kept(rows: Rows, grace_us: int) -> Flags:
    """Whose silence is not longer than the own gap and the grace, (rows,)."""
    return np.asarray(rows.features["f_retained_recency"] <= _patience_days(rows, grace_us))


def warnings(cases: Cases, rows: Rows, summary: Mapping[str, Any]) -> Warnings | None:
    """Returns the figures; None for the replay of a release that did not write the grace, or without observations."""
    early = summary.get("early")
    if early is None or not len(rows.label):
        return None
    grace_us, ahead_us = parse_duration(early["grace"]), parse_duration(early["lead_time"])
    here, ends = kept(rows, grace_us), _ends(cases, rows, grace_us, ahead_us)
    rules = [_rule("cases", cases, ends, ahead_us)]
    *shares, _ = accumulate(summary["tier_shares"].values())  # all but the lowest tier, which is everybody
    rules += [_rule(f"riskiest {share:.0%}", _riskiest(rows, here, share), ends, ahead_us) for share in shares]
    gone = 1.0 - float(here.mean())
    return Warnings(grace_us / DAY_US, ahead_us / DAY_US, early["in_time"], gone, rules)


@dataclass(frozen=True, slots=True)
class _Ends:
    """Silences whose end is known and could have been warned of: keys, (silences,) each."""

    since: Longs
    deadline: Longs
    until: Longs  # return or deadline, whichever is first
    left: Flags


def _ends(cases: Cases, rows: Rows, grace_us: int, ahead_us: int) -> _Ends:
    """Leaves out silences that ended before a lead time after the first case: nothing could have been sent for them."""
    found = silences_of(rows)
    first_rows, since = found.order[found.begins], found.since[found.begins]
    seconds = np.rint(_patience_days(rows, grace_us)[first_rows] * (DAY_US / SECOND_US)).astype(np.int64)
    deadline, following = since + seconds, np.append(since[1:], NONE)  # of the next customer: beyond all of this one
    last_s = seconds_of(rows.instants_us)[-1]
    came_back = following <= deadline
    left = ~came_back & (deadline <= key(rows.customer[first_rows], last_s))
    until = np.minimum(following, deadline)
    first_s = (cases.crossed_s if len(cases.crossed_s) else seconds_of(rows.instants_us)).min()
    counts = (came_back | left) & (until >= key(rows.customer[first_rows], first_s + ahead_us // SECOND_US))
    return _Ends(since[counts], deadline[counts], until[counts], left[counts])


def _patience_days(rows: Rows, grace_us: int) -> Floats:
    """Days of silence after which each customer has left, (rows,)."""
    has_rhythm = rows.features["f_retained_count"] >= RHYTHM
    return np.where(has_rhythm, rows.features[GAP] + grace_us / DAY_US, rows.horizon_us / DAY_US)


def _riskiest(rows: Rows, among: Flags, share: float) -> Cases:
    """A warning for this share of customers `among` those of each instant, by probability."""
    places = np.flatnonzero(among)
    places = places[np.lexsort((-rows.probability[places], rows.week[places]))]
    week = rows.week[places]
    size = np.bincount(week, minlength=len(rows.instants_us))
    rank = np.arange(len(places)) - (np.cumsum(size) - size)[week]
    chosen = places[rank < np.rint(size * share)[week]]
    chosen = chosen[np.lexsort((rows.week[chosen], rows.customer[chosen]))]
    return some_cases(rows.customer[chosen], seconds_of(rows.instants_us)[rows.week[chosen]], rows.probability[chosen])


def _rule(name: str, cases: Cases, ends: _Ends, ahead_us: int) -> Rule:
    first = first_case(cases, ends.since, ends.until)
    warned = first != NONE
    early = (ends.deadline - first)[warned & ends.left] * (SECOND_US / DAY_US)
    return Rule(
        name=name,
        leavings=int(ends.left.sum()),
        in_time=len(early),
        ahead=int((early >= ahead_us / DAY_US).sum()),
        median_days_early=float(np.median(early)) if len(early) else None,
        returns=int((~ends.left).sum()),
        warned=int((warned & ~ends.left).sum()),
    )
