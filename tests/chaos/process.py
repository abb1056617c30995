"""A worker as the command runs it, but with a short session, and slowed so that faults find it at work."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from typing import Any

from streams.cli.worker import blueprints
from streams.interventions.profile import load_profile
from streams.kafka import pins, settings, topics
from streams.kafka.lease import Lease
from streams.kafka.worker import Options, Worker


class SlowWorker(Worker):
    """Sleeps after each batch."""

    slow_s = 0.0

    def _apply(self, lease: Lease, batch: Any) -> None:
        super()._apply(lease, batch)
        time.sleep(self.slow_s)


def main(arguments: dict[str, Any]) -> None:
    """Runs to the end markers."""
    pins.check()
    known, profile = settings.from_environment(), load_profile(arguments["profile"], arguments["set"])
    partitions = asyncio.run(topics.partition_count(known))
    options = Options(False, arguments["instance"], exit_at_end=True, session_s=arguments["session_s"])
    SlowWorker.slow_s = arguments["slow_s"]

    async def run() -> None:
        await SlowWorker(known, blueprints(profile, partitions, "event"), options).run()

    asyncio.run(run())
    os._exit(0)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    main(json.loads(sys.argv[1]))
