"""Changes to all browsers. One task reads which cases each committed change touched; every browser has a short queue,
and one that does not keep up is told to load its page again. So memory is bounded, and a slow browser hurts nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from streams.console.access import Viewer
from streams.console.queries import Reader

MOST_CASES = 200  # of a change; beyond it all is read again
MOST_WAITING = 32


@dataclass(frozen=True, slots=True)
class Change:
    """Up to which number, and the cases with their scopes; None: too many to name."""

    number: int
    cases: tuple[tuple[str, str | None], ...] | None

    def seen_by(self, viewer: Viewer) -> list[str] | None:
        """Returns the ids that the viewer may know of."""
        if self.cases is None:
            return None
        return [case_id for case_id, scope in self.cases if viewer.sees(scope)]


@dataclass(frozen=True, slots=True)
class News:
    """The page that a browser shows has news that are of no case."""


class Subscription:
    """What waits for one browser. Cut short, it says so once: then all is to be read again. page: that it shows."""

    def __init__(self, page: str = "") -> None:
        self._waiting: asyncio.Queue[Change | News] = asyncio.Queue(MOST_WAITING)
        self.page = page

    def tell(self) -> None:
        """Adds news; whoever does not keep up gets the next ones."""
        if not self._waiting.full():
            self._waiting.put_nowait(News())

    def put(self, change: Change) -> None:
        """Adds a change, or forgets all that waits."""
        if self._waiting.full():
            while not self._waiting.empty():
                self._waiting.get_nowait()
            change = Change(change.number, None)
        self._waiting.put_nowait(change)

    async def get(self) -> Change | News:
        """Returns the next change, or news."""
        return await self._waiting.get()


class Changes:
    """Tells all subscribers of committed changes."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._news, self._subscribers = reader, asyncio.Event(), set[Subscription]()
        self.told = int(reader.meta("change"))

    def announce(self) -> None:
        """Called after a commit."""
        self._news.set()

    def __len__(self) -> int:
        return len(self._subscribers)

    def tell(self, page: str) -> None:
        """Tells all browsers that show a page of news on it."""
        for one in self._subscribers:
            if one.page == page:
                one.tell()

    def is_shown(self, page: str) -> bool:
        """Returns whether a browser shows a page."""
        return any(one.page == page for one in self._subscribers)

    @contextmanager
    def subscribed(self, page: str = "") -> Iterator[Subscription]:
        """A subscription until the browser leaves. page: that it shows."""
        mine = Subscription(page)
        self._subscribers.add(mine)
        try:
            yield mine
        finally:
            self._subscribers.discard(mine)

    async def since(self, number: int) -> Change:
        """Returns what has changed after a number, as one change."""
        return await asyncio.to_thread(self._since, number)

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            change = await self.since(self.told)
            self.told = change.number
            for one in self._subscribers:
                one.put(change)

    def _since(self, number: int) -> Change:
        last = int(self._reader.meta("change"))  # before the cases: what comes between is told again, not missed
        found = self._reader.changed_since(number, MOST_CASES + 1)
        if len(found) > MOST_CASES or number > last:
            return Change(last, None)
        return Change(last, tuple((case_id, scope) for _, case_id, scope in found))
