"""The work list and a case on a terminal of 100 columns, in English or in Chinese."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from schemas.events import Event
from schemas.instants import DAY_US, format_instant, parse_instant
from streams.operations.cases import words
from streams.operations.cases.curve import Points, draw
from streams.operations.cases.events import sentence
from streams.operations.cases.fold import FollowedCase, Message
from streams.operations.cases.words import Language
from streams.operations.cases.worklist import Due, is_due_today, next_due
from streams.profile.case_sections import CaseRules

TIERS = {"extreme": "bold red", "high": "yellow", "medium": "cyan"}
LATE, TODAY = "bold red", "yellow"
CURVE_WIDTH, CURVE_HEIGHT, MOST_EVENTS, BAR = 80, 5, 20, 12
CODES = {"why": words.WHYS, "outcome": words.STATES, "channel": words.CHANNELS, "causes": words.CAUSES}
OWN = ("to", "step", "tier")  # fields of an update with a name of the profile


def work_list(rules: CaseRules, cases: Sequence[FollowedCase], of: int, now_us: int, said: Language) -> RenderableType:
    """Returns the table of cases in the given order; of: the number of all cases."""
    table = Table(expand=True, box=None, pad_edge=False, header_style="bold")
    table.add_column(said.label("worth"), justify="right", no_wrap=True)
    for name in ("customer", "tier", "p", "state", "due", "window"):
        table.add_column(said.label(name), no_wrap=True)
    table.add_column(said.label("who_and_why"), no_wrap=True, overflow="ellipsis", ratio=1)
    for case in cases:
        table.add_row(*_row(rules, case, now_us, said))
    today = sum(is_due_today(rules, case, now_us) for case in cases)
    shown = said.label("some" if len(cases) < of else "all", shown=len(cases), of=of)
    head = Text(said.label("head", cases=shown, at=format_instant(now_us), today=today), style="bold")
    return Group(head, "", table)


def one_case(
    rules: CaseRules, case: FollowedCase, curve: Points, events: Sequence[Event] | None, now_us: int, said: Language
) -> RenderableType:
    """Returns everything about a case; events: None where they are unknown."""
    parts: list[RenderableType] = [_head(case, said), "", _facts(rules, case, now_us, said)]
    parts += _section(said.label("reasons"), [_reasons(case.now, said)])
    parts += _section(said.label("probability"), [Text(line) for line in draw(curve, CURVE_WIDTH, CURVE_HEIGHT)])
    parts += _section(said.label("history"), [_history(case, said)])
    if events is not None:
        earlier = len(events) - MOST_EVENTS
        title = said.label("later_events", count=earlier) if earlier > 0 else said.label("events")
        parts += _section(title, [_events(events[-MOST_EVENTS:], said)])
    return Group(*parts)


def unknown_updates(unknown: Counter[str]) -> str:
    """Returns a line about updates of unknown cases; "" where there are none."""
    if not unknown:
        return ""
    each = ", ".join(f"{count:,} {status}" for status, count in sorted(unknown.items()))
    return f"updates of cases that were read neither as sent nor as withheld: {each}"


def _row(rules: CaseRules, case: FollowedCase, now_us: int, said: Language) -> list[RenderableType]:
    now, state = case.now, said.of(words.STATES, case.state)
    if case.withheld_reason:
        state = said.label("withheld", state=state, why=said.of(words.RULES, case.withheld_reason))
    first = said.field(now["reasons"][0], "sentence") if now["reasons"] else ""
    return [
        f"{now['expected_net_value']:,.0f}",
        now["customer_id"],
        Text(said.own(now["tier"]), style=TIERS.get(now["tier"], "")),
        f"{now['probability']:.2f}",
        state,
        _due(next_due(rules, case, now_us), now_us, said),
        said.window(now["window"]),
        Text.assemble(said.own(case.to), "\n", (first, "dim")),
    ]


def _due(due: Due | None, now_us: int, said: Language) -> Text:
    if due is None:
        return Text("-")
    what, span = said.of(words.TASKS, due.what), said.span(abs(due.at_us - now_us))
    if due.at_us < now_us:
        return Text(said.label("late", what=what, span=span), style=LATE)
    is_today = due.at_us // DAY_US == now_us // DAY_US
    return Text(said.label("left", what=what, span=span), style=TODAY if is_today else "")


def _head(case: FollowedCase, said: Language) -> Text:
    tier = case.now["tier"]
    standing = f"  {said.label('p')} {case.now['probability']:.2f}  {said.of(words.STATES, case.state)}"
    head = Text.assemble((case.now["customer_id"], "bold"), "  ", (said.own(tier), TIERS.get(tier, "")), standing)
    if case.withheld_reason:
        head.append(f"  {said.label('not_sent', why=said.of(words.RULES, case.withheld_reason))}", style=LATE)
    return head.append(f"  {case.intervention_id}", style="dim")


def _facts(rules: CaseRules, case: FollowedCase, now_us: int, said: Language) -> Table:
    now, action, budget = case.now, case.now["action"], case.now["budget"]
    waits = next_due(rules, case, now_us)
    worth, most = f"{now['expected_net_value']:,.0f}", f"{budget['amount']:,.0f}"
    groups = [said.of(words.LIFECYCLES, now["lifecycle"])]
    groups += [said.of(words.SEGMENTS, name) for name in now["segments"]]
    groups += [said.of(words.POINTS, point["name"]) for point in now["touch_points"]]
    facts = {
        "due": _due(waits, now_us, said) if waits else None,
        "who": said.label("by", who=said.own(case.to), channel=said.of(words.CHANNELS, action["channel"])),
        "offer": said.field(action, "offer"),
        "script": said.field(action, "script"),
        "worth": said.label("worth_what", worth=worth, currency=budget["currency"], most=most),
        "crossed": said.label("first_window", at=now["crossed_at"], until=now["window_ends_at"]),
        "group": said.label("list").join(groups),
        "cause": said.of(words.CAUSES, now["cause"]) if now["cause"] else None,
        "scope": now["scope"],
        "agent": now["agent_id"],
    }
    return _pairs([(said.label(name), value) for name, value in facts.items() if value])


def _reasons(now: Message, said: Language) -> Table:
    """Returns the score as a sum in log-odds, starting from the average customer."""
    reasons = now["reasons"] + now.get("reasons_against", [])
    most = max((abs(reason["contribution"]) for reason in reasons), default=1.0)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_row(f"{now['average_log_odds']:+.2f}", "", Text(said.label("average"), style="dim"))
    for reason in reasons:
        share = reason["contribution"]
        bar, style = "█" * round(abs(share) / most * BAR), "red" if share > 0 else "green"
        table.add_row(f"{share:+.2f}", Text(bar.ljust(BAR), style=style), Text(said.field(reason, "sentence")))
    table.add_row(f"{now['other_contributions']:+.2f}", "", Text(said.label("rest"), style="dim"))
    table.add_row(f"{now['log_odds']:+.2f}", "", Text(said.label("whole", p=now["probability"]), style="bold"))
    return table


def _history(case: FollowedCase, said: Language) -> Table:
    what = said.label("sent")
    if case.withheld_reason:
        why = said.of(words.RULES, case.withheld_reason)
        what = said.label("withheld", state=said.of(words.STATES, "withheld"), why=why)
    happened: list[tuple[str, RenderableType]] = [(case.now["decided_at"], what)]
    return _pairs(happened + [(update["updated_at"], update_line(update, said)) for update in case.updates])


def update_line(update: Message, said: Language) -> str:
    """Returns an update as one line."""
    status = said.of(words.STATUSES, update["status"])
    names = [name for name in words.UPDATES if name != "tier" or update["status"] == "upgraded"]
    known = [
        said.of(words.UPDATES, name).format(_value(name, update[name], said))
        for name in names
        if update.get(name) is not None
    ]
    return said.label("update", status=status, what=said.label("and").join(known)) if known else status


def _value(name: str, value: object, said: Language) -> str:
    if isinstance(value, bool):
        return said.label("yes" if value else "no")
    if isinstance(value, list):
        return said.label("list").join(_value(name, one, said) for one in value)
    if name in CODES:
        return said.of(CODES[name], str(value))
    return said.own(str(value)) if name in OWN else str(value)


def _events(events: Sequence[Event], said: Language) -> Table:
    return _pairs([(format_instant(parse_instant(event.event_time)), sentence(event, said)) for event in events])


def _pairs(rows: Sequence[tuple[str, RenderableType]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return table


def _section(title: str, content: Sequence[RenderableType]) -> list[RenderableType]:
    if not content:
        return []
    return ["", Text(title, style="bold"), Padding(Group(*content), (0, 0, 0, 2))]
