"""OpenID Connect: the code flow with PKCE. What a flow must remember lies in a signed cookie of ten minutes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from schemas.instants import SECOND_US
from streams.console.entrance import NoViewer
from streams.profile.console_sections import ConsoleAuth

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LIMIT = ClientTimeout(total=10)
MOST_BYTES = 1 << 20
LEEWAY_S = 60
CALLBACK = "/callback"
Body = dict[str, Any]


class Provider:
    """One provider. secret: of the client, where it has one."""

    def __init__(self, auth: ConsoleAuth, secret: str | None) -> None:
        self._auth, self._secret = auth, secret
        self._callback = auth.url.rstrip("/") + CALLBACK

    async def begin(self) -> tuple[str, bytes]:
        """Returns the provider's address to go to, and what the flow must remember; raises NoViewer."""
        flow = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        asked = {
            "response_type": "code",
            "client_id": self._auth.client_id,
            "redirect_uri": self._callback,
            "scope": "openid profile",
            "state": flow["state"],
            "nonce": flow["nonce"],
            "code_challenge": create_s256_code_challenge(flow["verifier"]),
            "code_challenge_method": "S256",
        }
        async with ClientSession(timeout=LIMIT) as client:
            address = (await self._described(client))["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}", orjson.dumps(flow)

    async def finish(self, query: Mapping[str, str], flow: bytes, now_us: int) -> Body:
        """Returns the claims of who came back; raises NoViewer with what does not fit."""
        known: Body = orjson.loads(flow)
        if not secrets.compare_digest(query.get("state", "").encode(), known["state"].encode()):
            raise NoViewer("the state is not that of this browser")
        if "code" not in query:
            raise NoViewer(f"the provider gave no code: {query.get('error', 'no error')}"[:200])
        async with ClientSession(timeout=LIMIT) as client:
            described = await self._described(client)
            answer = await self._exchanged(client, described["token_endpoint"], query["code"], known["verifier"])
            keys = await _json(client, "GET", described["jwks_uri"])
        return self._claims(answer, keys, known["nonce"], now_us)

    async def _described(self, client: ClientSession) -> Body:
        address = self._auth.issuer.rstrip("/") + "/.well-known/openid-configuration"
        described = await _json(client, "GET", address)
        if described.get("issuer") != self._auth.issuer:
            raise NoViewer(f"{address} describes issuer {described.get('issuer')!r}, expected {self._auth.issuer!r}")
        if missing := {"authorization_endpoint", "token_endpoint", "jwks_uri"} - described.keys():
            raise NoViewer(f"{address} has no {', '.join(sorted(missing))}")
        return described

    async def _exchanged(self, client: ClientSession, address: str, code: str, verifier: str) -> Body:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "client_id": self._auth.client_id,
            "code_verifier": verifier,
        }
        return await _json(client, "POST", address, form | ({"client_secret": self._secret} if self._secret else {}))

    def _claims(self, answer: Body, keys: Body, nonce: str, now_us: int) -> Body:
        expected = {"iss": {"essential": True, "value": self._auth.issuer}, "aud": {"value": self._auth.client_id}}
        params = {"nonce": nonce, "client_id": self._auth.client_id, "access_token": answer.get("access_token")}
        try:
            token = jwt.decode(str(answer.get("id_token")), KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]
            claims = CodeIDToken(token.claims, token.header, expected, params)
            claims.validate(now_us // SECOND_US, LEEWAY_S)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise NoViewer(f"the id token does not hold: {error}") from None
        return dict(token.claims)


async def _json(client: ClientSession, method: str, address: str, form: Mapping[str, str] | None = None) -> Body:
    try:
        async with client.request(method, address, data=form, allow_redirects=False) as answer:
            body = b""
            async for part in answer.content.iter_chunked(1 << 16):
                body += part
                if len(body) > MOST_BYTES:
                    raise NoViewer(f"{address} answered with more than {MOST_BYTES} bytes")
            if answer.status != 200:
                raise NoViewer(f"{address} answered with status {answer.status}")
            found: Body = orjson.loads(body)
            return found
    except (ClientError, TimeoutError, orjson.JSONDecodeError) as error:
        raise NoViewer(f"{address}: {error or type(error).__name__}") from None
