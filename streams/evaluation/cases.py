"""How early before leaving cases were opened.

A leaving begins with the last retention event before a silence that fills a whole horizon. Without a model that is
known when the horizon has passed; a case is early by the days that it was opened before then, late (negative) if after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.errors import Failure
from schemas.instants import DAY_US, SECOND_US, parse_instant
from streams.evaluation.rows import NO_LABEL, Flags, Floats, Rows
from streams.evaluation.segments import members
from streams.files.folder import INTERVENTIONS

Longs = NDArray[np.int64]
SECONDS_BITS = 37  # 4,300 years; 33 million customers fit above them
NONE = np.int64(1) << 62
ALL = "all"


@dataclass(frozen=True, slots=True)
class Cases:
    """Cases as they were opened, (cases,) each, sorted by customer and instant."""

    customer: Longs
    crossed_s: Longs  # seconds since the year 1
    scope: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Group:
    """Cases and leavings of one segment or scope."""

    name: str
    cases: int
    judged: int  # cases whose horizon is over
    right: int  # of those, customers who did not come back within it
    leavings: int | None  # None: not known of customers without a case
    in_time: int | None  # leavings with a case before the horizon of silence was over
    late: int | None
    warned_before: int | None  # no case since the last visit, but one within a horizon before it
    median_days_early: float | None
    median_silence_days: float | None  # from the last retention event to the case


@dataclass(frozen=True, slots=True)
class Timing:
    """Days that the first case of each leaving was early, in bins."""

    edges_days: list[float]
    counts: list[int]
    segments: list[Group]
    scopes: list[Group]


@dataclass(frozen=True, slots=True)
class _Leavings:
    """(leavings,) each: the row that is judged first, days early of the first case (NaN: none), a case before the last
    visit."""

    row: Longs
    days_early: Floats
    warned_before: Flags


def read(folder: Path, rows: Rows) -> Cases | None:
    """The interventions of a replay about customers that were observed; None where there is no such file."""
    path = folder / INTERVENTIONS
    try:
        bodies = [orjson.loads(line) for line in path.read_bytes().splitlines()]
        code = {name: i for i, name in enumerate(rows.names)}
        found = [
            (code[b["customer_id"]], parse_instant(b["crossed_at"]), b.get("scope"))
            for b in bodies
            if b["customer_id"] in code
        ]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError) as error:
        raise Failure(f"{path}: not the interventions of a replay ({error}); run the replay again") from error
    found.sort(key=lambda one: one[:2])
    customer = np.array([one[0] for one in found], np.int64)
    return Cases(customer, _seconds(np.array([one[1] for one in found], np.int64)), [one[2] for one in found])


def timing(cases: Cases, rows: Rows) -> Timing:
    """Figures of all cases, by segment and by scope."""
    order = np.lexsort((rows.week, rows.customer))
    silent_from_s = _silent_from(rows)
    row, outcome = _outcomes(cases, rows, order, silent_from_s)
    left = _leavings(cases, rows, order, silent_from_s)
    early = _days_early(cases.crossed_s, silent_from_s[row], rows)
    flags_of = {ALL: np.ones(len(rows.label), bool)} | members(rows.features)
    segments = [
        _group(name, outcome[flags[row]], early[flags[row]], rows, left, flags) for name, flags in flags_of.items()
    ]
    scopes = sorted({scope for scope in cases.scope if scope is not None})
    inside = {scope: np.array([one == scope for one in cases.scope]) for scope in scopes}
    edges = np.linspace(-rows.horizon_us / DAY_US, rows.horizon_us / DAY_US, 25)
    counts, _ = np.histogram(np.clip(left.days_early, edges[0], edges[-1]), edges)
    return Timing(
        [float(edge) for edge in edges],
        [int(n) for n in counts],
        segments,
        [_group(name, outcome[flags], early[flags], rows) for name, flags in inside.items()],
    )


def _group(
    name: str,
    outcome: NDArray[np.int8],
    days_early: Floats,
    rows: Rows,
    left: _Leavings | None = None,
    member: Flags | None = None,
) -> Group:
    judged, right = int((outcome != NO_LABEL).sum()), int((outcome == 1).sum())
    if left is None or member is None:
        early = days_early[outcome == 1]
        return Group(name, len(outcome), judged, right, None, None, None, None, *_medians(early, rows))
    mine = member[left.row]
    early, before = left.days_early[mine], left.warned_before[mine]
    counts = (len(early), int((early > 0).sum()), int((early <= 0).sum()), int((np.isnan(early) & before).sum()))
    return Group(name, len(outcome), judged, right, *counts, *_medians(early, rows))


def _medians(days_early: Floats, rows: Rows) -> tuple[float | None, float | None]:
    known = days_early[~np.isnan(days_early)]
    if not len(known):
        return None, None
    middle = float(np.median(known))
    return middle, rows.horizon_us / DAY_US - middle


def _outcomes(cases: Cases, rows: Rows, order: Longs, silent_from_s: Longs) -> tuple[Longs, NDArray[np.int8]]:
    """The row that tells of each case, and whether the customer then left, NO_LABEL where nobody knows yet; (cases,).

    The row is the first one from the crossing on; where there is none any more, the last one before.
    """
    keys = _key(rows.customer[order], _seconds(rows.instants_us)[rows.week[order]])
    after = np.searchsorted(keys, _key(cases.customer, cases.crossed_s))
    last = np.minimum(after, len(keys) - 1)
    is_there = (after < len(keys)) & (rows.customer[order[last]] == cases.customer)
    row = order[np.where(is_there, last, np.maximum(after - 1, 0))]
    came_back = is_there & (silent_from_s[row] > cases.crossed_s)
    return row, np.where(came_back, 0, rows.label[row]).astype(np.int8)


def _leavings(cases: Cases, rows: Rows, order: Longs, silent_from_s: Longs) -> _Leavings:
    silences = _key(rows.customer, silent_from_s)[order]
    starts = np.flatnonzero(np.diff(silences, prepend=-1))
    gone = np.flatnonzero(rows.label[order] == 1)
    which, at = np.unique(np.searchsorted(starts, gone, "right") - 1, return_index=True)
    ends = np.append(silences[starts[1:]], NONE)[which]  # the next silence of this customer, or of the next customer
    row = order[gone[at]]
    horizon_s = rows.horizon_us // SECOND_US
    opened = np.append(_key(cases.customer, cases.crossed_s), NONE)
    begins = silences[starts[which]]
    first = opened[np.searchsorted(opened, begins)]
    mine = (first < ends) & (first >> SECONDS_BITS == rows.customer[row])
    early = np.where(mine, (begins + horizon_s - first) * SECOND_US / DAY_US, np.nan)
    before = np.searchsorted(opened, begins) > np.searchsorted(opened, begins - horizon_s)
    return _Leavings(row, early, before)


def _silent_from(rows: Rows) -> Longs:
    """The last retention event before each row, in seconds since the year 1, (rows,)."""
    recency_s = np.rint(rows.features["f_retained_recency"] * (DAY_US / SECOND_US)).astype(np.int64)
    return _seconds(rows.instants_us)[rows.week] - recency_s


def _seconds(instants_us: Longs) -> Longs:
    """Since the year 1, so that nothing is negative; (n,)."""
    return instants_us // SECOND_US + 62_135_596_800


def _days_early(crossed_s: Longs, silent_from_s: Longs, rows: Rows) -> Floats:
    return np.asarray((silent_from_s - crossed_s) * (SECOND_US / DAY_US) + rows.horizon_us / DAY_US)


def _key(customer: NDArray[np.signedinteger], seconds: Longs) -> Longs:
    """Sorts by customer, then time."""
    return np.asarray(customer.astype(np.int64) << SECONDS_BITS | seconds)
