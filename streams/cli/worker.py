"""`keepline worker`: one process of the consumer group that scores events."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from schemas.native.loading import loaded
from streams.cli.options import add_profile_options, profile_of
from streams.cli.supervision import Supervisor
from streams.kafka import clock, commits, logging_setup, settings, topics
from streams.profile.profile import Profile
from streams.units.dispatcher_unit import DispatcherUnit
from streams.units.engine_unit import EngineUnit
from streams.units.learner_unit import LearnerUnit
from streams.units.unit import Blueprint, Clock

if TYPE_CHECKING:
    from streams.kafka.worker import Worker

SUPERVISE = "--supervise"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline worker --instance w0 --http 9090"
    add_profile_options(parser)
    parser.add_argument("--instance", metavar="NAME", help="static membership: a restart gets the same partitions back")
    parser.add_argument(
        "--clock",
        choices=("wall", "event"),
        default="wall",
        help="wall: ticks by arrival time (live); event: ticks by event time, as in a replay",
    )
    parser.add_argument(
        "--checkpoint-every",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="interval of checkpoints (default: 1); output that another unit waits for is committed at once",
    )
    parser.add_argument("--http", metavar="[HOST:]PORT", help="serve /metrics, /healthz and /readyz on this port")
    parser.add_argument("--exit-at-end", action="store_true", help="commit a checkpoint and exit 0 at the end markers")
    parser.add_argument(
        SUPERVISE, action="store_true", help="start the worker again when it ends by itself (systemd does so, too)"
    )


def run(args: argparse.Namespace) -> int:
    """Returns 0 after a signal or at the end of the input."""
    profile, known = profile_of(args), settings.from_environment()
    if args.supervise:
        words = [word for word in args.words if word != SUPERVISE]
        return Supervisor([sys.executable, "-m", "streams.cli", *words]).run()
    partitions = asyncio.run(_partitions(known))
    logging_setup.set_up()
    _say_what_is_compiled()
    asyncio.run(clock.check(known, profile.time.max_skew_us))
    asyncio.run(_work(args, known, profile, partitions))
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)  # everything is saved; a consumer thread that does not end must not keep the process alive


def _say_what_is_compiled() -> None:
    found = loaded()
    logging.getLogger(__name__).log(logging.INFO if found.compiled else logging.WARNING, found.told)


async def _partitions(known: settings.Settings) -> int:
    partitions = await topics.partition_count(known)
    await commits.refuse_other_partitions(known, partitions)
    await topics.refuse_missing_access(known)
    return partitions


def blueprints(profile: Profile, partitions: int, clock: Clock) -> list[Blueprint]:
    """Returns the units: an engine a partition, the learner, and a dispatcher where budgets or teams are shared."""
    units = [_engine(profile, partition, clock, partitions) for partition in range(partitions)]
    units.append(Blueprint.of(lambda: LearnerUnit(profile, partitions, clock)))
    if profile.limits.shared:
        units.append(Blueprint.of(lambda: DispatcherUnit(profile, partitions, clock)))
    return units


def _engine(profile: Profile, partition: int, clock: Clock, partitions: int) -> Blueprint:
    return Blueprint.of(lambda: EngineUnit(profile, partition, clock, partitions))


async def _work(args: argparse.Namespace, known: settings.Settings, profile: Profile, partitions: int) -> None:
    from streams.kafka import private_api  # Faust takes a second to import: not for --help or a wrong option
    from streams.kafka.worker import Options, Worker
    from streams.operations import pages

    private_api.check()
    options = Options(
        args.clock == "wall",
        args.instance,
        args.exit_at_end,
        checkpoint_s=args.checkpoint_every,
        max_skew_us=profile.time.max_skew_us,
    )
    units = blueprints(profile, partitions, args.clock)
    worker = Worker(known, units, options, show if sys.stderr.isatty() else lambda worker: None)
    if args.http:
        pages.serve(worker, args.http)
    await worker.run()


def show(worker: Worker) -> None:
    """Writes the progress over the last line of the terminal."""
    leases, progress = worker.leases.ready, worker.progress
    rate = progress.events / max(time.monotonic() - progress.since, 1e-3) if progress.since else 0.0
    reached = min((lease.unit.frontier for lease in leases if lease.unit.frontier), default="-")
    done = sum(lease.unit.done for lease in leases)
    text = f"{progress.events:,} events, {rate:,.0f}/s, up to {reached}, {done} of {len(leases)} at the end"
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()
