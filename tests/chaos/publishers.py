"""Shops that publish visits and heartbeats on a fast clock, and what may go wrong with them.

A `Shop` decides what has been sent up to an instant; an `Outlet` sends it to one cluster, in order, and again after any
error, as a good publisher does.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.instants import DAY_US
from schemas.partitioner import partition_of
from streams.kafka.settings import Settings
from tests.chaos.clock import FastClock
from tests.units.shops import VISITS, Visit, event, heartbeat

EVERY_DAYS = (3.0, 7.0)  # between two visits
AWAY_DAYS, AWAY_SHARE, LEAVE_SHARE = (15.0, 30.0), 0.06, 0.02  # after a visit
BEAT_S, STEP_S = 1.25, 0.1  # real time
REQUEST_TIMEOUT_MS, TRANSACTION_TIMEOUT_MS = 10_000, 15_000

log = logging.getLogger("chaos.publishers")


class Numbered(NamedTuple):
    """A visit of the town with its number, from which its event id is made."""

    number: int
    visit: Visit


def town(shops: Sequence[str], customers: int, from_us: int, days: float, seed: int) -> list[Numbered]:
    """Returns the visits of a town in order: some customers stay away for a while, some leave for good. Each has a
    shop; one in six goes to the next one as well.
    """
    rng, visits = random.Random(seed), []
    for customer in range(customers):
        home, day = customer % len(shops), rng.uniform(0, EVERY_DAYS[1])
        both = rng.random() < 1 / 6
        while day < days:
            shop = shops[(home + (both and rng.random() < 0.5)) % len(shops)]
            at_us = from_us + int(day * DAY_US)
            visits.append(Visit(at_us, shop, f"c{customer}", at_us))
            chance = rng.random()
            if chance < LEAVE_SHARE:
                break
            day += rng.uniform(*(AWAY_DAYS if chance < LEAVE_SHARE + AWAY_SHARE else EVERY_DAYS))
    return [Numbered(number, visit) for number, visit in enumerate(sorted(visits))]


class Sent(NamedTuple):
    """What a shop has sent, and when; customer None: a heartbeat, for every partition."""

    at_us: int
    value: bytes
    customer: str | None

    @property
    def key(self) -> bytes | None:
        """The record's key."""
        return None if self.customer is None else self.customer.encode()

    def places(self, partitions: int) -> Sequence[int]:
        """The partitions that it goes to."""
        return range(partitions) if self.customer is None else [partition_of(self.customer, partitions)]


@dataclass
class Shop:
    """A publisher. down: it sends nothing, and what happens comes when it is back, unless `forgets`; slow_us: how late
    it sends; skew_us: how far its clock is ahead; transacts: what it sends stays in an open transaction.
    """

    name: str
    visits: deque[Numbered]
    from_us: int
    beat_us: int
    beats: bool = True
    down: bool = False
    forgets: bool = False
    slow_us: int = 0
    skew_us: int = 0
    transacts: bool = False
    busy: bool = False  # something is wrong with it
    rested_us: int = 0  # not before then it may be down again: several outages in a row are a habit
    sent: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._beat_us = self.from_us

    def advance(self, now_us: int) -> None:
        """Sends what is due by now: in the order in which it happened, with a heartbeat of each period."""
        if self.down:
            return
        until_us = now_us - self.slow_us
        while self._beat_us <= until_us:
            self._send_visits(self._beat_us, now_us)
            if self.beats:
                self.sent.append(Sent(now_us, heartbeat(self.name, self._beat_us + self.skew_us), None))
            self._beat_us += self.beat_us
        self._send_visits(until_us, now_us)

    def come_back(self, now_us: int) -> None:
        """Ends an outage: with what happened meanwhile or empty, then heartbeats again."""
        while self.forgets and self.visits and self.visits[0].visit.at_us <= now_us:
            self.visits.popleft()
        self._beat_us, self.down, self.forgets = now_us, False, False

    def _send_visits(self, until_us: int, now_us: int) -> None:
        while self.visits and self.visits[0].visit.at_us <= until_us:
            number, visit = self.visits.popleft()
            self.sent.append(Sent(now_us, event(number, visit, self.skew_us), visit.customer))


class Outlet:
    """Sends all that a shop sends to one cluster."""

    def __init__(self, shop: Shop, settings: Settings, partitions: int) -> None:
        self.shop, self.settings, self.partitions = shop, settings, partitions
        self.topic, self.done, self.errors = settings.topic(VISITS), 0, 0

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await (self._transact() if self.shop.transacts else self._publish())
            except KafkaError as error:  # all that is not acknowledged is sent again, by a new producer
                self.errors += 1
                log.info("%s: %r", self.shop.name, error)
                await asyncio.sleep(STEP_S)

    async def _publish(self) -> None:
        async with self.producer(enable_idempotence=True) as producer:
            while not self.shop.transacts:
                await self.send(producer)
                await asyncio.sleep(STEP_S)

    async def send(self, producer: AIOKafkaProducer) -> None:
        """Returns when all that the shop has sent is acknowledged."""
        self.done = await self._send(producer, self.done)

    async def _transact(self) -> None:
        name = f"shop-{self.shop.name}"
        async with self.producer(transactional_id=name, transaction_timeout_ms=TRANSACTION_TIMEOUT_MS) as producer:
            await producer.begin_transaction()
            done = self.done
            while self.shop.transacts:
                done = await self._send(producer, done)
                await asyncio.sleep(STEP_S)
            await producer.commit_transaction()
            self.done = done

    def producer(self, **more: object) -> AIOKafkaProducer:
        """Returns a producer to send with."""
        return AIOKafkaProducer(**self.settings.client, acks="all", request_timeout_ms=REQUEST_TIMEOUT_MS, **more)

    async def _send(self, producer: AIOKafkaProducer, done: int) -> int:
        """Sends what the shop has sent since; returns when it is acknowledged, and how much that is in all. A heartbeat
        says that nothing older follows, so it goes when all before it is acknowledged: a producer drops a batch that
        has waited long for its partition's leader, and goes on with the next one.
        """
        new, sending = self.shop.sent[done:], list[asyncio.Future[object]]()
        for one in new:
            if one.customer is None:
                await asyncio.gather(*sending)
                sending.clear()
            for place in one.places(self.partitions):
                sent = producer.send(self.topic, one.value, one.key, place, timestamp_ms=one.at_us // 1000)
                sending.append(await sent)
        await asyncio.gather(*sending)
        return done + len(new)


async def publish_history(shops: Sequence[Shop], outlets: Sequence[Outlet], clock: FastClock) -> None:
    """Lets the shops send all up to now, day by day, as they did then."""
    async with AsyncExitStack() as stack:
        producers = [await stack.enter_async_context(outlet.producer(enable_idempotence=True)) for outlet in outlets]
        at_us = shops[0].from_us
        while at_us < clock.now_us:
            at_us += DAY_US
            for shop in shops:
                shop.advance(min(at_us, clock.now_us))
            await asyncio.gather(*map(Outlet.send, outlets, producers))


async def keep_open(shops: Sequence[Shop], clock: FastClock) -> None:
    """Lets the shops send on the clock, until it is cancelled."""
    while True:
        for shop in shops:
            shop.advance(clock.now_us)
        await asyncio.sleep(STEP_S)
