"""`keepline publish FILE...`: sends files to the topics in event-time order, from where an earlier run broke off."""

from __future__ import annotations

import argparse
import asyncio
import time

from streams.cli.file_options import add_allow_refused, add_file_options, checked
from streams.cli.options import add_profile_options, profile_of
from streams.cli.progress import Progress, State
from streams.files.file_sources import FileSources
from streams.files.fingerprint import fingerprint
from streams.files.tick_reader import Ticks
from streams.kafka import publish, settings
from streams.profile.profile import Profile


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline publish service_visits.jsonl app_activity.jsonl --end"
    add_file_options(parser)
    add_allow_refused(parser)
    parser.add_argument("--end", action="store_true", help="send end markers after the last event: no event follows")
    parser.add_argument("--rate", type=_rate, metavar="N", help="send at most N events in any second")
    parser.add_argument(
        "--late",
        action="store_true",
        help="send also events older than what the group has applied or other files have published",
    )
    parser.add_argument(
        "--again", action="store_true", help="send everything again, also what was sent of these files before"
    )
    add_profile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Publishes the files; the profile must be the workers' one, since heartbeats follow its tick."""
    profile = profile_of(args)
    send(args, profile, publish.Options(profile.time.latest_us, args.end, args.rate, args.late, args.again))
    return 0


def send(args: argparse.Namespace, profile: Profile, options: publish.Options) -> str:
    """Publishes the files of the command line, says how many events were sent, and returns the files' digest."""
    known = settings.from_environment()
    files, started = fingerprint(args.files, args.kind), time.perf_counter()
    terms, plan = checked(args, profile, files.paths)
    reading: list[FileSources] = []

    def open_ticks() -> Ticks:
        reading.append(FileSources(files.paths, terms, plan))
        return Ticks(reading[-1], terms.tick_us)

    def progress() -> State:
        return (reading[-1].share, reading[-1].doing or f"{reading[-1].read:,} rows read") if reading else (0.0, "")

    with Progress("publish", progress):
        sent = asyncio.run(publish.publish(known, files, open_ticks, options, print))
    if sent is not None:
        seconds = time.perf_counter() - started
        print(f"published {sent:,} events in {seconds:.1f} s ({sent / seconds:,.0f} a second)")
    return files.digest


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if rate <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of events a second")
    return rate
