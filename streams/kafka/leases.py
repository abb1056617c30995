"""All leases of this worker. The consumer group only decides which worker tries; the producer's epoch decides which
one owns a unit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from schemas.decode import MAX_SKEW_US
from schemas.errors import Failure
from streams.kafka.fatal import EXIT_FAILED, halt
from streams.kafka.lease import Earliest, Lease
from streams.kafka.settings import Settings
from streams.units.unit import Blueprint

REVOKE_LIMIT_S = 8.0  # a rebalance waits for the last checkpoint, and the session must not expire meanwhile

log = logging.getLogger("keepline.worker")
Place = tuple[str, int]


class Leases:
    """Leases by unit name. `rebalancing`: between a revocation and the end of the acquisitions after it."""

    def __init__(
        self, settings: Settings, blueprints: Sequence[Blueprint], live: bool, max_skew_us: int = MAX_SKEW_US
    ) -> None:
        """live: `feed.caught_up` is called when a source has been read to its end. max_skew_us: how far a worker's
        clock may be ahead of the broker's.
        """
        self.live, self.max_skew_us = live, max_skew_us
        self.settings, self.blueprints = settings, {blueprint.name: blueprint for blueprint in blueprints}
        self.all: dict[str, Lease] = {}
        self.by_place: dict[Place, tuple[Lease, str]] = {}  # topic and partition -> its lease and source
        self.generation: int | None = None
        self.rebalancing = True
        self._acquiring: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> list[Lease]:
        """The leases whose state is restored."""
        return [lease for lease in self.all.values() if lease.ready]

    def checkpoint_now(self, lease: Lease) -> None:
        """Starts a checkpoint of one lease now: another unit waits for its output."""
        if not self.rebalancing and self.all.get(lease.name) is lease:
            self._start([lease])

    async def checkpoint(self) -> None:
        """Starts and awaits a checkpoint of every lease that has something to save."""
        if not self.rebalancing:
            await self._save_all()

    async def wait_acquired(self) -> None:
        """Waits for the acquisitions; never raises, since an exception here would end Faust's recovery silently."""
        while self._acquiring and not self._acquiring.done():
            await asyncio.wait([self._acquiring])

    async def revoke(self) -> None:
        """Stops accepting records, and saves what was applied."""
        self.rebalancing = True
        for lease in self.all.values():
            lease.feed = None
        if self._acquiring and not self._acquiring.done():
            self._acquiring.cancel()
            await asyncio.wait([self._acquiring])
        try:
            await asyncio.wait_for(self._save_all(), REVOKE_LIMIT_S)
        except TimeoutError:
            halt(f"the checkpoint at a revocation took longer than {REVOKE_LIMIT_S:.0f} s")

    async def close(self) -> None:
        """Releases all leases; what was applied has to be saved before."""
        await asyncio.gather(*[lease.stop() for lease in self.all.values()])

    def assign(self, places: Iterable[Place], generation: int, earliest: Earliest) -> None:
        """Keeps, releases and acquires leases. Returns at once: no heartbeat is sent while Faust's callback runs."""
        owned = self._owned(set(places))
        # the state in memory is current only if this worker was a member of every generation; if not, the next
        # checkpoint is fenced
        saw_last_generation = self.generation is not None and self.generation == generation - 1
        kept = {name for name, lease in self.all.items() if saw_last_generation and name in owned and lease.ready}
        gone = [self.all.pop(name) for name in set(self.all) - kept]
        blueprints = [self.blueprints[name] for name in sorted(owned - kept)]
        new = [Lease(self.settings, blueprint, self.live, self.max_skew_us) for blueprint in blueprints]
        for lease in gone:
            lease.released, lease.ready = True, False
        self.generation = generation
        self.all.update({lease.name: lease for lease in new})
        self.by_place = {place: found for lease in self.all.values() for place, found in _places(lease)}
        log.info("generation %d: keeps %s, takes over %s", generation, sorted(kept), [lease.name for lease in new])
        self._acquiring = asyncio.ensure_future(or_halt(self._acquire(gone, new, earliest)))

    def incomplete(self, places: set[Place]) -> str | None:
        """Returns a sentence on units of which only some sources are among `places`; None: there are none."""
        wanted = (_inputs(self.settings, blueprint) for blueprint in self.blueprints.values())
        some = [inputs for inputs in wanted if inputs & places and not inputs <= places]
        if not some:
            return None
        here, missing = _texts(set.union(*some) & places), _texts(set.union(*some) - places)
        return (
            f"only {here} were assigned, without {missing} that the same units read: a topic was deleted (`keepline "
            "topics check` names it), or workers of another release are in this group"
        )

    def _owned(self, places: set[Place]) -> set[str]:
        return {name for name, one in self.blueprints.items() if _inputs(self.settings, one) <= places}

    async def _acquire(self, gone: list[Lease], new: list[Lease], earliest: Earliest) -> None:
        await asyncio.gather(*[lease.stop() for lease in gone])
        await asyncio.gather(*[lease.acquire(earliest) for lease in new])
        self.rebalancing = False

    async def _save_all(self) -> None:
        tasks = self._start(self.all.values())
        if tasks:
            await asyncio.shield(asyncio.gather(*tasks))

    def _start(self, leases: Iterable[Lease]) -> list[asyncio.Task[None]]:
        """Starts each checkpoint in a task of its own: a cancelled caller must not cancel a transaction."""
        tasks = [asyncio.ensure_future(or_halt(lease.checkpoint())) for lease in leases if lease.ready]
        self._running.update(tasks)
        for task in tasks:
            task.add_done_callback(self._running.discard)
        return tasks


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
