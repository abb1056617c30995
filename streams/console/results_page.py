"""The results: the report's figures, live; an adviser sees the own one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from schemas.printable import printable
from streams.console.access import WORKERS, Role
from streams.console.charts import Interval, intervals
from streams.console.language import Words
from streams.console.results_feed import Found
from streams.console.site import Context, NotFound, Page, Visit
from streams.savings import words as report_words
from streams.savings.advisers import NOBODY, Adviser
from streams.savings.page import Boxes
from streams.savings.results import Report
from streams.savings.reviews import Period


@dataclass(frozen=True, slots=True)
class AdviserLine:
    """An adviser's credit as text."""

    name: str
    cases: str
    saved: str
    a_hundred: str
    ranked: bool


def show(visit: Visit) -> Context:
    """Returns what the template needs."""
    background = visit.site.background
    if background is None or background.results is None:
        raise NotFound
    found = background.results.ask()
    shared: dict[str, Any] = {"found": found, "weekly": None, "boxes": {}, "own": None, "advisers": []}
    if visit.viewer.role is Role.MANAGER:
        shared["weekly"] = background.weekly_us()
    if found is None or found.report is None:
        return shared
    return shared | (_of_all(visit, found.report, found) if visit.viewer.role is Role.MANAGER else _own(visit, found))


def _of_all(visit: Visit, report: Report, found: Found) -> dict[str, Any]:
    profile = visit.site.profile
    boxes = Boxes(report, profile, report_words.Words(visit.words.lang, profile.texts_zh))
    names = ("exceptions", "verdict", "figures", "counted", "money", "trust", "strategies", "customers", "change",
             "weeks", "groups")  # fmt: skip
    drawn: dict[str, Any] = {name: Markup(getattr(boxes, name)()) for name in names}
    lines = [_adviser(visit.words, one) for one in _ordered(found.advisers)]
    return {"boxes": drawn, "until": boxes.until(), "advisers": lines, "lifts": _lifts(visit.words, report)}


def _ordered(found: list[Adviser]) -> list[Adviser]:
    return sorted(found, key=lambda one: (-one.credit.saved / one.credit.cases, one.agent_id))


def _adviser(words: Words, one: Adviser) -> AdviserLine:
    credit = one.credit
    return AdviserLine(
        words("adviser_nobody") if one.agent_id == NOBODY else printable(one.agent_id),
        f"{credit.cases:,}",
        f"{credit.saved:,.1f} ({credit.low:,.1f} … {credit.high:,.1f})",
        f"{100 * credit.saved / credit.cases:,.1f}",
        one.ranked,
    )


def _own(visit: Visit, found: Found) -> dict[str, Any]:
    """What stands on an adviser's page: the own figure alone."""
    words = visit.words
    mine = next((one.credit for one in found.advisers if one.agent_id == visit.viewer.name), None)
    if mine is None:
        return {"own": {"said": words("own_none" if found.advisers else "no_advisers"), "range": ""}}
    if mine.low > 0:
        said = words("own_saved", cases=mine.cases, saved=mine.saved)
    elif mine.high < 0:
        said = words("own_fewer", cases=mine.cases, fewer=-mine.saved)
    else:
        said = words("own_not_shown", cases=mine.cases)
    return {"own": {"said": said, "range": words("own_range", low=mine.low, high=mine.high)}}


def _lifts(words: Words, report: Report) -> Markup | None:
    """The lift of each month and week as a chart; None: nothing can be compared yet."""
    marks = [_mark(one, kind) for kind, of in (("month", report.months), ("week", report.weeks)) for one in of]
    known = [mark for mark in marks if mark]
    if not known:
        return None
    return intervals(known, lambda value: f"{value:g}", words("lifts_alt", last=known[-1].about))


def _mark(period: Period, kind: str) -> Interval | None:
    compared = period.compared
    if compared.lift is None or compared.low is None or compared.high is None:
        return None
    value, low, high = (100 * one for one in (compared.lift, compared.low, compared.high))
    about = f"{period.begins}: {value:+.1f} ({low:.1f} … {high:.1f})"
    return Interval(period.begins[2:], value, low, high, kind, about)


PAGE = Page("results", "/results", WORKERS, show)
