"""`keepline publish FILE...`: sends files to the topics in event-time order."""

from __future__ import annotations

import argparse
import asyncio
import time

from streams.cli.file_options import add_allow_refused, add_file_options, checked_sources
from streams.cli.options import add_profile_options, profile_of
from streams.cli.progress import Progress
from streams.files.tick_reader import Ticks
from streams.kafka import publish, settings
from streams.units.engine_unit import tick_us


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline publish service_visits.jsonl app_activity.jsonl --end"
    add_file_options(parser)
    add_allow_refused(parser)
    parser.add_argument("--end", action="store_true", help="send end markers after the last event: no event follows")
    parser.add_argument("--rate", type=_rate, metavar="N", help="send at most N events a second")
    add_profile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Publishes the files; the profile must be the workers' one, since heartbeats follow its tick."""
    profile, known = profile_of(args), settings.from_environment()
    sources = checked_sources(args, profile)
    started = time.perf_counter()
    with Progress("publish", lambda: (sources.share, sources.doing or f"{sources.read:,} rows read")):
        ticks = Ticks(sources, tick_us(profile, "event"))
        sent = asyncio.run(publish.publish(known, ticks, end=args.end, rate=args.rate))
    seconds = time.perf_counter() - started
    print(f"published {sent:,} events in {seconds:.1f} s ({sent / seconds:,.0f} a second)")
    return 0


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if rate <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of events a second")
    return rate
