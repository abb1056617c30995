"""`keepline probe`: an event to each partition and back as a score, with its round trip."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress

from schemas.instants import SECOND_US, format_duration, parse_duration
from streams.kafka import settings
from streams.operations.probe import RoundTrips, probe, release
from streams.operations.terminal import print_json

TOO_LATE = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline probe --every 1m --json"
    parser.add_argument(
        "--limit", type=parse_duration, default=10 * SECOND_US, metavar="DURATION", help="to wait for (default: 10s)"
    )
    parser.add_argument("--every", type=parse_duration, metavar="DURATION", help="again each time (default: once)")
    parser.add_argument("--json", action="store_true", help="print a JSON object a probe instead of a line")


def run(args: argparse.Namespace) -> int:
    """Returns 0 when every partition has answered in time, else 1; with --every it goes on until it is interrupted."""
    known = settings.from_environment()
    try:
        return asyncio.run(_run(known, args))
    finally:
        with suppress(KeyboardInterrupt):
            asyncio.run(release(known))


async def _run(known: settings.Settings, args: argparse.Namespace) -> int:
    while True:
        found = await probe(known, args.limit / SECOND_US)
        if args.json:
            print_json({"seconds": {str(partition): seconds for partition, seconds in found.items()}})
        else:
            print(_line(found, args.limit), flush=True)
        if args.every is None:
            return TOO_LATE if None in found.values() else 0
        await asyncio.sleep(args.every / SECOND_US)


def _line(found: RoundTrips, limit_us: int) -> str:
    known = [seconds for seconds in found.values() if seconds is not None]
    late = [str(partition) for partition, seconds in found.items() if seconds is None]
    worst = f"{max(known):.2f} s at most" if known else "no answer"
    if not late:
        return f"{worst}, {len(found)} partitions"
    return f"{worst}; no score within {format_duration(limit_us)} of partitions {', '.join(late)}"
