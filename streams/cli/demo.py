"""`keepline demo`: the five-minute demo."""

from __future__ import annotations

import argparse
from pathlib import Path

from streams.cli.interruption import sigterm_as_ctrl_c

CUSTOMERS, DAYS = 2400, 730


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
    parser.add_argument(
        "--stay", action="store_true", help="the city lives on until Ctrl-C, and the pages are written then"
    )
    parser.add_argument("--days", type=int, default=DAYS, help=f"simulated days (default: {DAYS})")


def run(args: argparse.Namespace) -> int:
    """Returns 0 when the page is written."""
    from rich.console import Console  # not for --help

    from streams.demo.run import Demo

    sigterm_as_ctrl_c()  # so that worker and broker end, too
    args.out.mkdir(parents=True, exist_ok=True)
    Demo(args.out, args.customers, args.days, Console(highlight=False), args.stay).run()
    return 0
