"""The one-time link, the signed cookie of a session, and the token that each write must bring. What a cookie says is
signed with the key of the console's copy; only sessions that were ended before their time are remembered.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass

import orjson

from schemas.instants import HOUR_US, SECOND_US
from streams.console.access import Role, Viewer

LASTS_US = 12 * HOUR_US
SIGNATURE_BYTES = 32
MOST_COOKIE = 4096


@dataclass(frozen=True, slots=True)
class Session:
    """A viewer, until when (us), and the session's own random id."""

    viewer: Viewer
    ends_us: int
    id: str


class Sessions:
    """Signs and reads cookies. key: a secret."""

    def __init__(self, key: bytes) -> None:
        self._key, self._ended = key, dict[str, int]()

    def begin(self, viewer: Viewer, now_us: int) -> tuple[Session, str]:
        """Returns a new session and the value of its cookie."""
        session = Session(viewer, now_us + LASTS_US, secrets.token_urlsafe(12))
        body = orjson.dumps([viewer.name, viewer.role, viewer.scopes, session.ends_us, session.id])
        return session, base64.urlsafe_b64encode(self._sign(b"session", body) + body).decode()

    def seal(self, body: bytes, now_us: int) -> str:
        """Returns the value of a cookie that only this console can have made."""
        stamped = now_us.to_bytes(8, "big") + body
        return base64.urlsafe_b64encode(self._sign(b"sealed", stamped) + stamped).decode()

    def unseal(self, cookie: str, now_us: int, seconds: int) -> bytes | None:
        """Returns what was sealed at most so long ago; None: it was not."""
        stamped = self._opened(b"sealed", cookie)
        if stamped is None:
            return None
        age_us = now_us - int.from_bytes(stamped[:8], "big")
        return stamped[8:] if 0 <= age_us < seconds * SECOND_US else None

    def read(self, cookie: str, now_us: int) -> Session | None:
        """Returns the session of a cookie; None: it is not ours, or it is over."""
        body = self._opened(b"session", cookie)
        if body is None:
            return None
        name, role, scopes, ends_us, name_of_session = orjson.loads(body)
        viewer = Viewer(name, Role(role), None if scopes is None else tuple(scopes))
        is_over = now_us >= ends_us or name_of_session in self._ended
        return None if is_over else Session(viewer, ends_us, name_of_session)

    def end(self, session: Session, now_us: int) -> None:
        """Ends a session before its time."""
        self._ended = {name: ends_us for name, ends_us in self._ended.items() if ends_us > now_us}
        self._ended[session.id] = session.ends_us

    def token(self, session: Session) -> str:
        """Returns what a write of this session must bring."""
        return self._sign(b"write", session.id.encode()).hex()

    def fits(self, session: Session, token: str) -> bool:
        """Returns whether a write brought the session's token."""
        return hmac.compare_digest(self.token(session).encode(), token.encode())

    def _opened(self, what: bytes, cookie: str) -> bytes | None:
        try:
            value = base64.b64decode(cookie[:MOST_COOKIE], b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        signature, body = value[:SIGNATURE_BYTES], value[SIGNATURE_BYTES:]
        return body if hmac.compare_digest(signature, self._sign(what, body)) else None

    def _sign(self, what: bytes, body: bytes) -> bytes:
        return hmac.digest(self._key, what + b"\0" + body, "sha256")


class OneTimeKey:
    """The key in the link that is printed: good once, and then there is another one."""

    def __init__(self) -> None:
        self.value = secrets.token_urlsafe(24)

    def use(self, value: str) -> bool:
        """Returns whether this was the key; from then on it is another one."""
        if not hmac.compare_digest(value.encode(), self.value.encode()):
            return False
        self.value = secrets.token_urlsafe(24)
        return True
