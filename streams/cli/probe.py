"""`keepline probe`: an event to each partition and back as a score, with its round trip."""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Callable
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from schemas.errors import Failure, UsageError
from schemas.instants import SECOND_US, format_duration, parse_duration
from streams.cli import complain
from streams.cli.interruption import sigterm_as_ctrl_c
from streams.kafka import settings
from streams.operations.monitoring.metric_list import PREFIX
from streams.operations.pages import parse_address
from streams.operations.probe import RoundTrips, probe, release
from streams.operations.terminal import print_json

TOO_LATE = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline probe --every 1m --http 9101"
    parser.add_argument(
        "--limit", type=parse_duration, default=10 * SECOND_US, metavar="DURATION", help="to wait for (default: 10s)"
    )
    parser.add_argument("--every", type=parse_duration, metavar="DURATION", help="again each time (default: once)")
    parser.add_argument("--http", metavar="[HOST:]PORT", help="with --every: serve the figures at /metrics")
    parser.add_argument("--json", action="store_true", help="print a JSON object a probe instead of a line")


def run(args: argparse.Namespace) -> int:
    """Returns 0 when every partition has answered in time, else 1; with --every it goes on until it is interrupted."""
    if args.http is not None and args.every is None:
        raise UsageError("--http: expected --every DURATION beside it, as in --every 1m")
    if not args.limit or args.every == 0:
        raise UsageError("--limit, --every: expected more than 0, as in 10s or 1m")
    sigterm_as_ctrl_c()
    known = settings.from_environment()
    told = [_json if args.json else lambda found: print(_line(found, args.limit), flush=True)]
    told += [] if args.http is None else [_page(args.http)]
    try:
        return asyncio.run(_run(known, args, told))
    finally:
        with suppress(KeyboardInterrupt, Failure):  # brokers that are away have been told
            asyncio.run(release(known))


async def _run(known: settings.Settings, args: argparse.Namespace, told: list[Callable[[RoundTrips], None]]) -> int:
    found: RoundTrips = {}
    while True:
        try:
            found = await probe(known, args.limit / SECOND_US)
        except Failure as error:  # brokers that are away, say
            if args.every is None:
                raise
            complain(str(error))
            found = dict.fromkeys(found)
        for tell in told:
            tell(found)
        if args.every is None:
            return TOO_LATE if None in found.values() else 0
        await asyncio.sleep(args.every / SECOND_US)


def _page(address: str) -> Callable[[RoundTrips], None]:
    """Serves /metrics, on a thread of its own; returns what renews its figures."""
    host, port = parse_address(address)
    registry = CollectorRegistry()
    text = "round trip of the last probe, from event to committed score; NaN: not within the limit"
    seconds = Gauge(f"{PREFIX}probe_seconds", text, ["partition"], registry=registry)
    text = "probes that were not answered within the limit"
    unanswered = Counter(f"{PREFIX}probe_unanswered", text, ["partition"], registry=registry)
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        raise Failure(f"--http {address}: cannot listen there: {error.strerror or error}") from None

    def renew(found: RoundTrips) -> None:
        for partition, one in found.items():
            seconds.labels(str(partition)).set(math.nan if one is None else one)
            unanswered.labels(str(partition)).inc(one is None)

    return renew


def _json(found: RoundTrips) -> None:
    print_json({"seconds": {str(partition): seconds for partition, seconds in found.items()}})


def _line(found: RoundTrips, limit_us: int) -> str:
    known = [seconds for seconds in found.values() if seconds is not None]
    late = [str(partition) for partition, seconds in found.items() if seconds is None]
    worst = f"{max(known):.2f} s at most" if known else "no answer"
    if not late:
        return f"{worst}, {len(found)} partitions"
    return f"{worst}; no score within {format_duration(limit_us)} of partitions {', '.join(late)}"
