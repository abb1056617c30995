"""`keepline simulate`: the events of a simulated pilot city, and the truth about its customers."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from schemas.errors import UsageError
from schemas.instants import DAY_US, parse_instant

LATEST_DAYS = 36_525


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline simulate --customers 5000 --days 500 --out city"
    out_help = "folder to write; files of an earlier run are replaced"
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help=out_help)
    add("--customers", type=int, default=20_000, help="customers, newcomers included (default: 20000)")
    add("--days", type=int, default=730, help="simulated days (default: 730)")
    add("--start", default="2023-01-02", metavar="DATE", help="first day, UTC (default: 2023-01-02, a Monday)")
    add("--seed", type=int, default=1, help="each seed is another city (default: 1)")
    add("--format", choices=("jsonl", "csv"), default="jsonl", help="format of the event files (default: jsonl)")


def run(args: argparse.Namespace) -> int:
    """Returns 0 when the folder is complete."""
    from streams.simulation import write_city

    _check("--customers", args.customers, 1, 100_000_000)
    _check("--days", args.days, 1, LATEST_DAYS)
    _check("--seed", args.seed, 0, 2**63 - 1)
    start_us = _midnight(args.start)
    began = time.perf_counter()
    rows = write_city(args.out, args.customers, args.days, start_us, args.seed, args.format)
    seconds = time.perf_counter() - began
    *events, truth = rows.values()
    for name, count in rows.items():
        print(f"{count:>12,} rows  {args.out / name}")
    rate = f"{seconds:.1f} s, {sum(events) / seconds:,.0f} events/s"
    print(f"{sum(events):,} simulated events of {truth:,} customers ({rate})")
    return 0


def _check(option: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(f"{option} {value}: expected {least} to {most}")


def _midnight(date: str) -> int:
    try:
        start_us = parse_instant(f"{date}T00:00:00Z")
    except ValueError:
        raise UsageError(f"--start {date!r}: expected a date, as in 2023-01-02") from None
    if not 0 < start_us < LATEST_DAYS * DAY_US:
        raise UsageError(f"--start {date}: expected a day from 1970-01-02 to 2069-12-31")
    return start_us
