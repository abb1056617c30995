"""OpenID Connect and a reverse proxy as the way in: what is believed, of whom, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import RSAKey

from schemas.errors import UsageError
from schemas.instants import SECOND_US
from streams.console.access import Role, Viewer
from streams.console.entrance import MOST_TRIES, PER_US, NoViewer, Tries, proxied, viewer_of
from streams.profile.console_sections import ConsoleAuth
from streams.profile.loading import load_profile
from tests.console.consoles import NOW_US, Browser, Served
from tests.console.copies import store_in, write
from tests.operations.cases.messages import intervention

KEY = RSAKey.generate_key(2048, {"kid": "k1"})
OTHER = RSAKey.generate_key(2048, {"kid": "k1"})
GROUPS = ConsoleAuth(
    kind="proxy", name="X-User", role="X-Groups", scopes="X-Scopes", roles={"crm": "adviser", "bi": "manager"}
)


class Provider:
    """An OpenID provider that answers as it is told."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"preferred_username": "anna", "role": ["adviser"], "scopes": ["pilot"]}
        self.key, self.more, self.challenge, self.nonce, self.verified = KEY, dict[str, Any](), "", "", False
        self.token_status, self.secret = 200, ""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._describe)
        app.router.add_post("/token", self._token)
        app.router.add_get("/keys", self._keys)
        self.server = TestServer(app)

    @property
    def issuer(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def _describe(self, request: web.Request) -> web.Response:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        found = {name: f"{self.issuer}/{path}" for name, path in places.items()}
        return web.json_response(found | {"issuer": self.more.get("described", self.issuer)})

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [KEY.as_dict(private=False)]})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        digest = sha256(str(form["code_verifier"]).encode()).digest()
        self.verified = base64.urlsafe_b64encode(digest).decode().rstrip("=") == self.challenge
        self.secret = str(form.get("client_secret"))
        now = NOW_US // SECOND_US
        claims = {"iss": self.issuer, "sub": "1", "aud": "keepline", "exp": now + 60, "iat": now, "nonce": self.nonce}
        header = {"alg": self.more.get("alg", "RS256"), "kid": "k1"}
        token = jwt.encode(header, claims | self.claims | self.more.get("claims", {}), self.key)
        return web.json_response({"id_token": token, "token_type": "Bearer"}, status=self.token_status)


@asynccontextmanager
async def signing_in(folder: Path) -> AsyncIterator[tuple[Served, Provider, Browser]]:
    provider = Provider()
    await provider.server.start_server()
    write(store := store_in(folder), intervention("mine"), intervention("theirs", scope="city-2"))
    auth = ConsoleAuth(kind="oidc", issuer=provider.issuer, client_id="keepline", url="http://127.0.0.1:1")
    served = Served(store, auth=auth, secret="s3cret")
    await served.server.start_server()
    served.door._hosts = frozenset()  # the port is known only now
    browser = served.browser(None)
    try:
        yield served, provider, browser
    finally:
        await browser.close()
        await served.server.close()
        await provider.server.close()
        store.close()


async def begun(provider: Provider, browser: Browser) -> dict[str, str]:
    """What the provider is asked."""
    answer = await browser.get("/sign-in", allow_redirects=False)
    assert answer.status == 303
    asked = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    provider.challenge, provider.nonce = asked["code_challenge"], asked["nonce"]
    return asked


async def test_who_comes_back_from_the_provider_is_who_it_says(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (served, provider, browser):
        asked = await begun(provider, browser)
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["redirect_uri"] == "http://127.0.0.1:1/callback"
        answer = await browser.get("/callback", params={"code": "c", "state": asked["state"]})
        cookie = answer.cookies["keepline"]
        assert (answer.status, cookie["samesite"], cookie["httponly"]) == (200, "Strict", True)
        assert (provider.verified, provider.secret) == (True, "s3cret")
        text = await (await browser.get("/work")).text()
        assert "anna, adviser" in text
        assert "mine" in text
        assert "theirs" not in text
        assert [one["did"] for one in served.audited if one["did"] != "saw"] == ["signed_in"]


REFUSED: dict[str, dict[str, Any]] = {
    "another key": {"key": OTHER},
    "another issuer": {"more": {"claims": {"iss": "https://evil.example"}}},
    "another audience": {"more": {"claims": {"aud": "shop"}}},
    "another nonce": {"more": {"claims": {"nonce": "x"}}},
    "no nonce": {"more": {"claims": {"nonce": None}}},
    "expired": {"more": {"claims": {"exp": NOW_US // SECOND_US - 600}}},
    "described by another": {"more": {"described": "https://evil.example"}},
    "no role": {"claims": {"preferred_username": "anna"}},
    "another role": {"claims": {"preferred_username": "anna", "role": "admin"}},
    "no name": {"claims": {"role": "manager"}},
    "a name of control characters": {"claims": {"role": "manager", "preferred_username": "a\nb"}},
    "an error of the provider": {"token_status": 400},
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_does_not_hold_opens_nothing(tmp_path: Path, what: str) -> None:
    async with signing_in(tmp_path) as (served, provider, browser):
        described, provider.more = REFUSED[what].get("more", {}), {}
        asked = await begun(provider, browser)
        for name, value in REFUSED[what].items():
            setattr(provider, name, value)
        provider.more = described
        answer = await browser.get("/callback", params={"code": "c", "state": asked["state"]})
        assert (answer.status, "keepline" in answer.cookies) == (403, False)
        assert (await browser.get("/work")).status == 403
        assert served.audited[-1]["did"] == "refused"


async def test_a_callback_that_this_browser_did_not_begin_opens_nothing(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (served, provider, browser):
        asked = await begun(provider, browser)
        other = served.browser(None)
        assert (await other.get("/callback", params={"code": "c", "state": asked["state"]})).status == 403
        assert (await browser.get("/callback", params={"code": "c", "state": "x"})).status == 403
        assert (await browser.get("/callback", params={"state": asked["state"]})).status == 403
        served.clock.forward(hours=0.2)
        assert (await browser.get("/callback", params={"code": "c", "state": asked["state"]})).status == 403


async def test_the_page_of_whoever_is_out_leads_to_the_sign_in_and_there_is_no_link(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (served, _, browser):
        answer = await browser.get("/work")
        assert 'href="/sign-in"' in await answer.text()
        assert (await browser.get("/enter", params={"key": served.door.key.value})).status == 404


async def test_a_provider_that_is_away_is_a_refusal(tmp_path: Path) -> None:
    async with signing_in(tmp_path) as (_, provider, browser):
        await provider.server.close()
        assert (await browser.get("/sign-in", allow_redirects=False)).status == 403


def test_of_several_roles_the_one_that_sees_most_counts_and_only_advisers_have_scopes() -> None:
    said = {"X-User": "anna", "X-Groups": "crm, bi, other", "X-Scopes": "pilot, city-2"}
    assert viewer_of(GROUPS, said) == Viewer("anna", Role.MANAGER, None)
    assert viewer_of(GROUPS, said | {"X-Groups": "crm"}) == Viewer("anna", Role.ADVISER, ("pilot", "city-2"))
    assert viewer_of(GROUPS, {"X-User": "anna", "X-Groups": "crm"}) == Viewer("anna", Role.ADVISER, ())
    nested = ConsoleAuth(role="realm.roles", name="sub")
    assert viewer_of(nested, {"sub": "b", "realm": {"roles": ["on-call"]}}) == Viewer("b", Role.ON_CALL, None)


@pytest.mark.parametrize("address", ["10.0.0.9", "::1", None])
def test_headers_of_other_addresses_than_the_proxy_s_are_not_believed(address: str | None) -> None:
    auth = GROUPS.model_copy(update={"proxies": ("10.0.0.5/32", "10.1.0.0/16")})
    headers = {"X-User": "anna", "X-Groups": "bi"}
    assert proxied(auth, "10.1.2.3", headers).name == "anna"
    with pytest.raises(NoViewer):
        proxied(auth, address, headers)


async def test_a_session_is_over_when_the_proxy_says_somebody_else(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), intervention("mine"))
    auth = GROUPS.model_copy(update={"proxies": ("127.0.0.1/32",), "url": "http://127.0.0.1:1"})
    served = Served(store, auth=auth)
    await served.server.start_server()
    served.door._hosts = frozenset()
    browser, anna = served.browser(None), {"X-User": "anna", "X-Groups": "crm", "X-Scopes": "pilot"}
    assert (await browser.get("/sign-in", headers=anna)).status == 200
    assert (await browser.get("/work", headers=anna)).status == 200
    assert (await browser.get("/work", headers=anna | {"X-User": "bert"})).status == 403
    assert (await browser.get("/work", headers=anna | {"X-Scopes": "city-2"})).status == 403
    assert (await browser.get("/work")).status == 403
    await browser.close()
    await served.server.close()


def test_an_address_that_tries_too_often_waits_a_minute() -> None:
    tries = Tries()
    assert [tries.allows("a", NOW_US) for _ in range(MOST_TRIES + 1)] == [True] * MOST_TRIES + [False]
    assert tries.allows("b", NOW_US)
    assert not tries.allows("a", NOW_US + PER_US - 1)
    assert tries.allows("a", NOW_US + PER_US)


async def test_keys_are_not_guessed(tmp_path: Path) -> None:
    served = Served(store_in(tmp_path))
    await served.server.start_server()
    browser = served.browser(None)
    statuses = [(await browser.get("/enter?key=guess")).status for _ in range(MOST_TRIES + 1)]
    assert statuses == [403] * MOST_TRIES + [429]
    assert (await browser.get("/enter", params={"key": served.door.key.value})).status == 429
    await browser.close()
    await served.server.close()


OIDC = ("console.auth.kind=oidc", "console.auth.url=https://c.example", "console.auth.client_id=k")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([*OIDC], "console.auth.issuer: missing"),
        ([*OIDC, "console.auth.issuer=http://login.example"], "expected https://"),
        (["console.auth.kind=proxy", "console.auth.url=https://c.example"], "console.auth.proxies: missing"),
        (["console.auth.kind=proxy", "console.auth.proxies=10.0.0.300"], "expected a network"),
        (["console.auth.kind=password"], "console.auth.kind"),
    ],
)
def test_a_profile_that_nobody_could_enter_with_is_refused(settings: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace(".", r"\.")):
        load_profile("after-sales", settings)


def test_who_may_enter_does_not_change_the_policy_version() -> None:
    with_auth = load_profile("after-sales", [*OIDC, "console.auth.issuer=https://login.example"])
    assert with_auth.version == load_profile("after-sales").version
    assert with_auth.console.auth.kind == "oidc"
