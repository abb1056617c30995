"""`python -m tests.fuzz --seconds 300 --seed 1`: exit code 1, and the batch to repeat, if one is unanswered."""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.run import Tally, Unanswered, peak_bytes, repeat, run


def main() -> int:
    """Runs and prints what was answered."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description="Mutated records and files over all readers.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, help="end after so many records and files")
    parser.add_argument("--batch", metavar="READER:NUMBER", help="repeat this batch alone, with its traceback")
    args = parser.parse_args()
    if args.batch:
        name, _, number = args.batch.rpartition(":")
        repeat(args.seed, name, int(number), Tally())
        return 0
    start = time.monotonic()
    try:
        tallies = run(args.seed, args.seconds, args.records)
    except Unanswered as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{'reader':14} {'read':>11} {'accepted':>11} {'refused':>11} {'a second':>9} {'slowest batch':>13}")
    for name, tally in tallies.items():
        counts = (tally.records, tally.accepted, tally.refused)
        rate, slowest = tally.records / max(tally.seconds, 1e-9), tally.slowest
        print(f"{name:14}", *(f"{count:11,}" for count in counts), f"{rate:9,.0f} {slowest:11.3f} s")
    total, took = sum(tally.records for tally in tallies.values()), time.monotonic() - start
    print(f"{total:,} answered in {took:.0f} s, at most {peak_bytes() >> 20} MiB; a second: of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
