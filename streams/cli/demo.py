"""`keepline demo`: the five-minute tour."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

CUSTOMERS, DAYS = 3000, 730


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--out", type=Path, default=Path("demo-out"), metavar="DIR", help="page and files (demo-out)")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help=f"of the invented city ({CUSTOMERS})")
    parser.add_argument("--days", type=int, default=DAYS, help=f"that it is watched for ({DAYS})")


def run(args: argparse.Namespace) -> int:
    """0: everything ran, and there is a page to look at."""
    from rich.console import Console  # not for --help

    from streams.demo.run import Demo

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: worker and broker end with it
    args.out.mkdir(parents=True, exist_ok=True)
    Demo(args.out, args.customers, args.days, Console(highlight=False)).run()
    return 0
