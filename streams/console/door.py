"""The way in and out: the printed link, a reverse proxy's headers or OpenID Connect; then a signed cookie."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

from streams.console.access import Viewer
from streams.console.audit import Audit
from streams.console.entrance import NoViewer, Tries, proxied, viewer_of
from streams.console.oidc import CALLBACK, Provider
from streams.console.sessions import OneTimeKey, Session, Sessions
from streams.profile.console_sections import ConsoleAuth

READ_LIMIT_S = 10.0
FLOW_S = 600
ONWARD = '<!doctype html><meta http-equiv="refresh" content="0;url=/">'
log = logging.getLogger("keepline.console")


class Door:
    """clock: now, in us; viewer: who comes by the link; used: called when the link was used; hosts: the names under
    which the console is reached, none: any.
    """

    def __init__(
        self,
        auth: ConsoleAuth,
        sessions: Sessions,
        audit: Audit,
        clock: Callable[[], int],
        viewer: Viewer,
        hosts: frozenset[str] = frozenset(),
        secret: str | None = None,
    ) -> None:
        self.auth, self.sessions, self._audit, self._clock, self._viewer = auth, sessions, audit, clock, viewer
        self.key, self._tries = OneTimeKey(), Tries()
        self.used: Callable[[], None] = lambda: None
        self.is_secure = urlsplit(auth.url).scheme == "https"
        self.cookie = "__Host-keepline" if self.is_secure else "keepline"
        self._flow = f"{self.cookie}-flow"
        self._hosts = hosts if auth.kind == "link" else frozenset({urlsplit(auth.url).netloc})
        self._provider = Provider(auth, secret) if auth.kind == "oidc" else None

    def routes(self) -> list[web.RouteDef]:
        """Returns the paths of the way in and out."""
        ways = {
            "link": [web.get("/enter", self._enter)],
            "proxy": [web.get("/sign-in", self._by_proxy)],
            "oidc": [web.get("/sign-in", self._begin), web.get(CALLBACK, self._finish)],
        }
        return [*ways[self.auth.kind], web.post("/sign-out", self._leave)]

    def knows(self, request: web.Request) -> bool:
        """Returns whether a request is for us, not for a name of somebody else that leads to this machine."""
        return not self._hosts or request.host in self._hosts

    def session(self, request: web.Request) -> Session:
        """Returns the session of a request; raises HTTPForbidden without one."""
        found = self.sessions.read(request.cookies.get(self.cookie, ""), self._clock())
        if found is None:
            raise web.HTTPForbidden
        if self.auth.kind == "proxy" and found.viewer != self._proxied(request):
            raise web.HTTPForbidden
        return found

    async def written(self, request: web.Request) -> tuple[Session, dict[str, str]]:
        """Returns session and fields of a write; raises HTTPForbidden where it did not come from a page of ours."""
        session = self.session(request)
        async with asyncio.timeout(READ_LIMIT_S):
            sent = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        is_ours = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        if not is_ours or not self.sessions.fits(session, sent.get("token", "")):
            self._audit.note(session, "refused", request.path, result="403")
            raise web.HTTPForbidden
        return session, sent

    async def _enter(self, request: web.Request) -> web.Response:
        self._count(request)
        if not self.key.use(request.query.get("key", "")):
            self._audit.note(None, "refused", request.path, result="403")
            raise web.HTTPForbidden
        answer = see_other("/")
        self._sign_in(answer, self._viewer)
        self.used()
        return answer

    async def _by_proxy(self, request: web.Request) -> web.Response:
        self._count(request)
        answer = see_other("/")
        self._sign_in(answer, self._proxied(request))
        return answer

    async def _begin(self, request: web.Request) -> web.Response:
        self._count(request)
        assert self._provider
        try:
            address, flow = await self._provider.begin()
        except NoViewer as error:
            raise self._refused(request, error) from None
        answer = see_other(address)
        # back from the provider the browser sends only lax cookies
        answer.set_cookie(
            self._flow, self.sessions.seal(flow, self._clock()), path="/", max_age=FLOW_S, secure=self.is_secure,
            httponly=True, samesite="Lax",
        )  # fmt: skip
        return answer

    async def _finish(self, request: web.Request) -> web.Response:
        self._count(request)
        assert self._provider
        flow = self.sessions.unseal(request.cookies.get(self._flow, ""), self._clock(), FLOW_S)
        try:
            if flow is None:
                raise NoViewer("no sign-in was begun in this browser within ten minutes")
            claims = await self._provider.finish(request.query, flow, self._clock())
            viewer = viewer_of(self.auth, claims)
        except NoViewer as error:
            raise self._refused(request, error) from None
        # a page, not a redirect: after one that came from elsewhere the browser would hold back the strict cookie
        answer = web.Response(
            text='<!doctype html><meta http-equiv="refresh" content="0;url=/">', content_type="text/html"
        )
        self._sign_in(answer, viewer)
        answer.del_cookie(self._flow, path="/", secure=self.is_secure, httponly=True, samesite="Lax")
        return answer

    async def _leave(self, request: web.Request) -> web.Response:
        session, _ = await self.written(request)
        self.sessions.end(session, self._clock())
        self._audit.note(session, "signed_out", request.path)
        answer = see_other("/")
        answer.del_cookie(self.cookie, path="/", secure=self.is_secure, httponly=True, samesite="Strict")
        return answer

    def _sign_in(self, answer: web.Response, viewer: Viewer) -> None:
        session, cookie = self.sessions.begin(viewer, self._clock())
        answer.set_cookie(self.cookie, cookie, path="/", secure=self.is_secure, httponly=True, samesite="Strict")
        self._audit.note(session, "signed_in", "/")

    def _proxied(self, request: web.Request) -> Viewer:
        try:
            return proxied(self.auth, request.remote, request.headers)
        except NoViewer as error:
            raise self._refused(request, error) from None

    def _refused(self, request: web.Request, error: NoViewer) -> web.HTTPForbidden:
        log.warning("sign-in refused: %s", error)
        self._audit.note(None, "refused", request.path, result="403")
        return web.HTTPForbidden()

    def _count(self, request: web.Request) -> None:
        """Raises HTTPTooManyRequests for an address that tries too often."""
        if not self._tries.allows(request.remote, self._clock()):
            raise web.HTTPTooManyRequests


def see_other(path: str) -> web.Response:
    """Returns the answer that leads on to another page."""
    return web.Response(status=303, headers={"Location": path})
