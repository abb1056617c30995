"""How early before leaving cases were opened.

A leaving starts with the last retention event before a silence of a whole horizon. Without a model it is known when the
horizon has passed; a case is early by the days that it was opened before that, late (negative) if after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.errors import Failure
from schemas.instants import DAY_US, SECOND_US, parse_instant
from streams.evaluation.metrics import starts
from streams.evaluation.observation_rows import NO_LABEL, Flags, Floats, Rows
from streams.evaluation.segments import members
from streams.files.replay_folder import INTERVENTIONS, WITHHELD

Longs = NDArray[np.int64]
SECONDS_BITS = 37  # 4,300 years; 33 million customers fit above them
NONE = np.int64(1) << 62
ALL = "all"
BINS = 12  # of the days early, and as many of the days late


@dataclass(frozen=True, slots=True)
class Cases:
    """Opened cases, (cases,) each, sorted by customer and instant."""

    customer: Longs
    crossed_s: Longs  # seconds since the year 1
    scope: Sequence[str | None]
    probability: Floats
    withheld_by: Sequence[str | None]  # the rule; None: sent


@dataclass(frozen=True, slots=True)
class Group:
    """Cases and leavings of one segment or scope."""

    name: str
    cases: int
    judged: int  # cases whose horizon is over
    right: int  # of those, customers who did not return within it
    median_days_early: float | None  # of the first cases of leavings; in a scope, of the cases that were right
    median_silence_days: float | None  # from the last retention event to the case
    leavings: int | None = None  # None: unknown for customers without a case
    in_time: int | None = None  # leavings with a case before the horizon of silence was over
    late: int | None = None
    withheld: int | None = None  # leavings without a case, but with a withheld crossing
    warned_before: int | None = None  # leavings without a case since the last visit, but one in the horizon before it


@dataclass(frozen=True, slots=True)
class Timing:
    """Histogram of the days that the first case of each leaving was early, and figures by segment and scope."""

    edges_days: list[float]
    counts: list[int]
    segments: list[Group]
    scopes: list[Group]


@dataclass(frozen=True, slots=True)
class Silences:
    """The rows by customer and instant, split where a customer returned."""

    rows: Rows
    order: Longs  # of the rows, (rows,)
    since: Longs  # key of the last retention event before each row, in that order, (rows,)
    begins: Longs  # where each silence starts in that order, (silences,)

    @property
    def horizon_s(self) -> int:
        return self.rows.horizon_us // SECOND_US

    def days_early(self, since: Longs, crossed: Longs) -> Floats:
        """Returns days early, given the keys of last retention events and crossings of the same customers."""
        return np.asarray((since + self.horizon_s - crossed) * (SECOND_US / DAY_US))

    def which(self, at: Longs) -> Longs:
        """Returns the index of the silence of each place in the order."""
        return np.searchsorted(self.begins, at, "right") - 1


@dataclass(frozen=True, slots=True)
class _CaseResults:
    """The outcome of each case, (cases,)."""

    row: Longs  # the first row of its silence
    outcome: NDArray[np.int8]  # 1: left, 0: returned, NO_LABEL: not known yet
    days_early: Floats


@dataclass(frozen=True, slots=True)
class _Leavings:
    """(leavings,) each."""

    row: Longs  # the first row of the silence
    days_early: Floats  # of the first case; NaN: none
    withheld: Flags  # no case, but a withheld crossing
    warned_before: Flags  # a case within a horizon before the last visit


def read(folder: Path, rows: Rows) -> tuple[Cases, Cases] | None:
    """Returns sent and withheld cases of observed customers; None where the replay has no file of them.

    Raises Failure where a line is no intervention.
    """
    sent, withheld = (_read(folder / name, rows) for name in (INTERVENTIONS, WITHHELD))
    return None if sent is None else (sent, withheld or no_cases())


def _read(path: Path, rows: Rows) -> Cases | None:
    try:
        bodies = [orjson.loads(line) for line in path.read_bytes().splitlines()]
        code = {name: i for i, name in enumerate(rows.names)}
        found = [
            (
                code[b["customer_id"]],
                parse_instant(b["crossed_at"]),
                b.get("scope"),
                b["probability"],
                b.get("withheld_reason"),
            )
            for b in bodies
            if b["customer_id"] in code
        ]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError) as error:
        raise Failure(f"{path}: not the interventions of a replay ({error}); run the replay again") from error
    return _cases(found)


def _cases(found: Sequence[tuple[int, int, str | None, float, str | None]]) -> Cases:
    """found: customer, instant in microseconds, scope, probability, rule that withheld it."""
    ordered = sorted(found, key=lambda one: one[:2])
    customer, crossed_us = (np.array([one[i] for one in ordered], np.int64) for i in (0, 1))
    probability = np.array([one[3] for one in ordered], np.float64)
    return Cases(
        customer, seconds_of(crossed_us), [one[2] for one in ordered], probability, [one[4] for one in ordered]
    )


def some_cases(customer: Longs, crossed_s: Longs, probability: Floats) -> Cases:
    """Returns cases of which no more is known, (cases,), sorted by customer and instant."""
    nothing = [None] * len(customer)
    return Cases(customer, crossed_s, nothing, probability, nothing)


def no_cases() -> Cases:
    """Returns no case at all."""
    return _cases([])


def timing(cases: Cases, withheld: Cases, rows: Rows) -> Timing:
    """Returns the figures of all cases, by segment and by scope."""
    silences = silences_of(rows)
    results, left = _case_results(cases, silences), _leavings(cases, withheld, silences)
    flags_of = {ALL: np.ones(len(rows.label), bool)} | members(rows.features)
    scopes = sorted({scope for scope in cases.scope if scope is not None})
    edges = np.linspace(-rows.horizon_us / DAY_US, rows.horizon_us / DAY_US, 2 * BINS + 1)
    counts, _ = np.histogram(np.clip(left.days_early, edges[0], edges[-1]), edges)
    return Timing(
        [float(edge) for edge in edges],
        [int(n) for n in counts],
        [_segment(name, results, left, flags, rows) for name, flags in flags_of.items()],
        [_scope(name, results, np.array([one == name for one in cases.scope]), rows) for name in scopes],
    )


def _segment(name: str, results: _CaseResults, left: _Leavings, member: Flags, rows: Rows) -> Group:
    mine = member[left.row]
    early, none = left.days_early[mine], np.isnan(left.days_early[mine])
    return replace(
        _group(name, results.outcome[member[results.row]], early, rows),
        leavings=len(early),
        in_time=int((early > 0).sum()),
        late=int((early <= 0).sum()),
        withheld=int(left.withheld[mine].sum()),
        warned_before=int((none & left.warned_before[mine]).sum()),
    )


def _scope(name: str, results: _CaseResults, inside: Flags, rows: Rows) -> Group:
    """Returns figures of cases only: the scope of customers who left without a case is unknown."""
    return _group(name, results.outcome[inside], results.days_early[inside & (results.outcome == 1)], rows)


def _group(name: str, outcome: NDArray[np.int8], days_early: Floats, rows: Rows) -> Group:
    middle = _median(days_early)
    return Group(
        name=name,
        cases=len(outcome),
        judged=int((outcome != NO_LABEL).sum()),
        right=int((outcome == 1).sum()),
        median_days_early=middle,
        median_silence_days=None if middle is None else rows.horizon_us / DAY_US - middle,
    )


def _median(days: Floats) -> float | None:
    known = days[~np.isnan(days)]
    return float(np.median(known)) if len(known) else None


def silences_of(rows: Rows) -> Silences:
    order = np.lexsort((rows.week, rows.customer))
    recency_s = np.rint(rows.features["f_retained_recency"] * (DAY_US / SECOND_US)).astype(np.int64)
    since = key(rows.customer, seconds_of(rows.instants_us)[rows.week] - recency_s)[order]
    return Silences(rows, order, since, starts(since))


def outcomes(cases: Cases, rows: Rows) -> NDArray[np.int8]:
    """Returns of each case 1: the customer left, 0: returned, NO_LABEL: not known yet, (cases,)."""
    return _case_results(cases, silences_of(rows)).outcome


def _case_results(cases: Cases, silences: Silences) -> _CaseResults:
    """Takes outcomes from the first row at or after the crossing; where there is none, from the last row before."""
    rows, order = silences.rows, silences.order
    at = key(rows.customer, seconds_of(rows.instants_us)[rows.week])[order]
    crossed = key(cases.customer, cases.crossed_s)
    after = np.searchsorted(at, crossed)
    here = np.minimum(after, len(at) - 1)
    is_there = (after < len(at)) & (rows.customer[order[here]] == cases.customer)
    place = np.where(is_there, here, after - 1)
    came_back = silences.since[place] > crossed
    before = np.maximum(silences.begins[silences.which(place)] - 1, 0)
    is_known = came_back & (rows.customer[order[before]] == cases.customer)
    place = np.where(is_known, before, place)
    outcome = np.where(came_back, 0, rows.label[order[place]]).astype(np.int8)
    outcome[~is_known & _came_back_too_late(place, crossed, silences)] = 1
    first = order[silences.begins[silences.which(place)]]
    return _CaseResults(first, outcome, silences.days_early(silences.since[place], crossed))


def _came_back_too_late(place: Longs, crossed: Longs, silences: Silences) -> Flags:
    """Returns whether the customer came back within the horizon of the row, but not within that of the crossing before
    it, (cases,). Of several events in the week of the return only the last is known: then the row's label counts.
    """
    rows, order = silences.rows, silences.order
    following = silences.which(place) + 1
    back = silences.begins[np.minimum(following, len(silences.begins) - 1)]
    count = rows.features["f_retained_count"][order]
    is_there = (following < len(silences.begins)) & (rows.customer[order[back]] == rows.customer[order[place]])
    is_one_event = count[back] - count[back - 1] == 1.0
    too_late: Flags = is_there & is_one_event & (silences.since[back] > crossed + silences.horizon_s)
    return too_late


def _leavings(cases: Cases, withheld: Cases, silences: Silences) -> _Leavings:
    rows, order, since = silences.rows, silences.order, silences.since
    gone = np.unique(silences.which(np.flatnonzero(rows.label[order] == 1)))
    begins = silences.begins[gone]
    row, since_when = order[begins], since[begins]
    until = np.append(since[silences.begins[1:]], NONE)[gone]  # start of the next silence, of this customer or the next
    until = np.minimum(until, (rows.customer[row] + 1) << SECONDS_BITS)
    first = first_case(cases, since_when, until)
    early = np.where(first == NONE, np.nan, silences.days_early(since_when, first))
    only_withheld = (first == NONE) & (first_case(withheld, since_when, until) != NONE)
    before = first_case(cases, since_when - silences.horizon_s, since_when) != NONE
    return _Leavings(row, early, only_withheld, before)


def first_case(cases: Cases, since: Longs, until: Longs) -> Longs:
    """Returns the key of the first case in [since, until), NONE where there is none."""
    opened = np.append(key(cases.customer, cases.crossed_s), NONE)
    first = opened[np.searchsorted(opened, since)]
    return np.where(first < until, first, NONE)


def seconds_of(instants_us: Longs) -> Longs:
    """Returns seconds since the year 1, so that none is negative, (n,)."""
    return instants_us // SECOND_US + 62_135_596_800


def key(customer: Longs, seconds: Longs) -> Longs:
    """Returns keys that sort by customer, then time."""
    return np.asarray(customer << SECONDS_BITS | seconds)
