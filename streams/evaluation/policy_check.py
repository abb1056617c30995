"""Whether a profile fits a log: what its threshold and tiers do to the customers of a replay, and what would fit.

The published shares are of customers who are kept, so those who have left already (evaluation/due_dates.py) are left
out.

All from the observations of the replay, with the probabilities as they were served, and from its cases. A threshold is
proposed at which the share of customers above it is the published share of the tiers that get a case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from schemas.errors import Failure
from schemas.instants import DAY_US, parse_instant
from streams.evaluation import due_dates, observation_rows
from streams.evaluation.observation_rows import NO_LABEL, Flags, Floats, Rows
from streams.files.replay_folder import EXAMPLES, INTERVENTIONS
from streams.profile.profile import Profile

STEPS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MONTH_DAYS, YEAR_DAYS = 30, 365
DIGITS = 3


@dataclass(frozen=True, slots=True)
class TierShare:
    """A tier as published, and as the replay has it. proposed: the probability above which it would have its share."""

    name: str
    above: float
    published: float
    observed: float | None  # share of the observations; None: there are none
    cases: int  # opened in it
    proposed: float | None


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """What a threshold would do. precision, recall: of the observations with a label; None: undefined."""

    threshold: float
    above: float | None
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class CasesADay:
    """Cases by day (UTC), from the first on. capacity: of the teams together; None: the profile has no teams."""

    cases: int
    from_backlog: int
    first: str | None
    days: int
    first_month: list[int]
    busiest: int
    capacity: int | None
    days_above_capacity: int | None
    backlog_a_day: int
    proposed_backlog_a_day: int


@dataclass(frozen=True, slots=True)
class Check:
    """All figures, and in words what the profile should change."""

    profile: str
    replayed_with: str | None
    customers: int
    observations: int  # of customers who had not left
    gone: float | None  # share of all observations: of customers who had
    labelled: int
    base_rate: float | None
    threshold: float
    means_little: bool  # the base rate is above the threshold
    proposed_threshold: float | None
    tiers: list[TierShare]
    thresholds: list[AtThreshold]
    cases: CasesADay | None  # None: the folder has no file of them
    advice: list[str]
    settings: list[str]  # KEY=VALUE for `--set`


Opened = list[tuple[int, str, bool]]  # decided at us, tier, from the backlog


def read(folder: Path) -> tuple[Rows, str | None, Opened | None]:
    """Returns the observations of a replay, its policy version and its cases.

    Raises UsageError where `folder` has no replay, Failure where its files are not those of one.
    """
    try:
        rows, summary = observation_rows.read(folder)
        p, label = np.asarray(rows.probability, np.float64), np.asarray(rows.label, np.float64)
        good = bool(((p >= 0) & (p <= 1)).all() and np.isin(label, (NO_LABEL, 0, 1)).all())
    except (pa.ArrowException, ValueError, TypeError, AttributeError) as error:
        raise Failure(f"{folder / EXAMPLES}: no observations of a replay ({error}); replay the log again") from None
    if not good:
        raise Failure(
            f"{folder / EXAMPLES}: expected probabilities from 0 to 1 and labels 0, 1 or null; replay the log again"
        )
    return rows, summary.get("policy_version"), _cases(folder / INTERVENTIONS)


def _cases(path: Path) -> Opened | None:
    try:
        bodies = [orjson.loads(line) for line in path.read_bytes().splitlines()]
        return [(parse_instant(b["decided_at"]), str(b["tier"]), b.get("opened_by") == "backlog") for b in bodies]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failure(f"{path}: not the interventions of a replay ({error!r}); run the replay again") from None


def check(profile: Profile, rows: Rows, replayed_with: str | None, opened: Opened | None) -> Check:
    """Computes all figures."""
    is_kept = due_dates.kept(rows, profile.label.grace_us)
    gone, rows = _share(~is_kept), rows.only(is_kept)
    p, known, threshold = np.asarray(rows.probability, np.float64), rows.labelled, profile.case.threshold
    base_rate = float(rows.label[known].mean()) if known.any() else None
    tiers = _tiers(profile, p, opened or [])
    share = sum(tier.share for tier in profile.tiers if tier.above >= threshold)
    proposed = _proposed(p, share)
    found = Check(
        profile=profile.version,
        replayed_with=replayed_with,
        customers=len(rows.names),
        observations=len(p),
        gone=gone,
        labelled=int(known.sum()),
        base_rate=base_rate,
        threshold=threshold,
        means_little=base_rate is not None and base_rate > threshold,
        proposed_threshold=proposed,
        tiers=tiers,
        thresholds=[_at(one, rows, p) for one in sorted({*STEPS, threshold, proposed or threshold})],
        cases=None if opened is None else _a_day(profile, rows, opened, share),
        advice=[],
        settings=[],
    )
    found.advice.extend(_advice(found, share))
    found.settings.extend(_settings(found))
    return found


def _tiers(profile: Profile, p: Floats, opened: Opened) -> list[TierShare]:
    cases, taken, published = Counter(tier for _, tier, _ in opened), 0.0, 0.0
    found = []
    for tier in profile.tiers:
        above, published = _share(p > tier.above), published + tier.share
        observed = None if above is None else above - taken
        taken = 0.0 if above is None else above
        proposed = _proposed(p, published) if tier is not profile.tiers[-1] else None
        found.append(TierShare(tier.name, tier.above, tier.share, observed, cases[tier.name], proposed))
    return found


def _proposed(p: Floats, share: float) -> float | None:
    """The probability above which `share` of the observations are, rounded up."""
    if not len(p):
        return None
    scale = 10**DIGITS
    return float(min(np.ceil(np.quantile(p, 1.0 - share) * scale), scale - 1) / scale)


def _at(threshold: float, rows: Rows, p: Floats) -> AtThreshold:
    above = p > threshold
    left = rows.label == 1
    return AtThreshold(threshold, _share(above), _share(left[above & rows.labelled]), _share(above[left]))


def _a_day(profile: Profile, rows: Rows, opened: Opened, share: float) -> CasesADay:
    by_day = Counter(at_us // DAY_US for at_us, _, _ in opened)
    teams = profile.limits.teams
    capacity = sum(team.agents * team.cases_a_day for team in teams) if teams else None
    first = min(by_day, default=None)
    last = max([int(rows.instants_us[-1]) // DAY_US] if len(rows.instants_us) else [0], default=0)
    return CasesADay(
        cases=len(opened),
        from_backlog=sum(from_backlog for _, _, from_backlog in opened),
        first=None if first is None else str(np.datetime64(first, "D")),
        days=0 if first is None else max(last, *by_day) - first + 1,
        first_month=[] if first is None else [by_day[first + day] for day in range(MONTH_DAYS)],
        busiest=max(by_day.values(), default=0),
        capacity=capacity,
        days_above_capacity=None if capacity is None else sum(n > capacity for n in by_day.values()),
        backlog_a_day=profile.case.backlog_a_day,
        proposed_backlog_a_day=max(round(len(rows.names) * share / YEAR_DAYS), 1),
    )


def _advice(found: Check, share: float) -> Iterator[str]:
    if found.base_rate is None:
        yield "No label has matured: base rate, precision and recall are not known."
    elif found.means_little:
        yield (
            f"{found.threshold:g} means little here: {found.base_rate:.1%} of the observed leave, so a customer at "
            f"{found.threshold:g} leaves less often than the average one. A case singles nobody out."
        )
    if found.proposed_threshold is not None:
        yield (
            f"Above {found.proposed_threshold:g} are as many customers as the sheet has in the tiers with a case "
            f"({share:.0%}); the tiers fit as in the last column."
        )
    if found.cases is not None:
        yield from _on_cases(found.cases, found.customers)


def _on_cases(cases: CasesADay, customers: int) -> Iterator[str]:
    if cases.capacity is None:
        yield "The profile has no [[limits.teams]] that cases a day could be compared with."
    elif cases.days_above_capacity:
        days = f"On {cases.days_above_capacity:,} days more cases opened"
        yield f"{days} than the teams take ({cases.capacity:,})."
    if cases.backlog_a_day > 2 * cases.proposed_backlog_a_day:
        yield (
            f"case.backlog_a_day = {cases.backlog_a_day} is more than {customers:,} customers need: at the sheet's "
            f"shares they give {_counted(cases.proposed_backlog_a_day)} a day."
        )


def _counted(n: int) -> str:
    return f"{n:,} case" if n == 1 else f"{n:,} cases"


def _settings(found: Check) -> Iterator[str]:
    """What `--set` would take, so that the profile fits."""
    if found.proposed_threshold is None:
        return
    yield f"case.threshold={found.proposed_threshold:g}"
    yield from (f"tiers.{one.name}.above={one.proposed:g}" for one in found.tiers if one.proposed is not None)
    if found.cases is not None and found.cases.backlog_a_day > 2 * found.cases.proposed_backlog_a_day:
        yield f"case.backlog_a_day={found.cases.proposed_backlog_a_day}"


def _share(flags: Flags) -> float | None:
    return float(flags.mean()) if len(flags) else None
