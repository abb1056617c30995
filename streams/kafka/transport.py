"""Faust's consumer, changed to yield batches of whole ticks instead of single records.

The leases decide which units are owned and where reading starts, the feeds decide what may be applied. Nothing relies
on Faust's queues, acks and commits: a batch carries the position it was read from, so a lost one is detected.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError, TopicAuthorizationFailedError
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import OffsetAndMetadata
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from schemas.errors import Failure
from streams.kafka import membership
from streams.kafka.access import denied
from streams.kafka.batches import IN_PLACE, by_columns
from streams.kafka.clock import monotonic_us
from streams.kafka.commits import with_reason
from streams.kafka.fatal import halt
from streams.kafka.lease import Lease
from streams.kafka.leases import Leases
from streams.kafka.settings import Settings
from streams.units.records import Records
from streams.units.unit import Feed

# fetch.max.wait.ms of an empty fetch; Faust's fixed 1500 would delay every tick
FETCH_WAIT_MS = 20
# how long fetched records that were not consumed yet delay the next fetch from their broker; aiokafka's 0.1 s would
# cost a tenth of a second at every other grid instant
PREFETCH_BACKOFF_S = 0.01
# how often feeds are polled when no record arrives, since live ticks end without one
POLL_S = 0.1
NONE = Records.of([])
LEAVE_LIMIT_S = 5.0
SHOW_LIMIT_S = 10.0

log = logging.getLogger("keepline.worker")


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records of one partition. caught_up: an instant of monotonic time (us) up to which nothing follows them, since
    the broker was asked then or later; 0: more follows.
    """

    tp: TP
    base: int  # the offset that the read started from
    records: Records
    next_offset: int  # where the consumer reads on: behind control markers and aborted records
    caught_up: int
    end: int | None  # high watermark, as far as the broker has reported it


@dataclass(frozen=True, slots=True)
class Refused:
    """Partitions that cannot be read on."""

    places: frozenset[TP]
    error: Exception


class BatchSchema(Schema[Any, Any]):
    """Passes the payload on: it is a batch already."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Awaitable[Any]]:
        """Returns Faust's decoder for a topic with this schema."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, None, message)

        return decode


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetched records go to an inbox, not into the call's return value: a call that Faust cancels loses nothing."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust reads uncommitted unless it runs its own transactions, and hard-codes the wait: no setting changes them
        consumer._fetch_max_wait_ms, consumer._isolation_level = FETCH_WAIT_MS, "read_committed"
        self.inbox: deque[Fetched | Refused] = deque()
        self._next: dict[TP, int] = {}  # offset that the next fetched records start from
        self._asked: dict[TP, int] = {}  # monotonic time at which the fetch was sent that was answered last
        return consumer

    async def on_start(self) -> None:
        """Starts the consumer, then sets its prefetch backoff and takes the times of fetches and heartbeats."""
        await super().on_start()
        coordinator = self._ensure_consumer()._coordinator
        coordinator._do_heartbeat = self._noted(coordinator._do_heartbeat)
        fetcher = self._ensure_consumer()._fetcher
        fetcher._prefetch_backoff = PREFETCH_BACKOFF_S
        fetcher._value_deserializer = IN_PLACE
        fetcher._proc_fetch_request = self._timed(fetcher._proc_fetch_request)

    def _noted(self, heartbeat: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
        """Wraps aiokafka's heartbeat: one that is answered proves that this process is a member of its group."""

        async def noted() -> bool:
            is_member = await heartbeat()
            if is_member:
                cast(Consumer, self.consumer).leases.member_at = time.monotonic()
            return is_member

        return noted

    def _timed(self, fetch: Callable[[Any, int, Any], Awaitable[bool]]) -> Callable[[Any, int, Any], Awaitable[bool]]:
        """Wraps aiokafka's fetch. The answer's own time would count what came while this process stood still."""

        async def timed(assignment: Any, node: int, request: Any) -> bool:
            sent = monotonic_us()
            places = [TP(topic, partition) for topic, partitions in request.topics for partition, *_ in partitions]
            states = {tp: assignment.state_value(tp) for tp in places}
            answered = {tp: state.timestamp for tp, state in states.items()}
            wakes = await fetch(assignment, node, request)
            self._asked.update({tp: sent for tp, state in states.items() if state.timestamp != answered[tp]})
            return wakes

        return timed

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Any,
        timeout: Any = None,  # noqa: ASYNC109 -- Faust's signature
        max_records: Any = None,
    ) -> Any:
        _pause_others(consumer, active_partitions)
        try:
            got = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        except (OffsetOutOfRangeError, TopicAuthorizationFailedError) as error:
            settings = cast(Consumer, self.consumer).leases.settings
            self.inbox.append(Refused(_refused(error, active_partitions), _explained(settings, error)))
            return {}
        self._collect(consumer, {TP(*place): by_columns(items) for place, items in got.items()}, active_partitions)
        return {}

    def _collect(self, consumer: Any, got: Mapping[TP, Records], active: Iterable[TP]) -> None:
        assignment, live = (
            consumer._subscription.subscription.assignment,
            cast(Consumer, self.consumer).leases.live,
        )
        for tp in active:
            if tp in self._next and assignment is not None and tp in assignment.tps:
                state, records = assignment.state_value(tp), got.get(tp, NONE)
                if not state.has_valid_position:
                    continue  # assigned again and not sought yet: these records belong to an older assignment
                # the high watermark, not the last stable offset: an open transaction hides what lies behind it
                caught_up = live and state.highwater is not None and state.position >= state.highwater
                asked = self._asked.get(tp, 0) if caught_up else 0
                self.inbox.append(Fetched(tp, self._next[tp], records, state.position, asked, state.highwater))
                self._next[tp] = records[-1].offset + 1 if records else self._next[tp]

    async def given_up_shown(self, places: Sequence[TopicPartition], unit: str, reason: str) -> None:
        """Runs in this thread. The offsets stay; those of a unit that has never saved anything are 0."""
        consumer, leases = self._ensure_consumer(), cast(Consumer, self.consumer).leases
        committed = await consumer._coordinator.fetch_committed_offsets(places)
        offsets = {}
        for place in places:
            offset, metadata = committed.get(place, (0, ""))
            offsets[place] = OffsetAndMetadata(max(offset, 0), with_reason(metadata, unit, reason))
        if not ((again := leases.all.get(unit)) and again.ready):
            await consumer.commit(offsets)

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        self._next.update(partitions)  # no await from here to the last seek
        await super()._seek_wait(consumer, partitions)


class Consumer(driver.Consumer):
    """Yields one message a batch of a unit; seeks to the positions in the states."""

    leases: ClassVar[Leases]  # set before the app starts; Faust makes the consumer itself
    # batches have no offset; Faust drops messages below the offset it sought, so their numbers start above all offsets
    _numbers = itertools.count(1 << 40)
    _thread: ConsumerThread
    _seeking: asyncio.Lock | None = None

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 -- Faust's signature
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yields the batches that are complete; Faust's fetcher calls it in a loop."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        open_leases = [lease for lease in self.leases.ready if lease.feed]
        wanted = {TP(*place) for lease in open_leases for place, _ in lease.wanted()}
        if wanted:
            await self._getmany(active_partitions=wanted, timeout=POLL_S)
        else:
            await self.sleep(POLL_S / 5)
        self._offer_inbox()
        generation = self.app.consumer_generation_id
        for lease in open_leases:
            batch = self._take(lease) if lease.feed and self.flow_active else None
            if batch:
                lease.on_the_way.append(batch)
                yield self._message(lease, batch, generation)

    def _take(self, lease: Lease) -> Any:
        try:
            return lease.feed and lease.feed.take()
        except Exception as error:
            log.exception("%s could not merge its records", lease.name)
            self.leases.give_up(lease, error)

    def _offer_inbox(self) -> None:
        inbox = self._thread.inbox
        while inbox:
            fetched = inbox.popleft()
            if isinstance(fetched, Refused):
                self._give_up_readers(fetched)
                continue
            lease, source = self.leases.by_place.get(fetched.tp, (None, ""))
            if lease and lease.feed:
                try:
                    _offer(lease, lease.feed, source, fetched)
                except Failure as error:  # says all there is to say
                    self.leases.give_up(lease, error)
                except Exception as error:
                    log.exception("%s, %s from offset %d", lease.name, fetched.tp, fetched.base)
                    self.leases.give_up(lease, error)

    def _give_up_readers(self, refused: Refused) -> None:
        for place in refused.places:
            lease, _ = self.leases.by_place.get(place, (None, ""))
            if lease and lease.feed:
                self.leases.give_up(lease, refused.error)

    def _message(self, lease: Lease, batch: Any, generation: int) -> tuple[TP, ConsumerMessage]:
        tp = TP(*lease.inputs[lease.blueprint.sources[0]])
        value: Any = (lease, batch)
        message = ConsumerMessage(
            tp.topic,
            tp.partition,
            next(self._numbers),
            timestamp=0.0,
            timestamp_type=0,
            headers=None,
            key=None,
            value=value,
            checksum=None,
            tp=tp,
            generation_id=generation,
        )
        return tp, message

    async def perform_seek(self) -> None:
        """Seeks to the positions of the units that stayed; Faust calls this before it resumes the flow. Those that are
        being restored follow when they are.
        """
        await self.read_from_state(self.leases.ready)

    async def read_from_state(self, leases: Sequence[Lease]) -> None:
        """Reads on from the positions in the states; gives up the leases if that fails."""
        generation = self.app.consumer_generation_id
        async with self._lock:
            leases = [lease for lease in leases if not lease.released]
            for lease in leases:
                lease.feed = None  # from here on no record is accepted: the positions do not change
                lease.read_again()
            try:
                await self.seek_wait({TP(*place): at for lease in leases for place, at in lease.start_positions()})
            except Exception as error:  # raised, it would leave an idle worker without recovery
                if self.app.consumer_generation_id == generation and not self.app.rebalancing:
                    for lease in leases:
                        self.leases.give_up(lease, error)
                return
            self._offer_inbox()  # what was read before the seek: these leases drop theirs
            if self.app.consumer_generation_id == generation:
                for lease in leases:
                    self._open(lease)

    def _open(self, lease: Lease) -> None:
        if lease.released:
            return
        try:
            lease.on_the_way.clear()
            lease.feed = lease.unit.open_feed()
        except Exception as error:
            self.leases.give_up(lease, error)

    @property
    def _lock(self) -> asyncio.Lock:
        """One seek at a time; Faust makes the consumer, so there is no constructor to make it in."""
        if self._seeking is None:
            self._seeking = asyncio.Lock()
        return self._seeking

    async def show_given_up(self, lease: Lease, reason: str) -> None:
        """Commits the group's offsets of a lease again, with the reason in their metadata, for `keepline status`."""
        shown = self._thread.given_up_shown(list(lease.inputs.values()), lease.name, reason)
        with suppress(Exception):  # the log has it
            await asyncio.wait_for(
                asyncio.wrap_future(asyncio.run_coroutine_threadsafe(shown, self._thread.thread_loop)), SHOW_LIMIT_S
            )

    def end_without_membership(self) -> None:
        """Ends the process when aiokafka's coordinator has ended, or waits for ever: this worker would not rejoin."""
        consumer = self._thread._consumer if self._thread else None
        if consumer is not None and consumer._coordinator is not None:
            membership.refuse_ended(consumer._coordinator, self.leases.settings)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commits the last checkpoint before a rebalance."""
        coordinator = self._thread._ensure_consumer()._coordinator
        static = self.app.conf.consumer_group_instance_id
        if static and self.leases.generation is not None and not coordinator.member_id:
            # aiokafka does not handle FENCED_INSTANCE_ID: two processes with one instance name would rejoin in turn
            # forever
            away_s = time.monotonic() - self.leases.member_at
            halt(membership.forgotten(self.leases.settings, static, away_s, self.app.conf.broker_session_timeout))
        await super().on_partitions_revoked(revoked)
        await self.leases.revoke()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Starts the acquisitions; perform_seek waits for them."""
        places = {(tp.topic, tp.partition) for tp in assigned}
        if incomplete := self.leases.incomplete(places):
            await self._leave_group()
            halt(incomplete)
        self.leases.assign(places, generation_id, self)
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        """Saves before the worker leaves the group."""
        await self.leases.revoke()
        await super().on_stop()

    async def _leave_group(self) -> None:
        """Leaves the group, as a static member too: started anew, it would get the same assignment without a rebalance,
        also when the topic that lacks in it is there again.
        """
        coordinator = self._thread._ensure_consumer()._coordinator
        request = LeaveGroupRequest(coordinator.group_id, coordinator.member_id)
        with suppress(Exception):  # then its session expires
            await asyncio.wait_for(self._thread.call_thread(coordinator._send_req, request), LEAVE_LIMIT_S)

    async def earliest(self, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Returns the first offsets that partitions still have."""
        found: Mapping[TopicPartition, int] = await self.earliest_offsets(*cast(Any, places))
        return found


class Transport(driver.Transport):
    """`keepline://host:port`."""

    Consumer: ClassVar[Any] = Consumer


def _refused(error: Exception, active: Iterable[TP]) -> frozenset[TP]:
    """The partitions that an error of a fetch is about."""
    what = error.args[0] if error.args else None
    if isinstance(what, Mapping):  # offsets by partition
        return frozenset(TP(*place) for place in what)
    topics = {what} if isinstance(what, str) else set(what or ())
    return frozenset(tp for tp in active if tp.topic in topics)


def _explained(settings: Settings, error: Exception) -> Exception:
    if isinstance(error, OffsetOutOfRangeError):
        offsets = error.args[0] if error.args and isinstance(error.args[0], Mapping) else {}
        gone = ", ".join(
            f"{topic}/{partition}, offset {offset}" for (topic, partition), offset in sorted(offsets.items())
        )
        return RuntimeError(
            f"the next record to read is gone ({gone}): retention deleted it, or the topic was deleted and made again"
        )
    return Failure(denied(settings, error, "Read"))


def _pause_others(consumer: Any, active: Iterable[TP]) -> None:
    """Pauses unwanted partitions: fetched records that nothing consumes delay the fetches of other partitions."""
    places, paused = {TopicPartition(*tp) for tp in active}, consumer.paused()
    consumer.pause(*((consumer.assignment() - places) - paused))
    consumer.resume(*(places & paused))


def _offer(lease: Lease, feed: Feed, source: str, fetched: Fetched) -> None:
    if fetched.records:
        feed.offer(source, fetched.base, fetched.records, lease.clock.now_us(), lease.clock.latest_us())
    lease.fetched(source, fetched.records, fetched.base, fetched.next_offset, fetched.end)
    if fetched.caught_up:
        feed.caught_up(source, lease.clock.us_at(fetched.caught_up))
