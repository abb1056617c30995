"""`keepline erase`: ends cases, touches and scores of a customer, by a record in the log, so that a replay does too."""

from __future__ import annotations

import argparse
import asyncio
import time

from schemas.instants import format_instant
from streams.cli.options import instant
from streams.kafka import settings
from streams.operations.erase import erasure, send


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options, and an example."""
    parser.epilog = "example: keepline erase c-17 --why 'asked for it on the phone'"
    parser.add_argument("customer", metavar="CUSTOMER", help="the customer's id")
    parser.add_argument("--why", required=True, help="reason, kept in the record")
    parser.add_argument("--at", type=instant, metavar="INSTANT", help="event time of the record (default: now)")


def run(args: argparse.Namespace) -> int:
    """Returns 0 when the record is acknowledged."""
    now_us = time.time_ns() // 1000
    at_us = now_us if args.at is None else args.at
    asyncio.run(send(settings.from_environment(), args.customer, erasure(args.customer, args.why, at_us, now_us)))
    print(
        f"{args.customer} is erased as of {format_instant(at_us)}: cases, touches and scores end when a worker reads it"
    )
    return 0
