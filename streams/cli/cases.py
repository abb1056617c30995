"""`keepline cases`: the work list; `keepline cases show ID|CUSTOMER`: one case."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

from schemas.errors import Failure, UsageError
from schemas.events import Event
from schemas.instants import format_instant
from streams.cli import complain
from streams.cli.options import add_profile_options, instant, profile_of
from streams.interventions.case_states import State
from streams.kafka import settings
from streams.operations.cases import folder_reader, terminal, topic_reader
from streams.operations.cases.curve import Points
from streams.operations.cases.events import in_order
from streams.operations.cases.fold import FollowedCase, Messages, fold, of, probabilities
from streams.operations.cases.words import LANGUAGES, Language
from streams.operations.cases.worklist import CaseFilter, due, is_due_today, ranked
from streams.operations.terminal import print_json, show
from streams.profile.case_sections import CaseRules
from streams.profile.profile import Profile

MOST_SHOWN, MOST_NAMED = 50, 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline cases --tier extreme --due-today"
    _add_source(parser, None)
    add_profile_options(parser)
    for name, what in (("scope", "of this scope"), ("tier", "of this tier"), ("agent", "of this agent_id")):
        parser.add_argument(f"--{name}", help=f"only cases {what}")
    parser.add_argument(
        "--due-today", action="store_true", help="only cases with a deadline today (UTC) or in the past"
    )
    parser.add_argument("--state", type=State, choices=list(State), help="only in this state (default: all open ones)")
    parser.add_argument(
        "--limit", type=_count, metavar="N", default=MOST_SHOWN, help=f"show at most N (default: {MOST_SHOWN})"
    )
    one = parser.add_subparsers(dest="action", metavar="show").add_parser("show", help="show one case in detail")
    one.epilog = "example: keepline cases show c-17 --lang zh --dir out --profile e-commerce"
    one.add_argument("name", metavar="ID|CUSTOMER", help="an intervention_id, or a customer_id: the latest case")
    _add_source(one, argparse.SUPPRESS)
    add_profile_options(one, again=True)


def run(args: argparse.Namespace) -> int:
    """Returns 0; raises Failure where there is no such case."""
    profile = profile_of(args)
    tiers = [tier.name for tier in profile.tiers]
    if args.tier not in (None, *tiers):
        raise UsageError(f"--tier {args.tier!r} is not in the profile; expected one of {', '.join(tiers)}")
    messages = _messages(args)
    now_us = _now_us(args, messages)
    cases, unknown = fold(messages)
    if args.action == "show":
        found = of(cases, args.name)
        if not found:
            raise Failure(f"no case of {args.name}; expected an intervention_id or a customer_id of `keepline cases`")
        _show(args, profile, found, messages, now_us)
        return 0
    _list(args, profile, list(cases.values()), now_us)
    if warning := terminal.unknown_updates(unknown):
        complain(warning)
    return 0


def _messages(args: argparse.Namespace) -> Messages:
    if args.dir:
        return folder_reader.read_folder(args.dir)
    messages, wrong = asyncio.run(topic_reader.read_topics(settings.from_environment()))
    for sentence in wrong:
        complain(sentence)
    return messages


def _list(args: argparse.Namespace, profile: Profile, cases: list[FollowedCase], now_us: int) -> None:
    rules, said = profile.case, Language(args.lang, profile.texts_zh)
    case_filter = CaseFilter(args.scope, args.tier, args.agent, args.state, args.due_today)
    for name, value in (("scope", args.scope), ("agent_id", args.agent)):
        known = sorted({str(case.now[name]) for case in cases if case.now[name] is not None})
        if value is not None and value not in known:
            complain(f"no case has {name} {value!r}; cases have {', '.join(known[:MOST_NAMED]) or 'none'}")
    found = ranked(rules, cases, case_filter, now_us)
    shown = found[: args.limit]
    if args.json:
        print_json(
            {"at": format_instant(now_us), "found": len(found), "cases": [_body(rules, c, now_us) for c in shown]}
        )
    else:
        show(terminal.work_list(rules, shown, len(found), now_us, said))


def _show(
    args: argparse.Namespace, profile: Profile, found: list[FollowedCase], messages: Messages, now_us: int
) -> None:
    rules, said = profile.case, Language(args.lang, profile.texts_zh)
    case, others = found[0], [other.intervention_id for other in found[1:]]
    curve, events = _about(args, case.now["customer_id"], messages)
    if args.json:
        body = _body(rules, case, now_us) | {"history": case.updates, "others": others}
        body["curve"] = [{"at": format_instant(at_us), "probability": value} for at_us, value in curve]
        print_json(
            body | {"events": None if events is None else [event.model_dump(exclude_none=True) for event in events]}
        )
        return
    show(terminal.one_case(rules, case, curve, events, now_us, said))
    if others:
        show("\n" + said.label("more", count=len(others), names=", ".join(others)))


def _about(args: argparse.Namespace, customer: str, messages: Messages) -> tuple[Points, list[Event] | None]:
    """Returns the customer's curve and events; a replay's folder has no events."""
    known = probabilities(messages, customer)
    if args.dir:
        return sorted({*known, *folder_reader.read_curve(args.dir, customer)}), None
    events, scores = asyncio.run(topic_reader.read_customer(settings.from_environment(), customer))
    return sorted({*known, *scores}), in_order(events)


def _body(rules: CaseRules, case: FollowedCase, now_us: int) -> dict[str, Any]:
    """Returns a case for `--json`: the message with all changes, its state and its deadlines."""
    deadlines = [{"what": one.what, "at": format_instant(one.at_us)} for one in due(rules, case)]
    work = {"due": deadlines, "due_today": is_due_today(rules, case, now_us)}
    return case.now | {"state": case.state, "to": case.to} | work


def _add_source(parser: argparse.ArgumentParser, default: Any) -> None:
    """default: SUPPRESS below `show`, so that options before `show` keep their values."""
    parser.add_argument(
        "--dir", type=Path, default=default, help="read the folder of a replay, not the topics of KEEPLINE_BROKERS"
    )
    parser.add_argument(
        "--at",
        type=instant,
        metavar="INSTANT",
        default=default,
        help="the instant taken as now (default: now; with --dir: its last message)",
    )
    parser.add_argument(
        "--lang", choices=LANGUAGES, default=default or "en", help="language of the texts (default: en)"
    )
    parser.add_argument("--json", action="store_true", default=default or False, help="one JSON object")


def _now_us(args: argparse.Namespace, messages: Messages) -> int:
    last_us = messages.last_us if args.dir else None
    return next(us for us in (args.at, last_us, time.time_ns() // 1000) if us is not None)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)
