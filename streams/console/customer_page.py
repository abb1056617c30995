"""A customer: every decision, those that were not sent with the rule and when it is tried again; and the search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from schemas.instants import parse_instant
from streams.console.access import WORKERS
from streams.console.rows import SENT, TASK, TOUCH, UPDATE, WITHHELD
from streams.console.site import Context, NotFound, Page, Visit
from streams.operations.cases.fold import Message, Messages, fold


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided. kind: sent, withheld, touch or task; case_id: where it leads, if anywhere; again: when it is
    tried again; times: how often in a row, first_us: since when.
    """

    at_us: int
    kind: str
    what: str
    probability: float | None
    again: str
    case_id: str | None
    first_us: int
    times: int = 1


def show(visit: Visit) -> Context:
    """Returns what the template needs: a customer, or those whose id begins as asked."""
    asked = visit.query.get("id") or visit.query.get("find") or ""
    if (decisions := _decisions(visit, asked)) is not None:
        return {"customer": asked, "decisions": decisions, "found": []}
    if "id" in visit.query:
        raise NotFound
    return {"customer": asked, "decisions": None, "found": _found(visit, asked)}


def _found(visit: Visit, prefix: str) -> list[str]:
    return visit.site.reader.customers(visit.viewer, prefix) if prefix else []


def _decisions(visit: Visit, customer: str) -> list[Decision] | None:
    """The decisions, newest first; None for a customer without any, or whom the viewer may not see."""
    bodies = visit.site.reader.bodies(customer, SENT, WITHHELD, UPDATE, TOUCH, TASK) if customer else {}
    decided = [body for kind in (SENT, WITHHELD) for body in bodies.get(kind, ())]
    told = [*decided, *(body for kind in (TOUCH, TASK) for body in bodies.get(kind, ()))]
    if not told or not visit.viewer.sees(_scope(told)):
        return None
    cases, _ = fold(Messages(bodies[SENT], bodies[WITHHELD], bodies[UPDATE]))
    found = [_decision(visit, body, cases[body["intervention_id"]].state) for body in decided]
    found += [_touch(visit, body) for body in bodies[TOUCH]] + [_task(visit, body) for body in bodies[TASK]]
    return list(_joined(sorted(found, key=lambda one: one.at_us)))[::-1]


def _scope(told: Iterable[Message]) -> str | None:
    """The scope of the latest message: a customer who moved is shown to the new one."""
    newest = max(
        told, key=lambda body: parse_instant(body.get("decided_at") or body.get("touched_at") or body["updated_at"])
    )
    scope: str | None = newest["scope"]
    return scope


def _decision(visit: Visit, body: Message, state: str) -> Decision:
    words, at_us = visit.words, parse_instant(body["decided_at"])
    case_id, probability, again = body["intervention_id"], body["probability"], ""
    rule = body.get("withheld_reason")
    if rule is None:
        what = f"{words('sent')}, {words('case_now', state=words.code('state', state))}"
        return Decision(at_us, "sent", what, probability, again, case_id, at_us)
    retry_at = body["retry_at"]
    again = words("again_at", at=words.moment(parse_instant(retry_at))) if retry_at else words("again_never")
    what = words("not_sent", why=words.code("rule", rule))
    return Decision(at_us, "withheld", what, probability, again, case_id, at_us)


def _touch(visit: Visit, body: Message) -> Decision:
    words, at_us = visit.words, parse_instant(body["touched_at"])
    what = words("touched", channel=words.code("channel", body["channel"]), offer=words.field(body, "offer"))
    return Decision(at_us, "touch", what, body["probability"], "", None, at_us)


def _task(visit: Visit, body: Message) -> Decision:
    words, at_us = visit.words, parse_instant(body["updated_at"])
    status = words(f"task_{body['status']}")
    what = (
        words("task_of", who=words.own(body["to"]), status=status) if body["to"] else words("task_ended", status=status)
    )
    return Decision(at_us, "task", what, None, "", None, at_us)


def _joined(decisions: Iterable[Decision]) -> Iterable[Decision]:
    """Those that say the same in a row become one: the last, with how often and since when."""
    for _, same in groupby(decisions, key=lambda one: (one.kind, one.what, one.case_id if one.kind == "sent" else "")):
        row = list(same)
        yield replace(row[-1], times=len(row), first_us=row[0].at_us)


PAGE = Page("customer", "/customer", WORKERS, show, in_menu=False)
