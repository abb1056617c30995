"""A feed into the store. While there is much to read, a line of progress tells how far it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from streams.console.rows import Record, rows_of
from streams.console.store import Place, Store

SAY_EVERY_S = 2.0
log = logging.getLogger("keepline.console")


@dataclass(frozen=True)
class Batch:
    """Records, and for each partition that they came from the offset behind them."""

    records: Sequence[Record]
    offsets: Mapping[Place, int]


class Feed(Protocol):
    """Where records come from."""

    source: str

    async def start(self, offsets: Mapping[Place, int]) -> bool:
        """Goes on behind these; returns False where all has to be read again."""

    async def left(self) -> int:
        """Returns about how much has not been read."""

    async def next(self) -> Batch:
        """Returns some more records; waits a moment where there are none."""

    async def stop(self) -> None:
        """Lets go of what it holds."""


class Intake:
    """Reads a feed. say: prints a line; changed: called after commits."""

    def __init__(self, feed: Feed, store: Store, say: Callable[[str], None]) -> None:
        self._feed, self._store, self._say = feed, store, say
        self.changed: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Goes on where the store ends, or from the beginning where it does not fit the feed."""
        if not await self._feed.start(self._store.offsets):
            self._say("the records are not those that were read before: all are read again")
            self._store.start_over()
            await self._feed.start({})

    async def catch_up(self) -> None:
        """Returns when everything that lay there has been read."""
        begun, said, read, left = monotonic(), monotonic(), 0, await self._feed.left()
        first = max(left, 1)
        while left > 0:
            batch = await self._feed.next()
            await self._take(batch)  # nobody is told of each: without indexes it would be a search through all
            read += len(batch.records)
            left = await self._feed.left() if batch.records else 0
            if monotonic() - said > SAY_EVERY_S:
                said = monotonic()
                self._say(f"reading: {read:,} records, {1 - left / first:.0%}")
        await asyncio.to_thread(self._store.index)
        self.changed()
        if read:
            self._say(f"read {read:,} records in {monotonic() - begun:.1f} s")

    async def follow(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            if await self._take(await self._feed.next()):
                self.changed()

    async def _take(self, batch: Batch) -> bool:
        if batch.offsets:
            await asyncio.to_thread(self._write, batch)
        return bool(batch.offsets)

    def _write(self, batch: Batch) -> None:
        rows = rows_of(batch.records)
        for topic, count in rows.strange.items():
            log.warning("%d records of %s are no such messages and were left out", count, topic)
        self._store.write(rows, batch.offsets)
