"""`keepline publish --rate`: so many events in any second, not on the average."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

SLICES_A_SECOND = 20


class Pace:
    """Events go out in slices of a twentieth of the rate; the next slice begins when this one's share of a second is
    over. Time that was lost is not made up for: after a wait for the brokers no burst follows.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """rate: events a second at most; clock: returns seconds."""
        self.rate, self.slice = rate, max(1, int(rate / SLICES_A_SECOND))
        self.clock, self.sleep = clock, sleep
        self.waiting, self.began = 0, clock()

    def add(self) -> bool:
        """Counts an event; returns whether the slice is full: send it, then wait with `rest`."""
        self.waiting += 1
        return self.waiting >= self.slice

    async def rest(self) -> None:
        """Returns when the next slice may begin."""
        due = self.began + self.waiting / self.rate
        await self.sleep(max(0.0, due - self.clock()))
        self.waiting, self.began = 0, max(due, self.clock())
