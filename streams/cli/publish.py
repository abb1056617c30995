"""`keepline publish FILE...`: sends files to the topics in event-time order."""

from __future__ import annotations

import argparse
import asyncio
import time

from streams.cli.options import add_profile_options, profile_of
from streams.files.file_sources import FileSources
from streams.files.tick_reader import Ticks
from streams.kafka import publish, settings
from streams.units.engine_unit import tick_us


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline publish service_visits.jsonl app_activity.jsonl --end"
    parser.add_argument("files", nargs="+", metavar="FILE", help=".csv, .jsonl or .parquet, plain, .gz or .zst")
    parser.add_argument("--end", action="store_true", help="send end markers after the last event: no event follows")
    parser.add_argument("--rate", type=_rate, metavar="N", help="send at most N events a second")
    add_profile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Publishes the files; the profile must be the workers' one, since heartbeats follow its tick."""
    profile, known = profile_of(args), settings.from_environment()
    sources = FileSources(args.files, time.time_ns() // 1000, profile.time.max_skew_us)
    started = time.perf_counter()
    sent = asyncio.run(publish.publish(known, Ticks(sources, tick_us(profile, "event")), end=args.end, rate=args.rate))
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
