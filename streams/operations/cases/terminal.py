"""The work list and a case on a terminal of 100 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from schemas.events import Event
from schemas.instants import DAY_US, HOUR_US, format_instant, parse_instant
from streams.operations.cases.curve import Points, draw
from streams.operations.cases.events import sentence
from streams.operations.cases.fold import FollowedCase, Message
from streams.operations.cases.worklist import Due, is_due_today, next_due
from streams.profile.case_sections import CaseRules

TIERS = {"extreme": "bold red", "high": "yellow", "medium": "cyan"}
LATE, TODAY = "bold red", "yellow"
# language of the reasons: the field with the sentence; labels of the average customer, the rest and the sum
LANGUAGES = {
    "en": ("sentence", "the average active customer", "everything else", "in all"),
    "zh": ("sentence_zh", "活跃客户的平均水平", "其他因素合计", "总计"),
}
CURVE_WIDTH, CURVE_HEIGHT, MOST_EVENTS, BAR = 80, 5, 20, 12
# fields of an update shown after its status: (field, words before it)
UPDATE_FIELDS = (
    ("why", ""), ("outcome", "outcome from the CRM: "), ("to", "now "), ("step", "step "), ("channel", "by "),
    ("agent_id", "agent "), ("cost", "cost "), ("causes", "because of "), ("window_saved", "share saved from here on "),
    ("returned", "returned: "), ("bought_again", "bought again: "), ("stayed", "stayed: "), ("retry_at", "again from "),
)  # fmt: skip


def work_list(rules: CaseRules, cases: Sequence[FollowedCase], of: int, now_us: int, language: str) -> RenderableType:
    """Returns the table of cases in the given order; of: the number of all cases; language: of the reasons."""
    table = Table(expand=True, box=None, pad_edge=False, header_style="bold")
    table.add_column("worth", justify="right", no_wrap=True)
    for name in ("customer", "tier", "p", "state", "due", "window"):
        table.add_column(name, no_wrap=True)
    table.add_column("who, and why", no_wrap=True, overflow="ellipsis", ratio=1)
    for case in cases:
        table.add_row(*_row(rules, case, now_us, language))
    today = sum(is_due_today(rules, case, now_us) for case in cases)
    shown = f"{len(cases):,} of {of:,} cases" if len(cases) < of else f"{of:,} cases"
    head = Text(f"{shown} at {format_instant(now_us)}; {today:,} of these are due today (UTC)", style="bold")
    return Group(head, "", table)


def one_case(
    rules: CaseRules, case: FollowedCase, curve: Points, events: Sequence[Event] | None, now_us: int, language: str
) -> RenderableType:
    """Returns everything about a case; events: None where they are unknown; language: of the reasons."""
    parts: list[RenderableType] = [_head(case), "", _facts(rules, case, now_us)]
    parts += _section("reasons", [_reasons(case.now, language)])
    parts += _section("probability of leaving", [Text(line) for line in draw(curve, CURVE_WIDTH, CURVE_HEIGHT)])
    parts += _section("history", [_history(case)])
    if events is not None:
        earlier = len(events) - MOST_EVENTS
        title = f"events, {earlier:,} earlier ones left out" if earlier > 0 else "events"
        parts += _section(title, [_events(events[-MOST_EVENTS:])])
    return Group(*parts)


def unknown_updates(unknown: Counter[str]) -> str:
    """Returns a line about updates of unknown cases; "" where there are none."""
    if not unknown:
        return ""
    each = ", ".join(f"{count:,} {status}" for status, count in sorted(unknown.items()))
    return f"updates of cases that were read neither as sent nor as withheld: {each}"


def _row(rules: CaseRules, case: FollowedCase, now_us: int, language: str) -> list[RenderableType]:
    now = case.now
    state = f"{case.state}: {case.withheld_reason}" if case.withheld_reason else str(case.state)
    return [
        f"{now['expected_net_value']:,.0f}",
        now["customer_id"],
        Text(now["tier"], style=TIERS.get(now["tier"], "")),
        f"{now['probability']:.2f}",
        state,
        _due(next_due(rules, case, now_us), now_us),
        now["window"],
        Text.assemble(case.to, "\n", (_first_reason(now, language), "dim")),
    ]


def _first_reason(now: Message, language: str) -> str:
    return now["reasons"][0][LANGUAGES[language][0]] if now["reasons"] else ""


def _due(due: Due | None, now_us: int) -> Text:
    if due is None:
        return Text("-")
    if due.at_us < now_us:
        return Text(f"{due.what} {_span(now_us - due.at_us)} late", style=LATE)
    is_today = due.at_us // DAY_US == now_us // DAY_US
    return Text(f"{due.what} in {_span(due.at_us - now_us)}", style=TODAY if is_today else "")


def _span(us: int) -> str:
    return f"{us // DAY_US} d" if us >= 2 * DAY_US else f"{us // HOUR_US} h"


def _head(case: FollowedCase) -> Text:
    tier = case.now["tier"]
    name, standing = case.now["customer_id"], f"  p {case.now['probability']:.2f}  {case.state}"
    head = Text.assemble((name, "bold"), "  ", (tier, TIERS.get(tier, "")), standing)
    if case.withheld_reason:
        head.append(f"  not sent: {case.withheld_reason.replace('_', ' ')}", style=LATE)
    return head.append(f"  {case.intervention_id}", style="dim")


def _facts(rules: CaseRules, case: FollowedCase, now_us: int) -> Table:
    now, action, budget = case.now, case.now["action"], case.now["budget"]
    waits = next_due(rules, case, now_us)
    worth = f"{now['expected_net_value']:,.0f} {budget['currency']}, budget at most {budget['amount']:,.0f}"
    groups = ", ".join([now["lifecycle"], *now["segments"], *(point["name"] for point in now["touch_points"])])
    facts = {
        "due": _due(waits, now_us) if waits else None,
        "who": f"{case.to}, by {action['channel'] or 'no channel'}",
        "offer": action["offer"],
        "script": action["script"],
        "worth": worth,
        "crossed": f"{now['crossed_at']}; the first window ends {now['window_ends_at']}",
        "customer": groups,
        "cause": now["cause"],
        "scope": now["scope"],
        "agent": now["agent_id"],
    }
    return _pairs([(name, value) for name, value in facts.items() if value])


def _reasons(now: Message, language: str) -> Table:
    """Returns the score as a sum in log-odds, starting from the average customer."""
    sentence, average, rest, whole = LANGUAGES[language]
    reasons = now["reasons"] + now.get("reasons_against", [])
    most = max((abs(reason["contribution"]) for reason in reasons), default=1.0)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_row(f"{now['average_log_odds']:+.2f}", "", Text(average, style="dim"))
    for reason in reasons:
        share = reason["contribution"]
        bar, style = "█" * round(abs(share) / most * BAR), "red" if share > 0 else "green"
        table.add_row(f"{share:+.2f}", Text(bar.ljust(BAR), style=style), Text(reason[sentence]))
    table.add_row(f"{now['other_contributions']:+.2f}", "", Text(rest, style="dim"))
    table.add_row(f"{now['log_odds']:+.2f}", "", Text(f"{whole}: p {now['probability']:.2f}", style="bold"))
    return table


def _history(case: FollowedCase) -> Table:
    what = f"withheld: {case.withheld_reason.replace('_', ' ')}" if case.withheld_reason else "sent"
    happened: list[tuple[str, RenderableType]] = [(case.now["decided_at"], what)]
    return _pairs(happened + [(update["updated_at"], update_line(update)) for update in case.updates])


def update_line(update: Message) -> str:
    """Returns an update as one line."""
    status = update["status"].replace("_", " ")
    known = [(words, update[name]) for name, words in UPDATE_FIELDS if update.get(name) is not None]
    if status == "upgraded":
        known.append(("to ", update["tier"]))
    return f"{status}: {'; '.join(words + _words(value) for words, value in known)}" if known else status


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).replace("_", " ")


def _events(events: Sequence[Event]) -> Table:
    return _pairs([(format_instant(parse_instant(event.event_time)), sentence(event)) for event in events])


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
