"""`keepline status`: what the workers of a group do, from anywhere."""

from __future__ import annotations

import argparse
import asyncio
import sys

import orjson

from schemas.instants import format_instant
from streams.kafka import settings
from streams.kafka.status import Status, read


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")


def run(args: argparse.Namespace) -> int:
    """0: all is well; 1: something is wrong, and says so."""
    status = asyncio.run(read(settings.from_environment()))
    if args.json:
        print(orjson.dumps(status.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        _show(status)
    for problem in status.problems:
        print(f"keepline: {problem}", file=sys.stderr)
    return 1 if status.problems else 0


def _show(status: Status) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(status.counts.items()))
    console.print(f"group {status.group}: {status.state.lower()}, {status.members} workers; {_model(status)}")
    console.print(counts or "nothing counted yet")
    units = Table("unit", "up to", "checkpoint", "lag (records)", "state")
    for unit in status.units:
        state = "at the end" if unit.done else "waits for a model" if unit.waiting else "working"
        ago = f"{unit.seconds_since_checkpoint:,.0f} s ago"
        units.add_row(unit.unit, unit.frontier or "-", ago, f"{unit.lag_records:,}", state)
    places = Table("topic", "partition", "position", "end", "lag (records)")
    for place in status.places:
        numbers = (place.partition, place.position, place.end, place.lag_records)
        places.add_row(place.topic, *[f"{number:,}" for number in numbers])
    console.print(units, places)


def _model(status: Status) -> str:
    if status.model is None:
        return "no model yet"
    in_force = f"model {status.model['version']} of {format_instant(status.model['instant_us'])}"
    return in_force if status.model["ready"] else f"{in_force}, not ready"
