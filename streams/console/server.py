"""The application: pages, the stream, the way in. Whatever is answered has the headers of `site.HEADERS`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from schemas.errors import Failure
from streams.console import case_page, customer_page, stream, work_list
from streams.console.access import Role, Viewer
from streams.console.case_page import said
from streams.console.changes import Changes
from streams.console.outcomes import STATUSES
from streams.console.sessions import OneTimeKey, Session, Sessions
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
from streams.console.words import Words
from streams.operations.cases.words import LANGUAGES

PAGES: tuple[Page, ...] = (work_list.PAGE, case_page.PAGE, customer_page.PAGE)
MOST_BODY = 64 << 10
READ_LIMIT_S = 10.0
COOKIE, LANGUAGE = "keepline", "keepline-language"
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
log = logging.getLogger("keepline.console")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Console:
    """The application and what it holds. clock: now, in us; hosts: the names under which it is reached,
    none: any; entered: called when the link has been used.
    """

    def __init__(
        self,
        site: Site,
        sessions: Sessions,
        changes: Changes,
        clock: Callable[[], int],
        viewer: Viewer,
        hosts: frozenset[str] = frozenset(),
    ) -> None:
        self.site, self.sessions, self.changes, self.clock, self.viewer = site, sessions, changes, clock, viewer
        self.key, self._hosts, self._templates = OneTimeKey(), hosts, Templates(PAGES)
        self.entered: Callable[[], None] = lambda: None
        self.app = web.Application(client_max_size=MOST_BODY, middlewares=[self._guarded])
        self.app.router.add_get("/", self._first)
        self.app.router.add_get("/enter", self._enter)
        self.app.router.add_post("/sign-out", self._sign_out)
        self.app.router.add_get("/language", self._language)
        self.app.router.add_get("/stream", self._stream)
        self.app.router.add_post("/outcome", self._outcome)
        for path in static_urls().values():
            self.app.router.add_get(path, self._static)
        for page in PAGES:
            self.app.router.add_get(page.path, self._shown(page))

    def session(self, request: web.Request) -> Session:
        """Returns the session of a request; raises HTTPForbidden without one."""
        found = self.sessions.read(request.cookies.get(COOKIE, ""), self.clock())
        if found is None:
            raise web.HTTPForbidden
        return found

    async def written(self, request: web.Request) -> tuple[Session, dict[str, str]]:
        """Returns session and fields of a write; raises HTTPForbidden where it did not come from a page of ours."""
        session = self.session(request)
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise web.HTTPForbidden
        async with asyncio.timeout(READ_LIMIT_S):
            sent = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        if not self.sessions.fits(session, sent.get("token", "")):
            raise web.HTTPForbidden
        return session, sent

    def words(self, request: web.Request) -> Words:
        """Returns the words of the language that was chosen, or that the browser asks for."""
        chosen = request.cookies.get(LANGUAGE)
        return words_of(chosen if chosen in LANGUAGES else _asked(request), self.site.profile)

    def _shown(self, page: Page) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            session = self.session(request)
            if session.viewer.role not in page.roles:
                raise NotFound
            visit = Visit(self.site, session.viewer, self.words(request), request.query, self.site.now_us())
            token = self.sessions.token(session)
            text = await asyncio.to_thread(lambda: self._templates.page(page.name, visit, token, page.show(visit)))
            return _html(text)

        return handler

    async def _first(self, request: web.Request) -> web.Response:
        role = self.session(request).viewer.role
        return see_other(next(page.path for page in PAGES if page.in_menu and role in page.roles))

    async def _enter(self, request: web.Request) -> web.Response:
        if not self.key.use(request.query.get("key", "")):
            raise web.HTTPForbidden
        answer = see_other("/")
        self.sign_in(answer, self.viewer)
        self.entered()
        return answer

    def sign_in(self, answer: web.Response, viewer: Viewer) -> None:
        """Gives the browser a session."""
        _, cookie = self.sessions.begin(viewer, self.clock())
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="Strict", path="/")

    async def _sign_out(self, request: web.Request) -> web.Response:
        session, _ = await self.written(request)
        self.sessions.end(session, self.clock())
        answer = see_other("/")
        answer.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return answer

    async def _language(self, request: web.Request) -> web.Response:
        self.session(request)
        to, back = request.query.get("to", ""), request.query.get("back", "/")
        is_ours = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
        if to not in LANGUAGES or not is_ours:
            raise Refused
        answer = see_other(back)
        answer.set_cookie(LANGUAGE, to, max_age=365 * 86_400, httponly=True, samesite="Strict", path="/")
        return answer

    async def _outcome(self, request: web.Request) -> web.Response:
        """Takes an outcome from a button or a key. A script is answered with a sentence, a form with a page."""
        session, sent = await self.written(request)
        viewer, status = session.viewer, sent.get("status", "")
        if status not in STATUSES:
            raise Refused
        case = await asyncio.to_thread(self.site.reader.case, request.query.get("case", ""))
        if case is None or not viewer.may_write or not viewer.sees(case.scope):
            raise NotFound
        words = self.words(request)
        try:
            told: str = await self.site.reports.report(case, status, viewer.name, self.site.now_us())
        except Failure as error:
            log.warning("%s", error)
            told = "not_taken"
        if request.headers.get("Accept") == "application/json":
            return web.json_response({"told": told, "said": said(words, self.site, case, told)})
        return see_other(url("/case", id=case.case_id, told=told))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        viewer = self.session(request).viewer
        return await stream.serve(request, viewer, self.changes, self.site.reader)

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
        if self._hosts and request.host not in self._hosts:  # a name of somebody else that leads to this machine
            return self._error(request, 403)
        try:
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
        return _html(self._templates.error(status, self.words(request)), status)


def see_other(path: str) -> web.Response:
    """Returns the answer that leads on to another page."""
    return web.Response(status=303, headers={"Location": path})


def loopback_hosts(port: int) -> frozenset[str]:
    """Returns the names under which a console on the loopback is reached."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def local_viewer(name: str) -> Viewer:
    """Returns who comes by the printed link: whoever started the console may do everything."""
    return Viewer(name, Role.MANAGER, None)


def _asked(request: web.Request) -> str:
    """The first of our languages that the browser names."""
    named = (part.strip()[:2].lower() for part in request.headers.get("Accept-Language", "").split(","))
    return next((lang for lang in named if lang in LANGUAGES), LANGUAGES[0])


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")
