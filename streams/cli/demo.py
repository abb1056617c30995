"""`keepline demo`: the five-minute demo."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

CUSTOMERS, DAYS = 3000, 730


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline demo --customers 1000 --days 365"
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo-out"),
        metavar="DIR",
        help="folder for page and files (default: demo-out)",
    )
    parser.add_argument(
        "--customers", type=int, default=CUSTOMERS, help=f"customers of the city (default: {CUSTOMERS})"
    )
    parser.add_argument("--days", type=int, default=DAYS, help=f"simulated days (default: {DAYS})")


def run(args: argparse.Namespace) -> int:
    """Returns 0 when the page is written."""
    from rich.console import Console  # not for --help

    from streams.demo.run import Demo

    # as Ctrl-C, which asyncio turns into a cancellation, and which a shell's background job ignores: ends worker and
    # broker too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    args.out.mkdir(parents=True, exist_ok=True)
    Demo(args.out, args.customers, args.days, Console(highlight=False)).run()
    return 0
