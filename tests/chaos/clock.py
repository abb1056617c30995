"""A clock that runs faster than the wall's from a common origin, so that days of silence pass in minutes.

Limits of requests, sessions and transactions stay real. `install` is the one place that knows what reads the clock: it
makes `streams/kafka/clock.py` run fast, its readings of the broker's clock too, and scales what takes real time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from schemas.instants import SECOND_US

LATENCY_S = 2.0  # real time: a live partition is never further behind the clock, unless it is catching up


@dataclass(frozen=True)
class FastClock:
    """At the real time `origin_s` it shows `start_s`; both are seconds since 1970."""

    origin_s: float
    start_s: float
    speed: float

    def at(self, real_s: float) -> float:
        """What it shows at a real time."""
        return self.start_s + (real_s - self.origin_s) * self.speed

    def time_ns(self) -> int:
        """Nanoseconds since 1970."""
        return int(self.at(time.time()) * 1e9)

    def monotonic_ns(self) -> int:
        """Nanoseconds that pass as fast."""
        return int(time.monotonic_ns() * self.speed)

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self.time_ns() // 1000

    @property
    def latency_us(self) -> int:
        """What LATENCY_S is on this clock."""
        return int(LATENCY_S * self.speed * SECOND_US)


def install(fast: FastClock) -> None:
    """Makes this process a worker that lives by the clock."""
    from streams.engine import engine, hearing
    from streams.kafka import clock

    read = clock.Clock.read

    def read_fast(self: clock.Clock, broker_ms: int, sent: int, acknowledged: int) -> None:
        read(self, int(fast.at(broker_ms / 1000) * 1000), sent, acknowledged)

    clock.time = fast  # type: ignore[assignment]
    clock.Clock.read = read_fast  # type: ignore[method-assign]
    clock.APART_US = engine.BEHIND_US = hearing.BEHIND_US = fast.latency_us  # type: ignore[misc,attr-defined]
