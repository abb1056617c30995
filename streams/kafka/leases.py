"""All leases of this worker. The consumer group only decides which worker tries; the producer's epoch decides which
one owns a unit.

Each unit is acquired, restored and read on its own. Whatever goes wrong with one gives that one up (giving_up.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import TopicPartition

from schemas.decode import MAX_SKEW_US
from schemas.errors import Failure
from streams.kafka.fatal import EXIT_FAILED, halt
from streams.kafka.giving_up import GivenUp, Unfit, give_up, is_fenced
from streams.kafka.lease import CheckpointStats, Lease
from streams.kafka.settings import Settings
from streams.units.unit import Blueprint

REVOKE_LIMIT_S = 8.0  # a rebalance waits for the last checkpoint, and the session must not expire meanwhile

log = logging.getLogger("keepline.worker")
Place = tuple[str, int]


class Reader(Protocol):
    """The consumer, as far as leases need it."""

    async def earliest(self, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Returns the first offsets that partitions still have."""

    async def read_from_state(self, leases: Sequence[Lease]) -> None:
        """Reads the sources of restored leases from their positions on."""

    async def show_given_up(self, lease: Lease, reason: str) -> None:
        """Writes the reason where `keepline status` finds it."""


class Leases:
    """Leases by unit name. `rebalancing`: between a revocation and the assignment after it."""

    def __init__(
        self,
        settings: Settings,
        blueprints: Sequence[Blueprint],
        live: bool,
        max_skew_us: int = MAX_SKEW_US,
        ends: bool = False,
    ) -> None:
        """live: `feed.caught_up` is called when a source has been read to its end. max_skew_us: how far a worker's
        clock may be ahead of the broker's. ends: the run has an end, so a unit that no retry helps ends the process.
        """
        self.live, self.max_skew_us, self.ends = live, max_skew_us, ends
        self.settings, self.blueprints = settings, {blueprint.name: blueprint for blueprint in blueprints}
        self.all: dict[str, Lease] = {}
        self.by_place: dict[Place, tuple[Lease, str]] = {}  # topic and partition -> its lease and source
        self.generation: int | None = None
        self.rebalancing = True
        self.member_at = time.monotonic()  # when this process was last known to be a member of the group
        self.stats = {name: CheckpointStats() for name in self.blueprints}
        self.retention_us: dict[str, float] = {}  # topic -> how long it keeps a record, inf: for ever; of those known
        self._given_up: dict[str, GivenUp] = {}
        self._reader: Reader | None = None
        self._acquiring: set[asyncio.Task[None]] = set()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> list[Lease]:
        """The leases whose state is restored."""
        return [lease for lease in list(self.all.values()) if lease.ready]  # threads of pages look, too

    @property
    def given_up(self) -> list[GivenUp]:
        """The units of this process that do not work, with their reasons."""
        ready = {lease.name for lease in self.ready}
        return [one for name, one in sorted(self._given_up.items()) if name not in ready]

    def checkpoint_now(self, lease: Lease) -> None:
        """Starts a checkpoint of one lease now: another unit waits for its output."""
        if not self.rebalancing and self.all.get(lease.name) is lease:
            self._save([lease])

    async def checkpoint(self) -> None:
        """Starts and awaits a checkpoint of every lease that has something to save."""
        if not self.rebalancing:
            await self._save_all()

    async def wait_acquired(self) -> None:
        """Waits for the acquisitions."""
        while self._acquiring:
            await asyncio.wait(self._acquiring)

    async def revoke(self) -> None:
        """Stops accepting records, and saves what was applied."""
        self.rebalancing = True
        for lease in self.all.values():
            lease.feed = None
        for task in self._acquiring:
            task.cancel()
        await self.wait_acquired()
        try:
            await asyncio.wait_for(self._save_all(), REVOKE_LIMIT_S)
        except TimeoutError:
            late = TimeoutError(f"the checkpoint at a revocation took longer than {REVOKE_LIMIT_S:.0f} s")
            for lease in [one for one in self.ready if not one.is_saved]:
                self.give_up(lease, late)

    async def close(self) -> None:
        """Releases all leases; what was applied has to be saved before."""
        await asyncio.gather(*[lease.stop() for lease in self.all.values()])

    def assign(self, places: Iterable[Place], generation: int, reader: Reader) -> None:
        """Keeps, releases and acquires leases. Returns at once: no heartbeat is sent while Faust's callback runs."""
        owned = self._owned(set(places))
        # the state in memory is current only if this worker was a member of every generation; if not, the next
        # checkpoint is fenced
        saw_last_generation = self.generation is not None and self.generation == generation - 1
        kept = {name for name, lease in self.all.items() if saw_last_generation and name in owned and lease.ready}
        gone = [self.all.pop(name) for name in set(self.all) - kept]
        for lease in gone:
            lease.release()
        self.generation, self._reader, self.member_at = generation, reader, time.monotonic()
        self._given_up = {name: one for name, one in self._given_up.items() if name in owned}
        log.info("generation %d: keeps %s, takes over %s", generation, sorted(kept), sorted(owned - kept))
        self._run(self._acquiring, or_halt(self._acquire(gone, sorted(owned - kept))))

    def give_up(self, lease: Lease, error: BaseException) -> None:
        """Releases a lease that cannot go on: nothing of it is applied or sent any more. `retry` tries it again."""
        if isinstance(error, Unfit) or (self.ends and isinstance(error, Failure)):
            halt(str(error), EXIT_FAILED)
        if lease.released or self.all.get(lease.name) is not lease:
            return
        before = self._given_up.get(lease.name)
        found = self._given_up[lease.name] = give_up(self.settings, lease.name, error, before, time.monotonic())
        del self.all[lease.name]
        lease.release()
        self._index()
        if before is None or before.reason != found.reason:
            log.error("%s was given up, the other units go on: %s", lease.name, found.reason)
        self._run(self._running, lease.stop())
        if self._reader:
            self._run(self._running, self._reader.show_given_up(lease, found.reason))

    def retry(self, now: float) -> None:
        """Acquires anew what was given up, when its pause is over."""
        for name, one in list(self._given_up.items()):
            lease = self.all.get(name)
            if lease is None and not self.rebalancing and now >= one.again_at:
                self._take_over(name)
            elif lease and lease.ready and one.is_over(now):
                del self._given_up[name]
                log.info("%s works again", name)

    def incomplete(self, places: set[Place]) -> str | None:
        """Returns a sentence on units of which only some sources are among `places`; None: there are none."""
        wanted = (_inputs(self.settings, blueprint) for blueprint in self.blueprints.values())
        some = [inputs for inputs in wanted if inputs & places and not inputs <= places]
        if not some:
            return None
        return (
            f"{_texts(set.union(*some) - places)} were not assigned, but other sources of the same units were: a topic "
            "was deleted (`keepline topics check` names it, `keepline topics create` makes it again, without its "
            "records), or workers of another release are in this group"
        )

    def _owned(self, places: set[Place]) -> set[str]:
        return {name for name, one in self.blueprints.items() if _inputs(self.settings, one) <= places}

    async def _acquire(self, gone: list[Lease], new: list[str]) -> None:
        await asyncio.gather(*[lease.stop() for lease in gone])
        for name in new:
            self._take_over(name)
        self.rebalancing = False

    def _take_over(self, name: str) -> None:
        lease = Lease(self.settings, self.blueprints[name], self.live, self.max_skew_us, self.stats[name])
        self.all[name] = lease
        self._index()
        self._run(self._acquiring, self._or_give_up(lease, self._begin(lease)))

    async def _begin(self, lease: Lease) -> None:
        assert self._reader
        await lease.acquire(self._reader.earliest)
        await self._reader.read_from_state([lease])

    def _index(self) -> None:
        self.by_place = {place: found for lease in self.all.values() for place, found in _places(lease)}

    async def _save_all(self) -> None:
        tasks = self._save(self.all.values())
        if tasks:
            await asyncio.shield(asyncio.gather(*tasks))

    def _save(self, leases: Iterable[Lease]) -> list[asyncio.Task[None]]:
        """Starts each checkpoint in a task of its own: a cancelled caller must not cancel a transaction."""
        ready = [lease for lease in leases if lease.ready]
        return [self._run(self._running, self._or_give_up(lease, self._counted(lease))) for lease in ready]

    async def _counted(self, lease: Lease) -> None:
        try:
            await lease.checkpoint()
        except Exception as error:
            lease.stats.results["fenced" if is_fenced(error) else "failed"] += 1
            raise

    async def _or_give_up(self, lease: Lease, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            log.debug("%s", lease.name, exc_info=error)
            self.give_up(lease, error)

    def _run(self, tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task


def _inputs(settings: Settings, blueprint: Blueprint) -> set[Place]:
    return {(settings.topic(source), blueprint.partition) for source in blueprint.sources}


def _texts(places: set[Place]) -> str:
    return ", ".join(f"{topic}/{partition}" for topic, partition in sorted(places))


def _places(lease: Lease) -> list[tuple[Place, tuple[Lease, str]]]:
    return [((place.topic, place.partition), (lease, source)) for source, place in lease.inputs.items()]


async def or_halt(work: Coroutine[Any, Any, None]) -> None:
    """Awaits `work`; any error ends the process, since nothing else would read the task's exception."""
    try:
        await work
    except asyncio.CancelledError:
        raise
    except Failure as error:  # a restart would not help
        halt(str(error), EXIT_FAILED)
    except BaseException as error:  # after any error this process must not continue
        halt(f"{type(error).__name__}: {error}")
