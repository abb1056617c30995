"""Server-sent events: one stream a browser. An id is the copy's own and the number of the change, so a browser that
comes back with `Last-Event-ID` (or `after`, where its page ends) gets what it missed, and after a rebuild everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
from aiohttp import web

from streams.console.access import Viewer
from streams.console.changes import Change, Changes, News
from streams.console.queries import Reader
from streams.console.site import HEADERS

QUIET_S = 15.0  # then a line without meaning: whoever has left is noticed, and a proxy keeps the connection
SEND_LIMIT_S = 20.0
MOST_STREAMS = 1_000
RETRY_MS = 1_000


async def serve(
    request: web.Request, viewer: Viewer, changes: Changes, reader: Reader, goes_on: Callable[[], bool]
) -> web.StreamResponse:
    """Sends changes until the browser leaves, takes none for SEND_LIMIT_S, or its session ends (not `goes_on`)."""
    if len(changes) >= MOST_STREAMS:
        raise web.HTTPServiceUnavailable
    answer = web.StreamResponse(headers=HEADERS | {"Content-Type": "text/event-stream"})
    copy = str(await asyncio.to_thread(reader.meta, "copy"))
    told = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    with changes.subscribed(request.query.get("page", "")) as mine:
        await answer.prepare(request)
        await _send(answer, f"retry: {RETRY_MS}\n\n")
        first = await changes.since(_number(told, copy))
        await _send(answer, event(first, viewer, copy))
        number = first.number
        while goes_on():
            try:
                async with asyncio.timeout(QUIET_S):
                    change = await mine.get()
            except TimeoutError:
                await _send(answer, ":\n\n")
                continue
            if isinstance(change, News):
                await _send(answer, "event: news\ndata: {}\n\n")
            elif change.number > number and goes_on():
                number = change.number
                await _send(answer, event(change, viewer, copy))
    return answer


def event(change: Change, viewer: Viewer, copy: str) -> str:
    """Returns the lines of a change as this viewer may know of it."""
    data = orjson.dumps({"cases": change.seen_by(viewer)}).decode()
    return f"id: {copy}.{change.number}\nevent: change\ndata: {data}\n\n"


def _number(told: str, copy: str) -> int:
    """The number after which to begin; -1, so everything, where the id is not of this copy."""
    of, _, number = told.partition(".")
    return int(number) if of == copy and number.isdigit() and len(number) < 16 else -1


async def _send(answer: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(SEND_LIMIT_S):
        await answer.write(text.encode())
