"""The application: pages, the stream, reports. Whatever is answered has the headers of `site.HEADERS`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from schemas.errors import Failure
from streams.console import case_page, customer_page, live_page, model_page, results_page, stream, work_list
from streams.console.access import Role
from streams.console.audit import Audit
from streams.console.case_page import said
from streams.console.changes import Changes
from streams.console.door import Door, see_other
from streams.console.language import Words
from streams.console.outcomes import STATUSES
from streams.console.site import (
    HEADERS,
    STATIC,
    NotFound,
    Page,
    Refused,
    Site,
    Templates,
    Visit,
    static,
    static_urls,
    url,
    words_of,
)
from streams.operations.cases.words import LANGUAGES

PAGES: tuple[Page, ...] = tuple(
    module.PAGE for module in (work_list, case_page, customer_page, live_page, results_page, model_page)
)
MOST_BODY = 64 << 10
LANGUAGE, YEAR_S = "keepline-language", 365 * 86_400
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
log = logging.getLogger("keepline.console")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Console:
    """The application and what it holds."""

    def __init__(self, site: Site, door: Door, changes: Changes, audit: Audit) -> None:
        self.site, self.door, self.changes, self._audit = site, door, changes, audit
        self._templates = Templates(PAGES)
        # one thread: several would wait for each other at every row that SQLite gives (each lets go of the interpreter)
        self._pages = ThreadPoolExecutor(1, "pages")
        self.app = web.Application(client_max_size=MOST_BODY, middlewares=[self._guarded])
        self.app.add_routes(door.routes())
        self.app.add_routes([
            web.get("/", self._first),
            web.get("/language", self._language),
            web.get("/stream", self._stream),
            web.post("/outcome", self._outcome),
            web.get("/weekly", self._weekly),
            *(web.get(path, self._static) for path in static_urls().values()),
            *(web.get(page.path, self._shown(page)) for page in PAGES),
        ])  # fmt: skip

    def words(self, request: web.Request) -> Words:
        """Returns the words of the language that was chosen, or that the browser asks for."""
        chosen = request.cookies.get(LANGUAGE)
        return words_of(chosen if chosen in LANGUAGES else _asked(request), self.site.profile)

    def _shown(self, page: Page) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            session = self.door.session(request)
            about = request.query.get("id") or request.query.get("find") or ""
            if session.viewer.role not in page.roles:
                raise NotFound
            visit = Visit(self.site, session.viewer, self.words(request), request.query, self.site.now_us())
            token = self.door.sessions.token(session)
            loop = asyncio.get_running_loop()
            try:
                text = await loop.run_in_executor(
                    self._pages, lambda: self._templates.page(page.name, visit, token, page.show(visit))
                )
            except NotFound:
                self._audit.note(session, "refused", page.path, about, result="404")
                raise
            self._audit.saw(session, page.path, about, found="find" in request.query)
            return _html(text)

        return handler

    async def _first(self, request: web.Request) -> web.Response:
        role = self.door.session(request).viewer.role
        return see_other(next(page.path for page in PAGES if page.in_menu and role in page.roles))

    async def _language(self, request: web.Request) -> web.Response:
        self.door.session(request)
        to, back = request.query.get("to", ""), request.query.get("back", "/")
        is_ours = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
        if to not in LANGUAGES or not is_ours:
            raise Refused
        answer = see_other(back)
        answer.set_cookie(
            LANGUAGE, to, max_age=YEAR_S, secure=self.door.is_secure, httponly=True, samesite="Strict", path="/"
        )
        return answer

    async def _outcome(self, request: web.Request) -> web.Response:
        """Takes an outcome from a button or a key. A script is answered with a sentence, a form with a page."""
        session, sent = await self.door.written(request)
        viewer, status, case_id = session.viewer, sent.get("status", ""), request.query.get("case", "")
        if status not in STATUSES:
            raise Refused
        case = await asyncio.to_thread(self.site.reader.case, case_id)
        if case is None or not viewer.may_write or not viewer.sees(case.scope):
            self._audit.note(session, "refused", request.path, case_id, status=status, result="404")
            raise NotFound
        try:
            told: str = await self.site.reports.report(case, status, viewer.name, self.site.now_us())
        except Failure as error:
            log.warning("%s", error)
            told = "not_taken"
        self._audit.note(session, "reported", request.path, case_id, status=status, result=told)
        if request.headers.get("Accept") == "application/json":
            return web.json_response({"told": told, "said": said(self.words(request), self.site, case, told)})
        return see_other(url("/case", id=case_id, told=told))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        session = self.door.session(request)

        def goes_on() -> bool:
            try:
                return self.door.session(request) == session
            except web.HTTPException:
                return False

        return await stream.serve(request, session.viewer, self.changes, self.site.reader, goes_on)

    async def _weekly(self, request: web.Request) -> web.StreamResponse:
        """The page that `keepline report --weekly` has written, to be kept: it has styles of its own."""
        viewer, background = self.door.session(request).viewer, self.site.background
        if viewer.role is not Role.MANAGER or background is None or background.weekly_us() is None:
            raise NotFound
        body = await asyncio.to_thread(background.weekly_page)
        said = {"Content-Disposition": 'attachment; filename="weekly.html"'}
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=said)

    async def _static(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        body = static(name) if name in STATIC else b""
        answer = web.Response(body=body, content_type=TYPES[name.rpartition(".")[2]], charset="utf-8")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await self._answer(request, handler)
        if not answer.prepared:
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
        return answer

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if not self.door.knows(request):
                raise web.HTTPForbidden
            return await handler(request)
        except web.HTTPException as answer:
            return self._error(request, answer.status)
        except NotFound:
            return self._error(request, 404)
        except (Refused, ValueError, TimeoutError):
            return self._error(request, 400)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return self._error(request, 500)

    def _error(self, request: web.Request, status: int) -> web.Response:
        sign_in = None if self.door.auth.kind == "link" else "/sign-in"
        return _html(self._templates.error(status, self.words(request), sign_in), status)


def loopback_hosts(port: int) -> frozenset[str]:
    """Returns the names under which a console on the loopback is reached."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def _asked(request: web.Request) -> str:
    """The first of our languages that the browser names."""
    named = (part.strip()[:2].lower() for part in request.headers.get("Accept-Language", "").split(","))
    return next((lang for lang in named if lang in LANGUAGES), LANGUAGES[0])


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")
