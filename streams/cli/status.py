"""`keepline status`: the state of a group of workers, read from the brokers."""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import asdict

from online_model.readiness import Hold
from schemas.errors import Failure
from schemas.instants import format_instant
from streams.cli import complain
from streams.kafka import settings
from streams.kafka.status import Status, UnitState, read
from streams.operations.terminal import print_json, show
from streams.operations.verdict import verdict_of

WATCH_S = 5.0
CLEAR = "\x1b[H\x1b[2J"
MOST_SHOWN = 10  # producers that send fields that are not in the schema; `--json` has more
GROUPS = {  # prefix of counts: what their line begins with
    "tier_": "sent by tier: ",
    "withheld_": "withheld: ",
    "cases_": "updates of cases: ",
    "touches_by_": "touches: ",
    "tasks_": "tasks: ",
    "lifecycle_": "customers on the last Monday: ",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline status --json"
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--watch", action="store_true", help="show it again every five seconds, until Ctrl-C")


def run(args: argparse.Namespace) -> int:
    """Returns 0 without problems; 1 with problems, one line each on standard error. Watched, it goes on when brokers
    do not answer.
    """
    known = settings.from_environment()
    while args.watch:
        try:
            _report(args, asyncio.run(read(known)))
        except Failure as error:
            complain(str(error))
        time.sleep(WATCH_S)
    return _report(args, asyncio.run(read(known)))


def _report(args: argparse.Namespace, status: Status) -> int:
    if args.json:
        print_json(status.as_json() | {"verdict": asdict(verdict_of(status))})
    else:
        print(CLEAR if args.watch else "", end="")
        _show(status)
    for problem in status.problems:
        complain(problem)
    return 1 if status.problems else 0


def _show(status: Status) -> None:
    from rich.table import Table

    topics = f" on topics {status.topic_prefix}*" if status.topic_prefix else ""
    show(str(verdict_of(status)))
    show(f"group {status.group}{topics}: {status.state.lower()}, {status.members} workers; {_model(status)}")
    show("\n".join(_counts(status) or ["nothing counted yet"]))
    units = Table("unit", "up to", "checkpoint", "lag (records)", "alerts", "state")
    for unit in status.units:
        ago = f"{unit.seconds_since_checkpoint:,.0f} s ago"
        alerts = "unknown yet" if unit.alerts is None else str(len(unit.alerts))
        units.add_row(unit.unit, unit.frontier or "-", ago, f"{unit.lag_records:,}", alerts, _state(unit))
    places = Table("topic", "partition", "position", "end", "lag (records)", "lag (s)")
    for place in status.places:
        numbers = (place.partition, place.position, place.end, place.lag_records)
        age = "hidden" if place.lag_seconds is None else f"{place.lag_seconds:,.0f}"
        places.add_row(place.topic, *[f"{number:,}" for number in numbers], age)
    show(units, places)


def _state(unit: UnitState) -> str:
    if unit.given_up:
        return "given up"
    if unit.done:
        return "at the end"
    return "waits for model or grants" if unit.waiting else "working"


def _counts(status: Status) -> list[str]:
    """Returns a line a group of counts, those without a group first."""
    lines: dict[str, list[str]] = {}
    for name, count in sorted(status.counts.items()):
        prefix = next((prefix for prefix in GROUPS if name.startswith(prefix)), "")
        lines.setdefault(prefix, []).append(f"{count:,} {name.removeprefix(prefix).replace('_', ' ')}")
    unknown = sorted(status.unknown_fields.items(), key=lambda one: (-one[1], one[0]))
    lines |= {"unknown fields: ": [f"{count:,} from {name}" for name, count in unknown[:MOST_SHOWN]]} if unknown else {}
    return [f"{GROUPS.get(prefix, prefix)}{', '.join(counts)}" for prefix, counts in sorted(lines.items())]


def _model(status: Status) -> str:
    if status.model is None:
        return "no model yet"
    in_force = f"model {status.model.version} of {format_instant(status.model.instant_us)}"
    if status.model.ready:
        return in_force
    return f"{in_force}, not ready: {Hold.__members__.get(status.model.hold, 'for an unknown reason')}"
