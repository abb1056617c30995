"""A worker as the command runs it, but with a short session, and slow, so that faults hit it at work; or live, by a
fast clock. A signal makes it fail at the most critical points, which random faults seldom hit.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sys
import time
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaStorageError

from streams.cli.worker import blueprints
from streams.kafka import clock, private_api, settings, topics
from streams.kafka import lease as lease_module
from streams.kafka import worker as worker_module
from streams.kafka.lease import Lease
from streams.kafka.worker import Options, Worker
from streams.profile.loading import load_profile
from tests.chaos.clock import FastClock, install

# FREEZE: stops before the next commit (until SIGCONT); DIE: killed before or after it; DROP: loses the next batch;
# FAIL: the next record sent meets a full disk
FREEZE, DIE, DROP, FAIL = (signal.SIGRTMIN + i for i in range(4))
pending: set[int] = set()


def take_pending(what: int) -> bool:
    """Returns whether the signal has arrived, and clears it."""
    if what not in pending:
        return False
    pending.discard(what)
    logging.warning("fault: %s", {FREEZE: "freeze", DIE: "die", DROP: "drop", FAIL: "fail"}[what])
    return True


class Producer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
    """A producer with faults inside checkpoints."""

    async def send_batch(self, *args: Any, **options: Any) -> Any:
        """Sends, or fails on FAIL."""
        if take_pending(FAIL):
            raise KafkaStorageError
        return await super().send_batch(*args, **options)

    async def commit_transaction(self) -> None:
        """Commits; FREEZE stops the process before it, DIE kills it before or after it."""
        if take_pending(FREEZE):
            os.kill(os.getpid(), signal.SIGSTOP)
        dies = take_pending(DIE)
        if dies and random.random() < 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        await super().commit_transaction()
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)


class SlowWorker(Worker):
    """Sleeps after each batch."""

    slow_s = 0.0

    def _apply(self, lease: Lease, batch: Any) -> None:
        if take_pending(DROP):
            return
        super()._apply(lease, batch)
        time.sleep(self.slow_s)


def main(arguments: dict[str, Any]) -> None:
    """Runs to the end markers; live, until it is terminated."""
    for number in (FREEZE, DIE, DROP, FAIL):
        signal.signal(number, lambda number, frame: pending.add(number))
    lease_module.AIOKafkaProducer = Producer
    if arguments["fetch"]:
        worker_module.FETCH_RECORDS, worker_module.FETCH_BYTES = arguments["fetch"], arguments["fetch"] * 300
    private_api.check()
    known, profile = settings.from_environment(), load_profile(arguments["profile"], arguments["set"])
    partitions = asyncio.run(topics.partition_count(known))
    live, session_s = "clock" in arguments, arguments["session_s"]
    if live:
        install(FastClock(**arguments["clock"]))
        asyncio.run(clock.check(known, profile.time.max_skew_us))
    options = Options(live, arguments["instance"], exit_at_end=not live, session_s=session_s)
    SlowWorker.slow_s = arguments["slow_s"]

    async def run() -> None:
        await SlowWorker(known, blueprints(profile, partitions, "wall" if live else "event"), options).run()

    asyncio.run(run())
    os._exit(0)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    main(json.loads(sys.argv[1]))
