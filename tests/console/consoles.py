"""A console over a store, and browsers that have signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp.test_utils import TestClient, TestServer

from schemas.instants import HOUR_US, parse_instant
from streams.console.access import Role, Viewer
from streams.console.audit import Audit
from streams.console.background import Background
from streams.console.changes import Changes
from streams.console.door import Door
from streams.console.outcomes import Reports, Sender
from streams.console.queries import Reader
from streams.console.server import Console
from streams.console.sessions import Sessions
from streams.console.site import Site
from streams.console.store import Store
from streams.profile.console_sections import ConsoleAuth
from tests.console.copies import PROFILE

NOW_US = parse_instant("2024-03-02T12:00:00Z")
COOKIE, LINK = "keepline", ConsoleAuth()
MANAGER = Viewer("mia", Role.MANAGER, None)
ADVISER = Viewer("bert", Role.ADVISER, ("pilot",))
ON_CALL = Viewer("otto", Role.ON_CALL, None)
Browser = TestClient[Any, Any]


@dataclass
class Clock:
    us: int = NOW_US

    def __call__(self) -> int:
        return self.us

    def forward(self, hours: float) -> None:
        self.us += int(hours * HOUR_US)


class Served:
    """A console and its store; `browser` gives one that has signed in. audited: what the audit was told."""

    def __init__(
        self, store: Store, hosts: frozenset[str] = frozenset(), sender: Sender | None = None,
        auth: ConsoleAuth = LINK, secret: str | None = None,
        background: Background | None = None,
    ) -> None:  # fmt: skip
        self.store, self.clock, self.reader = store, Clock(), Reader(store.path)
        self.sessions, self.changes, self.audited = Sessions(store.key), Changes(self.reader), list[dict[str, Any]]()
        audit = Audit(self.clock, lambda name, value: self.audited.append(orjson.loads(value)))
        site = Site(self.reader, PROFILE, self.clock, store.key, Reports(sender), background=background)
        self.door = Door(auth, self.sessions, audit, self.clock, MANAGER, hosts, secret)
        self.console = Console(site, self.door, self.changes, audit)
        self.server, self.browsers = TestServer(self.console.app), list[Browser]()

    def browser(self, viewer: Viewer | None = MANAGER) -> Browser:
        cookies = {} if viewer is None else {COOKIE: self.sessions.begin(viewer, self.clock())[1]}
        self.browsers.append(TestClient(self.server, cookies=cookies))
        return self.browsers[-1]

    def token(self, browser: Browser) -> str:
        """The token of the browser's session."""
        cookie = next(one.value for one in browser.session.cookie_jar if one.key == COOKIE)
        session = self.sessions.read(cookie, self.clock())
        assert session
        return self.sessions.token(session)


@asynccontextmanager
async def serving(store: Store, **options: Any) -> AsyncIterator[Served]:
    served = Served(store, **options)
    await served.server.start_server()
    try:
        yield served
    finally:
        for browser in served.browsers:
            await browser.close()
        await served.server.close()
        store.close()
