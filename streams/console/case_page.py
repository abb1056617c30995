"""A case: what to do, why, the curve of the probability, and what has happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from schemas.instants import parse_instant
from streams.console.access import ALL
from streams.console.clocks import timing
from streams.console.drawing import Mark, Points, curve
from streams.console.language import Words
from streams.console.outcomes import Verdict
from streams.console.queries import Listed
from streams.console.site import Context, NotFound, Page, Refused, Site, Visit
from streams.operations.cases.fold import FollowedCase, Message, fold, of, probabilities
from streams.operations.cases.terminal import update_line

TOLD = (*Verdict, "not_taken")
FULL = 100.0  # width of the longest bar


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence and how much it weighs, 0 to 100."""

    sentence: str
    weight: float


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of the timeline."""

    at_us: int
    what: str
    kind: str


def show(visit: Visit) -> Context:
    """Returns what the template needs; raises NotFound for a case that the viewer may not see."""
    row = found(visit, visit.query.get("id", ""))
    messages = visit.site.reader.messages(row.customer_id)
    cases, _ = fold(messages)
    if row.case_id not in cases:
        raise NotFound  # its message has what a row needs, and not what a page needs
    case = cases[row.case_id]
    others = [one for one in of(cases, row.customer_id) if one.intervention_id != row.case_id]
    points = _points(visit, probabilities(messages, row.customer_id), row.customer_id)
    now, reports = case.now, visit.site.reports
    told = visit.query.get("told")
    if told is not None and told not in TOLD:
        raise Refused
    return {
        "row": row,
        "standing": reports.standing(row),
        "offered": reports.offered(row) if visit.viewer.may_write else (),
        "told": told and said(visit.words, visit.site, row, told),
        "case": case,
        "customer": visit.customer(row.customer_id),
        "timing": timing(visit, row),
        "reasons": _reasons(visit, now["reasons"], now),
        "against": _reasons(visit, now.get("reasons_against", []), now),
        "curve": _curve(visit, points, row, now),
        "timeline": sorted(_timeline(visit, case), key=lambda one: -one.at_us),
        "groups": _groups(visit, now),
        "strategy": _strategy(visit, now),
        "others": [(one.intervention_id, parse_instant(one.now["crossed_at"]), one.state) for one in others],
    }


def found(visit: Visit, case_id: str) -> Listed:
    """Returns a case that the viewer may see; raises NotFound."""
    row = visit.site.reader.case(case_id)
    if row is None or not visit.viewer.sees(row.scope):
        raise NotFound
    return row


def said(words: Words, site: Site, case: Listed, told: str) -> str:
    """Returns what became of a report, as a sentence."""
    standing = site.reports.standing(case)
    state, by = words.code("state", standing.state), standing.by or words("somebody")
    return words(f"told_{told}", state=state, by=by)


def _points(visit: Visit, known: Iterable[tuple[int, float]], customer: str) -> Points:
    read = visit.site.read_curve or visit.site.reader.scores
    return sorted({*known, *read(customer)})


def _reasons(visit: Visit, reasons: Sequence[Message], now: Message) -> list[Reason]:
    both = [*now["reasons"], *now.get("reasons_against", [])]
    most = max((abs(reason["contribution"]) for reason in both), default=0.0) or 1.0
    return [
        Reason(visit.words.field(reason, "sentence"), round(FULL * abs(reason["contribution"]) / most, 1))
        for reason in reasons
    ]


def _curve(visit: Visit, points: Points, row: Listed, now: Message) -> Markup | None:
    if len(points) < 2:
        return None
    first, last = visit.words.day(points[0][0]), visit.words.day(points[-1][0])
    said = visit.words("curve_alt", first=first, last=last, p=points[-1][1])
    marks = [one for one in _marks(visit, now) if points[0][0] <= one[0] <= points[-1][0]]
    return curve(points, visit.site.profile.case.threshold, row.crossed_us, marks, (first, last), said)


def _marks(visit: Visit, now: Message) -> list[Mark]:
    """The instants that the reasons name: the last visit, an answer to a survey."""
    marks: dict[int, str] = {}
    for reason in (*now["reasons"], *now.get("reasons_against", [])):
        for fact in reason.get("facts", ()):
            at = fact["value"] if fact["measure"] == "last_at" else fact.get("at")
            if isinstance(at, str) and fact["measure"] != "signal_level":
                marks[parse_instant(at)] = visit.words.field(reason, "sentence")
    return sorted(marks.items())


def _timeline(visit: Visit, case: FollowedCase) -> Iterable[Happened]:
    words, now = visit.words, case.now
    if case.withheld_reason:
        what, kind = words("not_sent", why=words.code("rule", case.withheld_reason)), "withheld"
    else:
        what, kind = words("from_backlog" if now.get("opened_by") == "backlog" else "sent"), "sent"
    yield Happened(parse_instant(now["decided_at"]), what, kind)
    for update in case.updates:
        yield Happened(parse_instant(update["updated_at"]), update_line(update, words.said), update["status"])


def _groups(visit: Visit, now: Message) -> list[str]:
    words = visit.words
    groups = [words.code("lifecycle", now["lifecycle"])]
    groups += [words.code("segment", name) for name in now["segments"]]
    return groups + [words.code("point", point["name"]) for point in now["touch_points"]]


def _strategy(visit: Visit, now: Message) -> list[str]:
    """Which strategy, how likely it was, and which others were possible."""
    words, name, possible = visit.words, now.get("strategy"), now.get("strategies") or {}
    if not name:
        return []
    if len(possible) < 2:
        return [words("strategy_only", name=words.strategy(name))]
    share = possible.get(name, 0.0) / (sum(possible.values()) or 1.0)
    others = words.said.label("list").join(words.strategy(one) for one in possible if one != name)
    return [words("strategy_drawn", name=words.strategy(name), share=share), words("strategy_others", names=others)]


PAGE = Page("case", "/case", ALL, show, in_menu=False)
