"""`keepline lag`: one line and an exit code, for scripts."""

from __future__ import annotations

import argparse
import asyncio

from schemas.instants import SECOND_US, parse_duration
from streams.kafka import settings
from streams.kafka.status import read
from streams.operations.verdict import LATE_S, verdict_of, worst

TOO_MUCH = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline lag --most 5m"
    parser.add_argument(
        "--most",
        type=parse_duration,
        default=int(LATE_S) * SECOND_US,
        metavar="DURATION",
        help="how old the oldest record that waits may be (default: 5m)",
    )


def run(args: argparse.Namespace) -> int:
    """Returns 0 when the group works and is not too late, else 1."""
    status = asyncio.run(read(settings.from_environment()))
    verdict, place = verdict_of(status), worst(status)
    age_s, records = (place.lag_seconds or 0.0) if place else 0.0, sum(one.lag_records for one in status.places)
    print(f"{age_s:.0f} s, {records} records; {verdict}")
    return TOO_MUCH if verdict.state == "stopped" or age_s * SECOND_US > args.most else 0
