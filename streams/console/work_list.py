"""The work list: open cases by worth, each with its clock and what is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from streams.console.access import ALL
from streams.console.clocks import Timing, timing
from streams.console.outcomes import Standing
from streams.console.queries import PAGE_ROWS, Listed, WorkFilter
from streams.console.site import Context, Page, Refused, Visit
from streams.operations.cases.words import CAUSES

SHOWN = ("todo", "today", "late", "all_open")
FILTERS = ("scope", "tier", "agent", "cause", "strategy")
MINE, NOBODYS = "mine", "nobodys"
FAR_US = 1 << 62


@dataclass(frozen=True, slots=True)
class Line:
    """A case of the list. customer: its id as the viewer may see it."""

    case: Listed
    customer: str
    why: str
    timing: Timing
    standing: Standing
    offered: tuple[str, ...]


def show(visit: Visit) -> Context:
    """Returns what the template needs."""
    reader, viewer, asked = visit.site.reader, visit.viewer, _asked(visit)
    shown = visit.query.get("show", SHOWN[0])
    if shown not in SHOWN:
        raise Refused
    before = _before_us(visit)
    found = reader.open_cases(viewer, replace(asked, before_us=before[shown], after=_after(visit.query)), PAGE_ROWS + 1)
    counts, are_more = reader.counts(viewer, asked, [us for us in before.values() if us is not None])
    numbers = dict(zip(("all_open", *SHOWN), counts, strict=False))
    lines = [_line(visit, case) for case in found[:PAGE_ROWS]]
    chosen = {name: visit.query[name] for name in FILTERS if visit.query.get(name)}
    last = lines[-1].case if len(found) > PAGE_ROWS else None
    return {
        "lines": lines,
        "shown": shown,
        "tabs": [(name, visit.words("more_than" if are_more else "exactly", n=numbers[name])) for name in SHOWN],
        "chosen": chosen,
        "choices": _choices(visit),
        "after": None if last is None else f"{last.worth!r} {last.case_id}",
        "is_first": not visit.query.get("after"),
        "rows": PAGE_ROWS,
    }


def _before_us(visit: Visit) -> dict[str, int | None]:
    tomorrow_us = visit.words.tomorrow_us(visit.now_us)
    return {"todo": FAR_US, "today": tomorrow_us, "late": visit.now_us, "all_open": None}


def _asked(visit: Visit) -> WorkFilter:
    scope, tier, agent, cause, strategy = (visit.query.get(name) or None for name in FILTERS)
    named = {MINE: visit.viewer.name, NOBODYS: ""}
    return WorkFilter(scope, tier, named.get(agent or "", agent), cause, strategy)


def _after(query: Mapping[str, str]) -> tuple[float, str] | None:
    worth, _, case_id = query.get("after", "").partition(" ")
    return (float(worth), case_id) if case_id else None


def _line(visit: Visit, case: Listed) -> Line:
    why = (case.reason_zh if visit.words.lang == "zh" else None) or case.reason or ""
    reports = visit.site.reports
    offered = reports.offered(case) if visit.viewer.may_write else ()
    customer = visit.customer(case.customer_id)
    return Line(case, customer, why, timing(visit, case), reports.standing(case), offered)


def _choices(visit: Visit) -> dict[str, list[tuple[str, str]]]:
    """For each filter its values with their words."""
    profile, words = visit.site.profile, visit.words
    strategies = dict.fromkeys(["default", *(one.name for one in profile.strategies)])
    return {
        "scope": [(scope, scope) for scope in visit.site.reader.scopes(visit.viewer)],
        "tier": [(tier.name, words.own(tier.name)) for tier in profile.tiers if tier.above >= profile.case.threshold],
        "agent": [(MINE, words("mine")), (NOBODYS, words("nobodys"))],
        "cause": [(cause, words.code("cause", cause)) for cause in CAUSES],
        "strategy": [(name, words.strategy(name)) for name in strategies],
    }


PAGE = Page("work_list", "/work", ALL, show)
