"""Makes the faults and prints the table."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from tests.faults.kinds import FAULTS, Fault, LeftOut
from tests.faults.stage import WORKERS, Stage, stage
from tests.faults.table import Result, table
from tests.faults.watch import Watch

CALM_LIMIT_S, TELL_LIMIT_S, HEAL_LIMIT_S, STEP_S = 300.0, 150.0, 240.0, 0.5


def main() -> int:
    """Returns 1 when a fault is not told anywhere, does not heal, or nothing says what to do about it."""
    parser = argparse.ArgumentParser("python -m tests.faults", description="Faults against what on-call is told.")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[one.name for one in FAULTS], default=[])
    parser.add_argument("--away", type=float, default=300.0, metavar="SECONDS", help="how long the brokers are away")
    parser.add_argument("--list", action="store_true", help="print the names of the faults")
    parser.add_argument("--all-texts", action="store_true", help="print each text as soon as it is told")
    known = parser.parse_args()
    if known.list:
        print("\n".join(f"{one.name:20} {one.title}" for one in FAULTS))
        return 0
    logging.disable(logging.CRITICAL)  # of the clients in this process
    chosen = [one for one in FAULTS if not known.only or one.name in known.only]
    chosen = [replace(one, lasts_s=known.away) if one.name == "broker-away" else one for one in chosen]
    with tempfile.TemporaryDirectory(prefix="keepline-faults-") as folder:
        results: list[Result] = []
        try:
            asyncio.run(run(Path(folder), chosen, results, known.all_texts))
        finally:
            print(table(results))  # also what there is when it is broken off
    for result in results:
        for wrong in result.wrong:
            print(f"WRONG: {result.fault.name}: {wrong}")
    return 1 if any(result.wrong for result in results) else 0


async def run(folder: Path, faults: list[Fault], results: list[Result], all_texts: bool = False) -> None:
    """Makes one fault after the other, each in a group that is well; adds to the results."""
    async with stage(folder) as ready:
        watch = Watch(ready, all_texts)
        watching = asyncio.ensure_future(watch.run())
        for fault in faults:
            if await until_well(watch, CALM_LIMIT_S, None) is None:
                raise SystemExit(f"the group is not well before {fault.name}: {problems(watch)}")
            try:
                results.append(await suffer(ready, watch, fault))
            except LeftOut as error:
                print(f"{fault.name} is left out: {error}", file=sys.stderr)
                continue
            report(results[-1])
            if fault.leaves:  # alerts that stay for a day
                await ready.stop_workers()
                for worker in WORKERS:
                    ready.start_worker(worker)
        watch.ended = True
        await watching  # a `keepline status` on its way waits a minute for brokers that have gone


async def suffer(ready: Stage, watch: Watch, fault: Fault) -> Result:
    """Makes a fault, ends it, waits until all is well."""
    print(fault.name, file=sys.stderr, flush=True)
    watch.reset()
    began = time.monotonic()
    async with AsyncExitStack() as end:
        await fault.begin(ready, end)
        await asyncio.sleep(fault.lasts_s)
        while watch.lacks(fault) and time.monotonic() - began < TELL_LIMIT_S:  # noqa: ASYNC110 -- of other processes
            await asyncio.sleep(STEP_S)
    ended = time.monotonic()
    seen = list(watch.seen)
    well_s = await until_well(watch, HEAL_LIMIT_S, fault.leaves)
    return Result(fault, seen, ended - began, well_s, watch.slowest_s, problems(watch))


async def until_well(watch: Watch, limit_s: float, leaves: str | None) -> float | None:
    """Returns after how many seconds everything is well; None: not within the limit."""
    since, since_wall = time.monotonic(), time.time()
    while time.monotonic() < since + limit_s:
        if watch.is_well(since, since_wall, leaves):
            return time.monotonic() - since
        await asyncio.sleep(STEP_S)
    return None


def problems(watch: Watch) -> list[str]:
    """What `keepline status` and the pages say now."""
    pages = [
        f"{worker} {name}: {text.strip()}"
        for worker, found in watch.pages.items()
        for name, (code, text) in found.items()
        if code != 200
    ]
    return [*(watch.status.problems if watch.status else []), *pages]


def report(result: Result) -> None:
    """Prints a line about a fault."""
    well = "never" if result.well_s is None else f"after {result.well_s:.0f} s"
    print(f"{result.fault.name}: lasted {result.lasted_s:.0f} s, all well {well}, the slowest status took "
          f"{result.status_s:.0f} s", file=sys.stderr, flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
