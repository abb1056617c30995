"""`python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks import registry, report
from benchmarks.measure import Measure, Skipped


def main() -> int:
    """Returns 1 when a claim does not hold; argparse exits with 2 for an unknown benchmark."""
    args = _arguments()
    if args.list:
        width = max(map(len, registry.BENCHMARKS))
        print("\n".join(f"{name:<{width}}  {what}" for name, what in registry.BENCHMARKS.items()))
        return 0
    before = os.getloadavg()
    results: dict[str, list[Measure]] = {}
    skipped: dict[str, str] = {}
    for name in args.names or registry.BENCHMARKS:
        _run(name, args, results, skipped)
    print(f"\n{report.table(results)}\n")
    print(f"load {before[0]:.2f} before, {os.getloadavg()[0]:.2f} after, {os.cpu_count()} processors")
    for name, why in skipped.items():
        print(f"skipped {name}: {why}")
    if args.json:
        report.write_json(args.json, results, skipped, before, {"scale": args.scale, "seed": args.seed})
    failed = report.failed(results)
    for claim in failed:
        print(f"does not hold: {claim}")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Benchmarks, as ratios to named peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (default: all that can run here)")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and exit")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measures to FILE")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated city (default: 1)")
    parser.add_argument(
        "--scale", choices=("small", "full"), default="full", help="small: quick and rough (default: full)"
    )
    args = parser.parse_args()
    unknown = sorted(set(args.names) - set(registry.BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(registry.BENCHMARKS)}")
    return args


def _run(name: str, args: argparse.Namespace, results: dict[str, list[Measure]], skipped: dict[str, str]) -> None:
    started = time.monotonic()
    print(f"{name} ...", file=sys.stderr, flush=True)
    try:
        results[name] = registry.load(name)(args.scale, args.seed)
    except (Skipped, ModuleNotFoundError) as error:
        skipped[name] = str(error)
        print(f"  skipped: {error}", file=sys.stderr)
        return
    for measure in results[name]:
        print(f"  {report.line('', measure)}", file=sys.stderr)
    print(f"  ({time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
