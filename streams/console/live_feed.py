"""What the Live page shows of a group of workers: its status, read again and again by one client that is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from schemas.errors import Failure
from schemas.instants import SECOND_US
from streams.kafka import topics
from streams.kafka.settings import Settings
from streams.kafka.status import Status, read_by
from streams.operations.verdict import Verdict, verdict_of

LOOK_S, SELDOM_S = 1.0, 5.0  # while a browser shows the page, and otherwise
LIMIT_S = 20.0
MOST_COUNTED = 1_000  # records that wait are counted one by one up to this
RATE_US = 10 * SECOND_US  # events a second are those of the last so many
KEPT_US = 300 * SECOND_US
PAGE = "live"
Read = Callable[[], Awaitable[Status]]
Open = Callable[[], AbstractAsyncContextManager[Read]]


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. at_us: when; error: why nothing was seen since, empty: it was; rate: events a second, None: not
    known yet; rates: us and events a second, the oldest first.
    """

    at_us: int
    status: Status
    verdict: Verdict
    error: str
    rate: float | None
    rates: Sequence[tuple[int, float]]


class Rates:
    """Events a second from counts that checkpoints have. A count that falls is of a unit that was not read: it is left
    out, until it has stayed lower.
    """

    MOST_LEFT_OUT = 10

    def __init__(self) -> None:
        self._counts, self._left_out = deque[tuple[int, int]](), 0
        self.all = deque[tuple[int, float]]()

    def add(self, at_us: int, count: int) -> float | None:
        """Returns events a second up to now; None: not known yet."""
        if self._counts and count < self._counts[-1][1]:
            self._left_out += 1
            if self._left_out <= self.MOST_LEFT_OUT:
                return self.all[-1][1] if self.all else None
            self._counts.clear()
        self._left_out = 0
        self._counts.append((at_us, count))
        while len(self._counts) > 2 and self._counts[1][0] <= at_us - RATE_US:
            self._counts.popleft()
        first_us, first = self._counts[0]
        if at_us <= first_us:
            return None
        rate = (count - first) / (at_us - first_us) * SECOND_US
        self.all.append((at_us, rate))
        while self.all[0][0] < at_us - KEPT_US:
            self.all.popleft()
        return rate


class LiveFeed:
    """Looks at a group. open_status: connects and gives what reads; clock: now, in us."""

    def __init__(self, open_status: Open, clock: Callable[[], int]) -> None:
        self._open, self._clock, self._rates = open_status, clock, Rates()
        self._last: Look | None = None
        self.failed = ""  # why nothing was seen yet

    @property
    def last(self) -> Look | None:
        """The last look; None: there was none yet."""
        return self._last

    async def run(self, tell: Callable[[str], None], is_shown: Callable[[str], bool]) -> None:
        """Goes on until it is cancelled. tell: says that a page has news; is_shown: whether a browser shows a page."""
        while True:
            try:
                async with self._open() as read:
                    while True:
                        self._take(await asyncio.wait_for(read(), LIMIT_S))
                        tell(PAGE)
                        await asyncio.sleep(LOOK_S if is_shown(PAGE) else SELDOM_S)
            except (Failure, KafkaError, OSError, TimeoutError) as error:
                self._miss(str(error) or f"the brokers did not answer within {LIMIT_S:.0f} s")
                tell(PAGE)
                await asyncio.sleep(LOOK_S)

    def _take(self, status: Status) -> None:
        now_us = self._clock()
        rate = self._rates.add(now_us, events_of(status))
        verdict = verdict_of(status, now_us / SECOND_US)
        self._last = Look(now_us, status, verdict, "", rate, tuple(self._rates.all))

    def _miss(self, why: str) -> None:
        self.failed, last = why, self._last
        if last is not None:
            self._last = Look(last.at_us, last.status, last.verdict, why, None, last.rates)


def events_of(status: Status) -> int:
    """Returns how many events the group has applied."""
    return status.counts.get("applied", 0) + status.counts.get("late", 0)


def of_group(settings: Settings) -> Open:
    """Returns what connects to the brokers of a group."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Read]:
        async with topics.admin(settings) as client:
            yield lambda: read_by(client, settings, MOST_COUNTED)

    return opened
