"""The console from start to signal: a feed into the store, and the pages beside it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from schemas.errors import Failure, UsageError
from streams.console import server
from streams.console.access import Role, Viewer
from streams.console.audit import Audit
from streams.console.background import Background
from streams.console.changes import Changes
from streams.console.door import Door
from streams.console.drawing import Points
from streams.console.intake import Feed, Intake
from streams.console.outcomes import Reports
from streams.console.queries import Reader
from streams.console.server import Console
from streams.console.sessions import Sessions
from streams.console.site import Site
from streams.console.store import Store
from streams.console.topic_sender import TopicSender
from streams.profile.profile import Profile

LOOPBACK = ("127.0.0.1", "localhost", "::1")
STOP_LIMIT_S = 1.0
THREADS = 4  # each that reads the store has a connection with a cache of its own


@dataclass(frozen=True)
class Options:
    """clock: now in us; follows_messages: pages take the last message's instant as now, not the clock's; name: who
    comes by the link; say: prints a line; sender: what writes outcomes, None: nothing can be reported;
    secret: of the client of an OpenID provider; background: what pages show besides the messages.
    """

    host: str
    port: int
    store: Path
    name: str
    clock: Callable[[], int]
    say: Callable[[str], None]
    follows_messages: bool = False
    sender: TopicSender | None = None
    secret: str | None = field(default=None, repr=False)
    read_curve: Callable[[str], Points] | None = None
    background: Background | None = None


async def serve(feed: Feed, profile: Profile, options: Options) -> None:
    """Serves pages until SIGINT or SIGTERM; raises Failure where it cannot go on."""
    if options.host not in LOOPBACK and profile.console.auth.kind == "link":
        raise UsageError(f"--http {options.host}: without [console.auth] in the profile only the loopback is served")
    store = Store(options.store, profile.case, feed.source)
    try:
        if options.sender:
            await options.sender.start()
        await _served(feed, profile, options, store)
    finally:
        if options.sender:
            await options.sender.stop()
        await feed.stop()
        store.close()


async def _served(feed: Feed, profile: Profile, options: Options, store: Store) -> None:
    stopped, intake = _stopped(), Intake(feed, store, options.say)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    await intake.start()
    reader = Reader(options.store)
    changes = Changes(reader)
    intake.changed = changes.announce
    now_us = (lambda: int(reader.meta("last_us"))) if options.follows_messages else options.clock
    background = options.background
    site = Site(reader, profile, now_us, store.key, Reports(options.sender), options.read_curve, background)
    audit = Audit(options.clock, options.sender.audit if options.sender else None)
    door = Door(
        profile.console.auth, Sessions(store.key), audit, options.clock, Viewer(options.name, Role.MANAGER, None),
        server.loopback_hosts(options.port), options.secret,
    )  # fmt: skip
    console = Console(site, door, changes, audit)

    def say_link() -> None:
        options.say(f"http://{options.host}:{options.port}/enter?key={door.key.value}")

    door.used = say_link
    runner = web.AppRunner(console.app, access_log=None, shutdown_timeout=STOP_LIMIT_S, handle_signals=False)
    await runner.setup()
    try:
        await _listen(runner, options)
        if door.auth.kind == "link":
            options.say("the link works once, and the next one is printed then; Ctrl-C ends the console")
            say_link()
        else:
            options.say(door.auth.url)
        beside = [background.run(changes, options.store, lambda: int(reader.meta("change")))] if background else []
        await _until(stopped, _read(intake), changes.run(), *beside)
    finally:
        await runner.cleanup()


async def _read(intake: Intake) -> None:
    await intake.catch_up()
    await intake.follow()


async def _listen(runner: web.AppRunner, options: Options) -> None:
    try:
        await web.TCPSite(runner, options.host, options.port).start()
    except OSError as error:
        address = f"{options.host}:{options.port}"
        raise Failure(f"--http {address}: cannot listen there: {error.strerror or error}") from None


def _stopped() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stopped.set)
    return stopped


async def _until(stopped: asyncio.Event, *work: Coroutine[Any, Any, None]) -> None:
    """Ends with the event, or with the first error of what goes on meanwhile."""
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(one) for one in (stopped.wait(), *work)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
