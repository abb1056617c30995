"""Changes on their way to browsers: none is missed, and a slow browser costs nobody anything."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import orjson
from aiohttp import ClientResponse

from streams.console import changes, stream
from streams.console.changes import Change, Subscription
from streams.console.stream import event
from tests.console.consoles import ADVISER, MANAGER, Served, serving
from tests.console.copies import store_in, write
from tests.operations.cases.messages import intervention


async def next_event(answer: ClientResponse) -> tuple[str, list[str] | None]:
    """The id and the cases of the next event."""
    found = {}
    while True:
        line = (await asyncio.wait_for(answer.content.readline(), 20)).decode().strip()
        name, _, value = line.partition(": ")
        found[name] = value
        if name == "data":
            return found["id"], orjson.loads(value)["cases"]


def told(served: Served, *names: str, scope: str = "pilot") -> None:
    write(served.store, *(intervention(name, customer_id=name, scope=scope) for name in names))
    served.changes.announce()


async def test_a_browser_is_told_of_each_change_and_after_a_break_of_what_it_missed(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        task = asyncio.create_task(served.changes.run())
        browser = served.browser()
        begin = f"{served.reader.meta('copy')}.0"
        async with browser.get("/stream", params={"after": begin}) as answer:
            assert await next_event(answer) == (begin, [])
            told(served, "a")
            last, cases = await next_event(answer)
            assert cases == ["a"]
        told(served, "b")
        told(served, "c", "d")
        async with browser.get("/stream", headers={"Last-Event-ID": last}) as answer:
            last, cases = await next_event(answer)
            assert cases == ["b", "c", "d"]
            told(served, "e")
            assert "e" in ((await next_event(answer))[1] or [])  # what was told before may be told again
        task.cancel()


async def test_an_id_of_another_copy_or_none_means_all(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        told(served, *(f"i{n}" for n in range(changes.MOST_CASES + 1)))
        for last in ("other.1", "", "x", f"{served.reader.meta('copy')}.999", "." * 9_000):
            async with served.browser().get("/stream", headers={"Last-Event-ID": last[:8000]}) as answer:
                assert (await next_event(answer))[1] is None


async def test_an_adviser_is_not_told_of_other_scopes(tmp_path: Path) -> None:
    change = Change(4, (("a", "pilot"), ("b", "city-2"), ("c", None)))
    assert change.seen_by(ADVISER) == ["a"]
    assert change.seen_by(MANAGER) == ["a", "b", "c"]
    assert event(change, ADVISER, "x") == 'id: x.4\nevent: change\ndata: {"cases":["a"]}\n\n'


async def test_what_a_browser_does_not_take_is_forgotten_and_it_loads_again() -> None:
    mine = Subscription()
    for number in range(1, 10_000):
        mine.put(Change(number, (("a", None),)))
    got = []
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0):
                got.append(await mine.get())
    assert len(got) <= changes.MOST_WAITING
    assert got[-1].number == 9_999
    assert any(one.cases is None for one in got)


async def test_a_browser_that_takes_nothing_holds_nobody_up(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        task = asyncio.create_task(served.changes.run())
        begin = {"after": f"{served.reader.meta('copy')}.0"}
        _, writer = await asyncio.open_connection(served.server.host, served.server.port)
        cookie = served.sessions.begin(MANAGER, served.clock())[1]
        writer.write(f"GET /stream HTTP/1.1\r\nHost: x\r\nCookie: keepline={cookie}\r\n\r\n".encode())
        async with served.browser().get("/stream", params=begin) as answer:
            await next_event(answer)
            for number in range(3 * changes.MOST_WAITING):  # the stuck one's buffers fill up meanwhile
                told(served, *(f"{number}-{'x' * 5_000}-{n}" for n in range(20)))
                seen = await next_event(answer)
                assert seen[0].endswith(f".{number + 1}")
            waiting = sorted(one._waiting.qsize() for one in served.changes._subscribers)
            assert 0 < waiting[1] <= changes.MOST_WAITING
        writer.close()
        task.cancel()


async def test_streams_are_limited(tmp_path: Path, monkeypatch: object) -> None:
    async with serving(store_in(tmp_path)) as served:
        stream.MOST_STREAMS, before = 1, stream.MOST_STREAMS
        try:
            async with served.browser().get("/stream") as answer:
                await next_event(answer)
                assert (await served.browser().get("/stream")).status == 503
        finally:
            stream.MOST_STREAMS = before
