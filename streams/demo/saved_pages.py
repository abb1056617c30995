"""The console's pages as files, which link to each other and need nothing else."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from html import escape, unescape

import aiohttp

FIRST, MOST_PAGES = "index.html", 60
Error = aiohttp.ClientError
LIMIT = aiohttp.ClientTimeout(total=30)
LINK = re.compile(r'(href|src)="([^"]*)"')
REFRESH = re.compile(r'<meta http-equiv="refresh" content="\d+">')
COMPUTING, MOST_TRIES = "data-computing", 30
SCRIPT = re.compile(r"<script\b[^>]*></script>\s*")
TOKEN = re.compile(r'(<input type="hidden" name="token" value=")[^"]*"')
LEFT_OUT = ("/language", "/stream", "/sign-out", "/enter")


async def read(link: str) -> dict[str, str]:
    """Returns what the console shows to who follows `link`, by names of files: the first page (FIRST), pages that it
    leads to, at most MOST_PAGES, and what they load. Their buttons do nothing.
    """
    origin = re.sub(r"^(https?://[^/]+).*", r"\1", link)
    async with aiohttp.ClientSession(timeout=LIMIT, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(link) as entered:
            entered.raise_for_status()
            first = str(entered.url.relative())
        return await _Saved(session, origin).all(first)


class _Saved:
    """Pages and what they load, by the path on the console."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self._session, self._origin = session, origin
        self._names: dict[str, str] = {}
        self._waiting: deque[str] = deque()
        self._numbers = iter(range(MOST_PAGES))

    async def all(self, first: str) -> dict[str, str]:
        """Follows links from a page on."""
        self._name(first)
        texts: dict[str, str] = {}
        while self._waiting:
            path = self._waiting.popleft()
            if (text := await self._whole(path)) is not None:
                texts[path] = self._text(path, text)
        return {
            self._names[path]: LINK.sub(lambda found: self._link(found, texts), text) for path, text in texts.items()
        }

    async def _whole(self, path: str) -> str | None:
        """Returns a page; one that is being computed when it is whole."""
        text = None
        for _ in range(MOST_TRIES):
            async with self._session.get(self._origin + path) as answer:
                text = (await answer.read()).decode() if answer.status == 200 else None
            if COMPUTING not in (text or ""):
                break
            await asyncio.sleep(1.0)
        return text

    def _text(self, path: str, text: str) -> str:
        """Returns what is kept of it; puts what it leads to in the queue."""
        text = REFRESH.sub("", SCRIPT.sub("", text))
        for _, target in LINK.findall(text):
            self._name(unescape(target))
        return text if path.startswith("/static/") else TOKEN.sub(r'\1"', text).replace("<button", "<button disabled")

    def _name(self, path: str) -> None:
        if path in self._names or not path.startswith("/") or path.startswith(LEFT_OUT):
            return
        if path.startswith("/static/"):
            self._names[path] = path.rsplit("/", 1)[1]
        elif (number := next(self._numbers, None)) is not None:
            self._names[path] = f"page-{number}.html" if number else FIRST
        else:
            return
        self._waiting.append(path)

    def _link(self, found: re.Match[str], texts: dict[str, str]) -> str:
        path = unescape(found[2])
        return f'{found[1]}="{escape(self._names[path])}"' if path in texts else f'{found[1]}="#"'
