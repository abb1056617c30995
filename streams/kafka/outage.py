"""Why brokers do not answer, asked while this process is no member of its group: clients only try again in silence."""

from __future__ import annotations

import asyncio
import logging
import time

from streams.kafka.access import unreachable
from streams.kafka.leases import Leases
from streams.kafka.settings import Settings

EVERY_S = 1.0
AGAIN_S = 15.0  # between two attempts to reach the brokers

log = logging.getLogger("keepline.worker")


class Outage:
    """`why`: a sentence on the addresses that do not answer; "" while the process is a member, or all answer."""

    def __init__(self, settings: Settings, leases: Leases, after_s: float) -> None:
        """after_s: without an answered heartbeat of the group; until then it may be one that is late."""
        self._settings, self._leases, self._after_s = settings, leases, after_s
        self.why = ""

    async def watch(self) -> None:
        """Until it is cancelled. Each change is one line of log."""
        while True:
            await asyncio.sleep(EVERY_S)
            if self.away_s < self._after_s:
                self._found("")
                continue
            self._found(await unreachable(self._settings))
            await asyncio.sleep(AGAIN_S - EVERY_S if self.why else 0.0)

    @property
    def away_s(self) -> float:
        """Seconds since this process was last known to be a member of its group."""
        return time.monotonic() - self._leases.member_at

    def _found(self, why: str) -> None:
        if why and why != self.why:
            log.error("brokers do not answer, the worker waits for them: %s", why)
        elif self.why and not why:
            log.warning("resolved: brokers answer again")
        self.why = why
