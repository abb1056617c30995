"""The way in, sessions, and what each role sees."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient

from streams.console.access import Viewer
from streams.console.server import PAGES, loopback_hosts
from streams.console.sessions import OneTimeKey, Sessions
from streams.console.site import HEADERS
from tests.console.consoles import ADVISER, COOKIE, MANAGER, NOW_US, ON_CALL, serving
from tests.console.copies import store_in, write
from tests.operations.cases.messages import intervention

LASTS_US = 12 * 3_600_000_000


def test_a_session_is_what_was_signed_until_it_ends() -> None:
    sessions = Sessions(b"key")
    session, cookie = sessions.begin(ADVISER, NOW_US)
    assert sessions.read(cookie, NOW_US) == session
    assert sessions.read(cookie, NOW_US + LASTS_US - 1) == session
    assert sessions.read(cookie, NOW_US + LASTS_US) is None
    assert Sessions(b"other").read(cookie, NOW_US) is None


def test_a_forged_cookie_is_no_session() -> None:
    sessions = Sessions(b"key")
    _, cookie = sessions.begin(ADVISER, NOW_US)
    changed = [cookie[:n] + ("A" if cookie[n] != "A" else "B") + cookie[n + 1 :] for n in range(0, len(cookie) - 2)]
    for forged in ["", "x", "é", "AAAA", cookie[:-4], cookie * 99, *changed]:
        assert sessions.read(forged, NOW_US) is None


def test_the_token_of_one_session_is_not_that_of_another() -> None:
    sessions = Sessions(b"key")
    first, second = (sessions.begin(ADVISER, NOW_US)[0] for _ in range(2))
    assert sessions.fits(first, sessions.token(first))
    assert not sessions.fits(first, sessions.token(second))
    assert not sessions.fits(first, "")
    assert not sessions.fits(first, "é")


def test_a_key_opens_once() -> None:
    key = OneTimeKey()
    first = key.value
    assert [key.use("x"), key.use(first), key.use(first), key.use(key.value)] == [False, True, False, True]


async def test_the_link_signs_in_once_and_a_new_one_is_announced(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        keys: list[str] = []
        served.door.used = lambda: keys.append(served.door.key.value)
        first = served.door.key.value
        browser = served.browser(None)
        assert (await browser.get("/work")).status == 403
        answer = await browser.get("/enter", params={"key": first}, allow_redirects=False)
        cookie = answer.cookies[COOKIE]
        assert (answer.status, cookie["httponly"], cookie["samesite"]) == (303, True, "Strict")
        assert (await browser.get("/")).status == 200
        assert (await served.browser(None).get("/enter", params={"key": first})).status == 403
        assert keys == [served.door.key.value] != [first]


async def test_nothing_but_the_style_is_shown_without_a_session(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), intervention())
    async with serving(store) as served:
        browser = served.browser(None)
        for path in ["/", "/stream", "/language", *(page.path for page in PAGES)]:
            answer = await browser.get(path, params={"id": "i1", "to": "en"})
            assert answer.status == 403, path
            assert "anna" not in await answer.text()


async def test_a_session_that_has_ended_opens_nothing(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        browser = served.browser()
        assert (await browser.get("/work")).status == 200
        served.clock.forward(hours=12)
        assert (await browser.get("/work")).status == 403


async def test_whoever_signs_out_is_out(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        browser = served.browser()
        await browser.post("/sign-out", data={"token": served.token(browser)})
        assert (await browser.get("/work")).status == 403


async def test_every_answer_has_the_headers_and_no_page_has_inline_code(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), intervention())
    async with serving(store) as served:
        browser = served.browser()
        for path in ("/work", "/case?id=i1", "/case?id=none", "/nothing", "/enter"):
            answer = await browser.get(path)
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS, path
            text = await answer.text()
            assert not re.search(r"<style|\sstyle=|<script(?! src=)|\son\w+=|javascript:|https?://", text), path
            assert not re.search(r'(?:src|href|action)="(?!/|#)', text), path
        assert "unsafe" not in HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("viewer", [ADVISER, Viewer("new", ADVISER.role, ())])
async def test_a_case_of_another_scope_looks_like_none(tmp_path: Path, viewer: Viewer) -> None:
    write(store := store_in(tmp_path), intervention("theirs", scope="city-2"), intervention("nobodys", scope=None))
    async with serving(store) as served:
        browser = served.browser(viewer)
        answers = [await browser.get("/case", params={"id": name}) for name in ("theirs", "nobodys", "none", "")]
        assert [answer.status for answer in answers] == [404] * 4
        assert len({await answer.text() for answer in answers}) == 1
        assert "theirs" not in await (await browser.get("/work?show=all_open")).text()


async def test_on_call_sees_no_customer(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), intervention())
    async with serving(store) as served:
        seen = [await (await served.browser(ON_CALL).get(path)).text() for path in ("/work", "/case?id=i1")]
        assert not any("anna" in text for text in seen)
        masked = [re.findall(r"<bdi>(#[0-9a-f]{8})", text) for text in seen]
        assert masked[0][0] == masked[1][0]
        assert "anna" in await (await served.browser(MANAGER).get("/work")).text()


async def test_a_name_of_somebody_else_that_leads_here_is_refused(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path), hosts=loopback_hosts(8080)) as served:
        browser = served.browser()
        hosts = ("127.0.0.1:8080", "localhost:8080", "evil.example:8080", "127.0.0.1")
        statuses = [(await browser.get("/work", headers={"Host": host})).status for host in hosts]
        assert statuses == [200, 200, 403, 403]


async def test_a_write_needs_the_token_and_a_page_of_ours(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        browser, other = served.browser(), served.browser(ADVISER)
        token = served.token(browser)

        async def tried(data: dict[str, str], **headers: str) -> int:
            return (await browser.post("/sign-out", data=data, headers=headers, allow_redirects=False)).status

        assert await tried({}) == 403
        assert await tried({"token": "x"}) == 403
        assert await tried({"token": served.token(other)}) == 403
        assert await tried({"token": token}, **{"Sec-Fetch-Site": "cross-site"}) == 403
        assert await tried({"token": token}, **{"Sec-Fetch-Site": "same-site"}) == 403
        assert await tried({"token": token}, **{"Sec-Fetch-Site": "same-origin"}) == 303


async def test_ten_megabytes_are_refused(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        browser: TestClient = served.browser()  # type: ignore[type-arg]
        answer = await browser.post("/sign-out", data={"token": "x" * 10_000_000})
        assert answer.status == 413


async def test_a_body_that_comes_too_slowly_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.console.door.READ_LIMIT_S", 0.05)
    async with serving(store_in(tmp_path)) as served:
        reader, writer = await asyncio.open_connection(served.server.host, served.server.port)
        cookie = served.sessions.begin(MANAGER, served.clock())[1]
        form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99"
        head = f"POST /sign-out HTTP/1.1\r\nHost: x\r\nCookie: keepline={cookie}\r\n{form}\r\n\r\ntoken="
        writer.write(head.encode())
        assert b" 400 " in await asyncio.wait_for(reader.readline(), 20)
        writer.close()


async def test_paths_lead_nowhere_else(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        browser = served.browser()
        for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static/x/console.css", "/../../etc/passwd"):
            assert (await browser.get(path)).status == 404, path


async def test_the_language_is_the_browser_s_until_another_is_chosen(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path)) as served:
        browser = served.browser()

        async def title(asked: str) -> str:
            answer = await browser.get("/work", headers={"Accept-Language": asked})
            return re.findall(r"<h1>(.*?)</h1>", await answer.text())[0]

        assert [await title(one) for one in ("zh-CN,zh;q=0.9,en", "fr,en;q=0.5,zh", "de", "")] == [
            "工作清单", "Work list", "Work list", "Work list",
        ]  # fmt: skip
        answer = await browser.get("/language?to=zh&back=/work?show=late", allow_redirects=False)
        assert answer.headers["Location"] == "/work?show=late"
        assert await title("en") == "工作清单"
        for back in ("//evil.example", "https://evil.example", "/\\evil.example", "/\nX: y"):
            answer = await browser.get("/language", params={"to": "en", "back": back}, allow_redirects=False)
            assert answer.status == 400, back
