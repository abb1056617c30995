"""`keepline repartition --to N PREFIX`: replays history into new topics with another number of partitions."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from schemas.instants import format_instant
from streams.cli.options import add_profile_options, count, profile_of
from streams.kafka import repartition, settings
from streams.kafka.repartition import Counts, Report
from streams.units.engine_unit import tick_us

EVERY_S = 1.0  # between two lines of progress


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline repartition --to 6 v2-"
    parser.add_argument("prefix", metavar="PREFIX", help="the KEEPLINE_TOPIC_PREFIX of the new topics")
    parser.add_argument("--to", type=count, required=True, metavar="N", help="partitions of each new topic")
    add_profile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Replays the history; the profile must be the workers' one, since heartbeats follow its tick."""
    profile, known, started = profile_of(args), settings.from_environment(), time.monotonic()
    show = _Progress() if sys.stderr.isatty() else lambda counts, until_us: None
    report = asyncio.run(
        repartition.repartition(known, args.prefix, args.to, tick_us(profile, "event"), profile.time.max_skew_us, show)
    )
    print(_sentence(args.prefix, report, time.monotonic() - started))
    print(_next(args.prefix, known.topic_prefix))
    return 0


class _Progress:
    """Writes how far the replay is over the last line of the terminal."""

    def __init__(self) -> None:
        self._shown_at = 0.0

    def __call__(self, counts: Counts, until_us: int | None) -> None:
        if time.monotonic() - self._shown_at > EVERY_S and until_us is not None:
            self._shown_at = time.monotonic()
            sys.stderr.write(f"\r\x1b[K{counts.events:,} events, up to {format_instant(until_us)}\n")
            sys.stderr.flush()


def _sentence(prefix: str, report: Report, seconds: float) -> str:
    counts = report.counts
    text = (
        f"replayed {counts.events:,} events{' that no earlier run had' if report.resumed else ''} into the topics "
        f"{prefix}* with {report.partitions} partitions in {seconds:.1f} s, {counts.healed:,} of them lay in a wrong "
        f"partition; {counts.refused:,} records that will be refused again, {counts.heartbeats:,} heartbeats"
    )
    if report.begins:
        text += (
            f"; retention has deleted the first records of {', '.join(report.begins)}: they are not in the new topics"
        )
    if report.hidden:
        text += f"; a transaction hides records of {', '.join(report.hidden)}: run this again when it has ended"
    return text


def _next(prefix: str, old: str) -> str:
    return f"""next:
1. with KEEPLINE_TOPIC_PREFIX={prefix} and another KEEPLINE_GROUP or none: keepline worker --clock event --exit-at-end
2. stop the old workers, move the publishers to {prefix}*
3. run this command again: it replays what the publishers have sent meanwhile
4. start the new workers without --clock, let the readers of interventions follow, delete the topics {old}*"""
