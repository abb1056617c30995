"""Who saw and did what, as messages of the topic `console-audit`; ids are hashed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson

from schemas.instants import format_instant
from schemas.outputs import ConsoleAudit
from streams.console.sessions import Session

DIGITS = 32
MOST_SEEN = 10_000
Take = Callable[[str, bytes], None]  # a name and a message


class Audit:
    """Composes messages. clock: now, in us; take: None where there are no topics."""

    def __init__(self, clock: Callable[[], int], take: Take | None) -> None:
        self._clock, self._take = clock, take
        self._seen: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def note(self, session: Session | None, did: str, page: str, about: str | None = None, **more: str) -> None:
        """Sends a message: what somebody did on a page, and to which case or customer."""
        if self._take is None:
            return
        viewer = session.viewer if session else None
        body: dict[str, Any] = {
            "at": format_instant(self._clock()),
            "name": viewer.name if viewer else None,
            "role": viewer.role if viewer else None,
            "did": did,
            "page": page,
            "about": hashed(about) if about else None,
            "status": more.get("status"),
            "result": more.get("result"),
        }
        self._take(viewer.name if viewer else "", orjson.dumps(ConsoleAudit.model_validate(body).model_dump()))

    def saw(self, session: Session, page: str, about: str, found: bool = False) -> None:
        """Sends a message for the first look of a session: pages load again by themselves when something changes.
        found: it was a search.
        """
        look = (session.id, page, about)
        if look not in self._seen:
            self.note(session, "found" if found else "saw", page, about)
        self._seen[look] = None
        self._seen.move_to_end(look)
        if len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)


def hashed(name: str) -> str:
    """Returns an id as the audit has it."""
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
