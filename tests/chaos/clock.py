"""A clock that runs faster than the wall's from a common origin, so that days of silence pass in minutes.

Limits of requests, sessions and transactions are monotonic and stay real. `install` is the one place that knows which
modules read the clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from schemas.instants import SECOND_US

LATENCY_S = 2.0  # real time: a live partition is never further behind the clock, unless it is catching up


@dataclass(frozen=True)
class FastClock:
    """In place of the module `time`. At the real time `origin_s` it shows `start_s`; both are seconds since 1970."""

    origin_s: float
    start_s: float
    speed: float

    def time(self) -> float:
        """Seconds since 1970."""
        return self.start_s + (time.time() - self.origin_s) * self.speed

    def time_ns(self) -> int:
        """Nanoseconds since 1970."""
        return int(self.time() * 1e9)

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self.time_ns() // 1000

    @property
    def latency_us(self) -> int:
        """What LATENCY_S is on this clock."""
        return int(LATENCY_S * self.speed * SECOND_US)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def install(clock: FastClock) -> None:
    """Makes this process a worker that lives by the clock."""
    from aiokafka.consumer import fetcher

    from streams.engine import engine, hearing
    from streams.kafka import lease, transport

    readers: tuple[ModuleType, ...] = (fetcher, lease, transport)
    for module in readers:
        module.time = clock  # type: ignore[attr-defined]
    engine.BEHIND_US = hearing.BEHIND_US = clock.latency_us  # type: ignore[attr-defined]
