"""The time by which a unit decides, live: the lower of the worker's clock and the broker's.

A clock that is ahead would lead the frontier beyond events that are still to come, and the state keeps the frontier:
its next owner would stand still until its own clock has reached it. A clock that is behind only delays. So of the two
the lower decides: one wrong clock moves nothing ahead.

The broker's clock is read from acknowledgements of the changelog (message.timestamp.type=LogAppendTime). The broker
read it after the record was sent and before the acknowledgement came, so monotonic time bounds it on both sides.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.errors import Failure
from schemas.instants import SECOND_US, format_instant
from streams.kafka.giving_up import Unfit
from streams.kafka.settings import Settings
from streams.units.unit import CLOCK_KEY

APART_US = 10 * SECOND_US  # NTP keeps clocks within milliseconds; the state may be ahead by the bounds' uncertainty
PROBED = ("state", 0)
PROBE_KEY = CLOCK_KEY  # not that of leases: compaction must not remove a token before it is read
PROBE_LIMIT_S = 15.0


def wall_us() -> int:
    """The worker's clock."""
    return time.time_ns() // 1000


def monotonic_us() -> int:
    """Time that never jumps, from any instant on. It stands still while a machine is suspended, which only delays."""
    return time.monotonic_ns() // 1000


@dataclass(frozen=True, slots=True)
class Bounds:
    """The broker's clock less monotonic time, at least and at most. us."""

    least: int
    most: int

    def narrowed(self, newer: Bounds) -> Bounds:
        """Returns what both readings allow: a slow acknowledgement makes nothing worse. Readings that exclude each
        other mean that the clock was set, or that another broker leads: the newer one counts.
        """
        both = Bounds(max(self.least, newer.least), min(self.most, newer.most))
        return both if both.least <= both.most else newer


class Clock:
    """The clock of a unit. Instants are us."""

    def __init__(
        self,
        max_skew_us: int,
        wall: Callable[[], int] = wall_us,
        monotonic: Callable[[], int] = monotonic_us,
    ) -> None:
        """max_skew_us: a worker whose clock is further ahead of the broker's owns nothing."""
        self.max_skew_us, self._wall, self._monotonic = max_skew_us, wall, monotonic
        self._broker: Bounds | None = None
        self._is_silent = False  # the broker has acknowledged without its time
        self._now_us = 0

    def now_us(self) -> int:
        """Returns the lower of both clocks; never less than before."""
        wall_us = self._wall()
        lower_us = wall_us if self._broker is None else min(wall_us, self._broker.least + self._monotonic())
        self._now_us = max(self._now_us, lower_us)
        return self._now_us

    def latest_us(self) -> int:
        """Returns the higher of both clocks: only what is ahead of it is certainly in the future."""
        broker_us = 0 if self._broker is None else self._broker.most + self._monotonic()
        return max(self.now_us(), self._wall(), broker_us)

    def us_at(self, monotonic: int) -> int:
        """Returns the time at an instant of monotonic time that is past."""
        return self.now_us() - (self._monotonic() - monotonic)

    def sending(self) -> Callable[[asyncio.Future[Any]], None]:
        """Returns the callback for the acknowledgement of a record that is sent from now on."""
        return partial(self._acknowledged, self._monotonic())

    def read(self, broker_ms: int, sent: int, acknowledged: int) -> None:
        """Takes a reading of the broker's clock; its milliseconds are cut. sent, acknowledged: monotonic time."""
        low_us = broker_ms * 1000
        found = Bounds(low_us - acknowledged, low_us + 999 - sent)
        self._broker = found if self._broker is None else self._broker.narrowed(found)

    @property
    def ahead_us(self) -> int:
        """How far the worker's clock is ahead of the broker's, at least; negative: behind; 0: unknown or alike."""
        if self._broker is None:
            return 0
        offset = self._wall() - self._monotonic()
        return offset - min(max(offset, self._broker.least), self._broker.most)

    def refuse_far_ahead(self, leader: str) -> None:
        """Raises Unfit when the worker's clock is so far ahead of the broker's that it may own nothing. leader:
        which broker, in words.
        """
        if self.ahead_us > max(self.max_skew_us, APART_US):
            raise Unfit(
                f"the clock of {platform.node()} shows {_text(self._wall())}, that of {leader} "
                f"{_text(self._wall() - self.ahead_us)}: more than time.max_skew ({self.max_skew_us // SECOND_US} s) "
                "ahead, so this worker owns nothing; set both clocks by NTP, then start it again"
            )

    def alerts(self, leader: str, frontier_us: int | None) -> list[str]:
        """A sentence for each thing that is wrong with the clocks. frontier_us: up to where the state is applied."""
        return [*self._unknown(leader), *self._apart(leader), *self._stands_still(frontier_us)]

    def _unknown(self, leader: str) -> list[str]:
        if not self._is_silent:
            return []
        return [f"the clock of {leader} is unknown, so the worker's decides alone; see `keepline topics check`"]

    def _apart(self, leader: str) -> list[str]:
        if abs(self.ahead_us) <= APART_US:
            return []
        ahead = "ahead of" if self.ahead_us > 0 else "behind"
        wall, broker = _text(self._wall()), _text(self._wall() - self.ahead_us)
        return [
            f"the clock of worker {platform.node()} is {ahead} that of {leader}; {wall} against {broker}: the lower "
            "one decides, so what is due waits for it; set both by NTP"
        ]

    def _stands_still(self, frontier_us: int | None) -> list[str]:
        ahead_us = (frontier_us or 0) - self.now_us()
        if ahead_us <= APART_US:
            return []
        return [
            "the state is ahead of the clock, so nothing is decided until the clock has reached it; "
            f"that takes {ahead_us // SECOND_US} s: the frontier is {_text(frontier_us or 0)}, the clock "
            f"{_text(self._now_us)}; a worker whose clock was ahead wrote it, or a clock was set back"
        ]

    def _acknowledged(self, sent: int, record: asyncio.Future[Any]) -> None:
        if record.cancelled() or record.exception():
            return
        metadata, appended = record.result(), 1
        self._is_silent = metadata.timestamp_type != appended
        if self._is_silent:
            self._broker = None
        else:
            self.read(metadata.timestamp, sent, self._monotonic())


async def check(settings: Settings, max_skew_us: int) -> None:
    """Raises Failure when this machine's clock is too far ahead of the broker's: before a worker joins its group, where
    it would take units from workers that can own them.
    """
    clock, topic, partition = Clock(max_skew_us), settings.topic(PROBED[0]), PROBED[1]
    try:
        async with asyncio.timeout(PROBE_LIMIT_S), AIOKafkaProducer(**settings.client) as producer:
            acknowledged = clock.sending()
            sent = await producer.send(topic, None, PROBE_KEY, partition)  # a tombstone: nothing of it stays
            sent.add_done_callback(acknowledged)
            await sent
    except (KafkaError, TimeoutError) as error:
        raise Failure(f"cannot read the broker's clock from {topic}/{partition}: {str(error) or 'no answer'}") from None
    clock.refuse_far_ahead(f"the leader of {topic}/{partition}")


def _text(us: int) -> str:
    return format_instant(us // SECOND_US * SECOND_US)
