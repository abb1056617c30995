"""The worker: a Faust app with one agent, and its life from start to signal or end of input."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import faust
from faust.app.base import BootStrategy
from faust.tables.manager import TableManager
from faust.transport.drivers import TRANSPORTS

from schemas.decode import MAX_SKEW_US
from schemas.errors import Failure
from streams.kafka import topics, transport
from streams.kafka.fatal import halt
from streams.kafka.lease import Lease
from streams.kafka.leases import Leases, or_halt
from streams.kafka.membership import FOR_EVER_S, explained
from streams.kafka.outage import Outage
from streams.kafka.settings import Settings
from streams.kafka.watchdog import Watchdog
from streams.units.unit import Blueprint

CHECKPOINT_EVERY_S = TURN_EVERY_S = 1.0
RETENTION_EVERY_S = 300.0
# another worker takes over within 10 s; the shortest that brokers allow unless told otherwise
SESSION_S = 6.0
LEAVE_LIMIT_S = 9.0  # from SIGTERM to the end, checkpoint included
FETCH_BYTES = 4 << 20
FETCH_RECORDS = 2_000  # whose objects stay in the cache while they are decoded: 2.0 us an event, 20,000 at once 3.0
WAITING_BATCHES = 16

log = logging.getLogger("keepline.worker")
TRANSPORTS.aliases["keepline"] = "streams.kafka.transport:Transport"


@dataclass(frozen=True)
class Options:
    """How a worker runs. live: the clock on the wall, not event time; instance: static membership id;
    exit_at_end: ends with 0 when all that it owns is done and saved; checkpoint_s: between two checkpoints that
    nobody waits for; max_skew_us: how far this machine's clock may be ahead of the broker's."""

    live: bool = True
    instance: str | None = None
    exit_at_end: bool = False
    session_s: float = SESSION_S
    checkpoint_s: float = CHECKPOINT_EVERY_S
    max_skew_us: int = MAX_SKEW_US


@dataclass
class Progress:
    """What this process has done, for people who watch."""

    events: int = 0
    batches: int = 0
    since: float = 0.0


class WithoutProducer(BootStrategy):
    """Faust's own producer has nothing to send, and waits 20 minutes for a broker that is silent."""

    enable_kafka_producer = False


class App(faust.App):
    """Faust without tables and producer."""

    BootStrategy = WithoutProducer

    async def on_first_start(self) -> None:
        """Stock creates a data folder in the working directory."""


class NoTables(TableManager):
    """Stock sleeps for a second at each start, in case tables come up late."""

    async def on_start(self) -> None:
        """Lets the subscription begin."""
        await self._update_channels()
        await self.recovery.start()


class Worker:
    """Runs the units of `blueprints` that the group gives to this process."""

    def __init__(
        self,
        settings: Settings,
        blueprints: Sequence[Blueprint],
        options: Options,
        watch: Callable[[Worker], None] = lambda worker: None,
    ) -> None:
        """watch: called once a second, to show how far it is."""
        self.settings, self.options, self._watch = settings, options, watch
        self.leases = Leases(settings, blueprints, options.live, options.max_skew_us, options.exit_at_end)
        self.outage = Outage(settings, self.leases, options.session_s)
        self.progress = Progress()
        self.turned_at = time.monotonic()  # when the event loop was last seen to turn
        self._finished = asyncio.Event()

    async def run(self) -> None:
        """Until the end of the input or a signal; whatever goes wrong ends the process."""
        transport.Consumer.leases = self.leases
        app = build(self.settings, self.leases, self.options, self._apply)
        self._on_signals()
        starting = asyncio.ensure_future(app.start())
        beside = [
            asyncio.ensure_future(or_halt(work))
            for work in (self._pulse(app), self._turn(), self.outage.watch(), self._know_retention())
        ]
        await self._wait_for_end(starting)
        for task in beside:
            task.cancel()
        await self._leave(app, starting)

    def _apply(self, lease: Lease, batch: Any) -> None:
        """Synchronous: a checkpoint sees all of a batch or nothing of it."""
        of_an_older_incarnation = lease.released or batch.feed is not lease.feed
        if of_an_older_incarnation:
            return
        if not lease.on_the_way or lease.on_the_way.popleft() is not batch:
            self.leases.give_up(lease, RuntimeError("Faust lost a batch: another one came in its place"))
            return
        try:
            is_urgent = lease.unit.apply(batch)
        except Exception as error:  # Faust would restart the agent and drop the batch in silence
            if not isinstance(error, Failure):
                log.exception("%s could not apply a batch", lease.name)
            self.leases.give_up(lease, error)
            return
        if is_urgent:
            self.leases.checkpoint_now(lease)
        self.progress.since = self.progress.since or time.monotonic()
        self.progress.batches += 1
        self.progress.events += batch.size

    async def _turn(self) -> None:
        """Apart from the pulse, which waits for brokers: a loop that turns is no loop that hangs."""
        while True:
            self.turned_at = time.monotonic()
            await asyncio.sleep(TURN_EVERY_S)

    async def _know_retention(self) -> None:
        """For the metrics alone: without the right to ask, or an answer, what was known stays."""
        while True:
            try:
                self.leases.retention_us = await topics.retention_us(self.settings)
            except Exception as error:
                log.debug("cannot read how long topics keep records: %r", error)
            await asyncio.sleep(RETENTION_EVERY_S)

    async def _pulse(self, app: Any) -> None:
        """Once a second, unless the options say otherwise."""
        watchdog = Watchdog(self.leases, app.consumer.highwaters)
        while True:
            await asyncio.sleep(self.options.checkpoint_s)
            if app.should_stop and not self._finished.is_set():
                halt(*explained(app.crash_reason, self.settings, f"Faust stopped by itself: {app.crash_reason!r}"))
            app.consumer.end_without_membership()
            await self.leases.checkpoint()
            await watchdog.check(time.monotonic())
            if time.monotonic() - self.leases.member_at < self.options.session_s:  # else another may own its units
                self.leases.retry(time.monotonic())
            self._watch(self)
            if self.options.exit_at_end and self._all_done():
                await watchdog.check_topics()
                if self._all_done():
                    self._finish("everything is done")

    def _all_done(self) -> bool:
        leases = list(self.leases.all.values())
        if not leases or self.leases.rebalancing or self.leases.given_up:
            return False
        return all(lease.is_saved and lease.unit.done for lease in leases)

    def _on_signals(self) -> None:
        """The first one saves and leaves, the second one leaves at once, even when the event loop hangs."""
        loop, names = asyncio.get_running_loop(), []

        def signalled(number: int, frame: object) -> None:
            names.append(signal.Signals(number).name)
            if len(names) > 1:
                os._exit(128 + number)
            loop.call_soon_threadsafe(self._finish, names[0])

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signalled)

    def _finish(self, why: str) -> None:
        log.info("saving and leaving: %s", why)
        self._finished.set()

    async def _wait_for_end(self, starting: asyncio.Future[Any]) -> None:
        finished = asyncio.ensure_future(self._finished.wait())
        await asyncio.wait([finished, starting], return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and starting.exception():
            halt(f"Faust did not start: {starting.exception()!r}")
        await finished

    async def _leave(self, app: Any, starting: asyncio.Future[Any]) -> None:
        """Saves, leaves the group. What does not end in time is cut off: all that counts is committed by
        then.
        """
        until = asyncio.get_running_loop().time() + LEAVE_LIMIT_S
        await self.leases.revoke()
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout_at(until):
                starting.cancel()
                await app.stop()
                await self.leases.close()


def build(
    settings: Settings,
    leases: Leases,
    options: Options,
    apply: Callable[[Lease, Any], None],
) -> faust.App:
    """The Faust app of a worker."""
    app = App(
        settings.group,
        broker_client_id=options.instance or "keepline",  # brokers name members and quotas by it
        broker=[f"keepline://{broker}" for broker in settings.brokers],
        broker_credentials=settings.faust_credentials,
        broker_session_timeout=options.session_s,
        broker_heartbeat_interval=options.session_s / 10,
        broker_request_timeout=60.0,
        broker_rebalance_timeout=30.0,
        broker_max_poll_interval=FOR_EVER_S,
        broker_max_poll_records=FETCH_RECORDS,
        consumer_group_instance_id=options.instance,
        consumer_max_fetch_size=FETCH_BYTES,
        consumer_auto_offset_reset="none",
        store="memory://",
        TableManager=NoTables,
        stream_recovery_delay=0.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    sources = {source for blueprint in leases.blueprints.values() for source in blueprint.sources}
    names = sorted(settings.topic(source) for source in sources)
    inputs = app.topic(*names, schema=transport.BatchSchema(), maxsize=WAITING_BATCHES, acks=False)

    @app.agent(inputs)
    async def engine(stream: Any) -> None:
        async for lease, batch in stream:
            apply(lease, batch)

    return app
