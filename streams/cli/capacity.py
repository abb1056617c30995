"""`keepline capacity`: what a load needs."""

from __future__ import annotations

import argparse
import re

from schemas.errors import UsageError
from schemas.instants import SECOND_US
from streams.cli.options import add_profile_options, profile_of
from streams.operations.capacity import Forecast, Load, forecast
from streams.operations.capacity_costs import MEASURED, ON
from streams.operations.terminal import print_json

NUMBER = re.compile(r"(\d+(?:\.\d+)?)([kM]?)")
TIMES = {"": 1, "k": 1_000, "M": 1_000_000}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline capacity --customers 20M --events-per-second 5000"
    parser.add_argument("--customers", type=number, required=True, metavar="N", help="known customers, as in 20M")
    parser.add_argument("--events-per-second", type=number, required=True, metavar="N", help="at the busiest hour")
    parser.add_argument("--partitions", type=int, metavar="N", help="of the topics (default: what is needed)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    add_profile_options(parser)


def number(text: str) -> float:
    """Returns a number such as 20M; raises UsageError."""
    found = NUMBER.fullmatch(text)
    if not found or not float(found[1]):
        raise UsageError(f"{text!r}: expected a number above 0, as in 5000, 200k or 20M")
    return float(found[1]) * TIMES[found[2]]


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 when the partitions asked for are too few or a limit is passed."""
    if args.partitions is not None and args.partitions < 1:
        raise UsageError(f"--partitions {args.partitions}: expected at least 1")
    sweep_every_s = profile_of(args).time.sweep_every_us / SECOND_US
    found = forecast(Load(args.customers, args.events_per_second, sweep_every_s, args.partitions), MEASURED)
    if args.json:
        print_json(found.as_json())
    else:
        print("\n".join(_lines(found)))
    return 1 if found.advice else 0


def _lines(found: Forecast) -> list[str]:
    return [
        f"partitions        {found.partitions:,}",
        f"workers           {found.workers:,} of one core each; {found.cores:,.2f} cores are busy on average",
        f"memory            {_bytes(found.memory_bytes_a_worker)} a worker",
        f"changelog         {_bytes(found.changelog_bytes)} in three copies, up to twice that before it is compacted",
        f"restore           {found.restore_s_a_partition:,.1f} s of processor time a partition",
        f"broker traffic    {_bytes(found.broker_bytes_a_second)}/s written, three copies included",
        f"a sweep           {found.sweep_s_a_partition:,.1f} s a partition",
        f"a Monday          {found.monday_s_a_partition:,.1f} s a partition, {_bytes(found.monday_bytes)} written",
        f"the learner       {found.learner_s_a_week:,.1f} s and {_bytes(found.learner_bytes)} on a Monday, one worker",
        *found.advice,
        f"reckoned with costs measured on {ON}: docs/capacity.md",
    ]


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
