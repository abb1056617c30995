"""`keepline models`: lists and compares served versions, and sends commands to the learner."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

from online_model.registry import Command
from online_model.snapshot import Snapshot
from schemas.instants import format_instant
from streams.cli.options import instant
from streams.kafka import settings
from streams.operations.models import compare, reader, terminal
from streams.operations.models.send import send
from streams.operations.terminal import print_json, show

VERSION = "number of a version, as `keepline models list` shows it"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the actions with their options, and an example."""
    parser.epilog = "example: keepline models rollback 41 --why 'wrong prices in the feed'"
    actions = parser.add_subparsers(dest="action", metavar="action", required=True)
    _add(actions, "list", "show every version: lineage, data, labels, metrics, profile", "--dir out")
    _add(actions, "show", "show one version", "41").add_argument("version", type=int, help=VERSION)
    two = _add(actions, "diff", "show two versions side by side", "40 41")
    for name in ("a", "b"):
        two.add_argument(name, type=int, metavar=name.upper(), help=VERSION)
    text = "serve an earlier version from the next grid instant (Monday 00:00 UTC) on; the learner goes on learning"
    back = _add(actions, "rollback", text, "41 --why 'wrong prices in the feed'")
    back.add_argument("version", type=int, help=VERSION)
    text = "end a rollback, or make a challenger the champion"
    promote = _add(actions, "promote", text, "--challenger fast --why 'better on recent weeks'")
    promote.add_argument(
        "--challenger", metavar="NAME", help="the new champion (default: the champion does not change)"
    )
    for command in (back, promote):
        command.add_argument("--why", required=True, help="reason, recorded with the version")
        command.add_argument("--at", type=instant, metavar="INSTANT", help="event time of the command (default: now)")


def run(args: argparse.Namespace) -> int:
    """Returns 0; with --dir a command is printed, as a line for `replay --model-commands`."""
    if args.action in ("rollback", "promote"):
        return _command(args)
    versions = _versions(args)
    if args.action == "list":
        found = [reader.as_json(version) for version in versions.values()]
        print_json({"models": found}) if args.json else show(terminal.version_list(found))
    elif args.action == "show":
        body = _body(reader.find(versions, args.version))
        print_json(body) if args.json else show(terminal.one_version(body))
    else:
        _diff(args, reader.find(versions, args.a), reader.find(versions, args.b))
    return 0


def _command(args: argparse.Namespace) -> int:
    at_us = time.time_ns() // 1000 if args.at is None else args.at
    model = reader.find(_versions(args), args.version) if args.action == "rollback" else None
    challenger = None if model else args.challenger
    if challenger is not None:
        reader.check_challenger(_versions(args), challenger)
    command = Command(at_us, args.why, model, challenger)
    if args.dir:
        print(command.dumps().decode())
        return 0
    asyncio.run(send(settings.from_environment(), command))
    sent = {"action": args.action, "version": model.version if model else None, **command.evidence}
    if args.json:
        print_json(sent)
    else:
        what = f"version {model.version}" if model else challenger or "the learner's newest version"
        print(f"{what} will be served from the first grid instant at or after {format_instant(at_us)}")
    return 0


def _diff(args: argparse.Namespace, a: Snapshot, b: Snapshot) -> None:
    bodies, changes = [_body(a), _body(b)], compare.changes(a, b)
    if args.json:
        print_json({"a": bodies[0], "b": bodies[1], "features": [{"name": n, "change": by} for n, by in changes]})
    else:
        show(terminal.two_versions(bodies, changes))


def _versions(args: argparse.Namespace) -> reader.Versions:
    return reader.from_folder(args.dir) if args.dir else asyncio.run(reader.from_topic(settings.from_environment()))


def _body(version: Snapshot) -> dict[str, Any]:
    p = version.parameters
    return reader.as_json(version) | {
        "experts": compare.weights(version),
        "slope": p.slope,
        "level": p.level,
        "shift": version.shift,
    }


def _add(actions: Any, name: str, text: str, example: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    action.epilog = f"example: keepline models {name} {example}"
    action.add_argument("--dir", type=Path, help="read the folder of a replay, not the topics of KEEPLINE_BROKERS")
    action.add_argument("--json", action="store_true", help="one JSON object")
    return action
