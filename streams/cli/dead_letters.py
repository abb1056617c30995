"""`keepline dead-letters`: what was refused and why, and sending it again after a fix."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from pathlib import Path

from schemas.errors import UsageError
from schemas.instants import SECOND_US, format_instant
from streams.cli.options import instant
from streams.kafka import settings
from streams.operations.dead_letters import letters, mapping, redrive
from streams.operations.dead_letters.letters import Choice, Letter
from streams.operations.terminal import print_json, show

MOST_SHOWN = 10
REFUSED_AGAIN = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the actions with their options, and an example."""
    parser.epilog = "example: keepline dead-letters redrive --producer 'till 7' --map repairs.toml --send"
    actions = parser.add_subparsers(dest="action", metavar="action", required=True)
    _add(
        actions, "list", "count refused records by producer, rule and field", "--since 2026-11-23T00:00:00Z"
    ).add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    one = actions.add_parser("show", help="show one", epilog="example: keepline dead-letters show 3/812")
    one.add_argument("place", metavar="PARTITION/OFFSET", help="as `keepline dead-letters list` names an example")
    again = _add(
        actions, "redrive", "send refused records again, each once; without --send it says what it would do", "--send"
    )
    again.add_argument("--map", type=Path, metavar="FILE", help="TOML with repairs: [rename], [time_zone], [divide]")
    again.add_argument("--send", action="store_true", help="send; else nothing is sent")


def _add(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, example: str
) -> argparse.ArgumentParser:
    epilog = f"example: keepline dead-letters {name} {example}"
    action = actions.add_parser(name, help=text, description=text, epilog=epilog)
    action.add_argument("--producer", metavar="NAME", help="only records of this producer")
    action.add_argument("--rule", metavar="RULE", help="only records that broke this rule")
    action.add_argument("--since", type=instant, metavar="INSTANT", help="only what was refused then or later")
    action.add_argument("--until", type=instant, metavar="INSTANT", help="only what was refused before")
    return action


def run(args: argparse.Namespace) -> int:
    """Returns 0; of `redrive` 1 when records would be refused again."""
    known = settings.from_environment()
    if args.action == "show":
        return _show_one(_place(args.place), asyncio.run(letters.read(known)))
    choice = Choice(args.producer, args.rule, args.since, args.until)
    chosen = [letter for letter in asyncio.run(letters.read(known)) if choice.has(letter)]
    return _list(args, chosen) if args.action == "list" else _redrive(args, known, chosen)


def _list(args: argparse.Namespace, chosen: list[Letter]) -> int:
    groups = letters.grouped(chosen)
    if args.json:
        print_json({"dead_letters": [group.as_json() for group in groups]})
        return 0
    from rich.table import Table

    if not groups:
        show("no record was refused")
        return 0
    table = Table("producer", "rule", "field", "records", "last", "example")
    for group in groups:
        last = format_instant(group.last_us // SECOND_US * SECOND_US)
        table.add_row(group.producer or "-", group.rule, group.field, f"{group.count:,}", last, group.example.place)
    show(table, "\n".join(f"{group.example.place}  {group.example.body.sentence}" for group in groups))
    return 0


def _show_one(place: str, found: list[Letter]) -> int:
    letter = next((one for one in found if one.place == place), None)
    if letter is None:
        raise UsageError(f"there is no dead letter {place}; `keepline dead-letters list` names one of each kind")
    text = None if letter.value is None else letter.value.decode("utf-8", "backslashreplace")
    print_json({"at": format_instant(letter.at_us)} | letter.body.model_dump(exclude={"value"}) | {"record": text})
    return 0


def _redrive(args: argparse.Namespace, known: settings.Settings, chosen: list[Letter]) -> int:
    repairs = mapping.load(args.map) if args.map else mapping.Repairs()
    plan = redrive.plan(chosen, repairs, asyncio.run(redrive.sent_before(known)), time.time_ns() // 1000)
    if args.send and plan.ready:
        asyncio.run(redrive.send(known, plan.ready))
    done = "sent" if args.send else "would be sent; --send does it"
    print(f"{len(plan.ready)} records {done}; {plan.before} were sent before; {len(plan.refused)} stay refused")
    why = Counter(reason for _, reason in plan.refused)
    for reason, count in why.most_common(MOST_SHOWN):
        print(f"{count} stay refused: {reason}")
    return REFUSED_AGAIN if plan.refused else 0


def _place(text: str) -> str:
    partition, slash, offset = text.partition("/")
    if not (slash and partition.isdecimal() and offset.isdecimal()):
        raise UsageError(f"{text!r}: expected PARTITION/OFFSET, as in 3/812")
    return f"{int(partition)}/{int(offset)}"
