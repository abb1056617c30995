"""How people come in where the profile has `[console.auth]`: what a claim or a header says becomes a viewer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from schemas.instants import SECOND_US
from streams.console.access import Role, Viewer
from streams.profile.console_sections import ConsoleAuth

MOST_TRIES, PER_US = 20, 60 * SECOND_US
MOST_ADDRESSES = 10_000
MOST_NAME = 128


class NoViewer(Exception):
    """What the provider or the proxy says makes nobody a viewer; the reason is for the log."""


def viewer_of(auth: ConsoleAuth, said: Mapping[str, Any]) -> Viewer:
    """Returns who claims or headers describe; raises NoViewer. An adviser without scopes sees none."""
    name, role = _found(said, auth.name), _role(auth, _texts(_found(said, auth.role)))
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= MOST_NAME:
        raise NoViewer(f"{auth.name} is no name of at most {MOST_NAME} printable characters")
    scopes = tuple(_texts(_found(said, auth.scopes))) if role is Role.ADVISER else None
    return Viewer(name, role, scopes)


def proxied(auth: ConsoleAuth, address: str | None, headers: Mapping[str, str]) -> Viewer:
    """Returns who a reverse proxy says it is; raises NoViewer for other addresses."""
    if address is None or not any(ip_address(address) in ip_network(one) for one in auth.proxies):
        raise NoViewer(f"{address} is none of console.auth.proxies")
    names = (auth.name, auth.role, auth.scopes)
    return viewer_of(auth, {name: headers[name] for name in names if name in headers})


class Tries:
    """How often each address has tried to come in: MOST_TRIES in a minute."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, tuple[int, int]] = OrderedDict()  # address -> when the minute began, tries

    def allows(self, address: str | None, now_us: int) -> bool:
        """Counts a try; returns whether it may be made."""
        began_us, tries = self._tries.pop(address or "", (now_us, 0))
        if not 0 <= now_us - began_us < PER_US:
            began_us, tries = now_us, 0
        self._tries[address or ""] = (began_us, tries + 1)
        if len(self._tries) > MOST_ADDRESSES:
            self._tries.popitem(last=False)
        return tries < MOST_TRIES


def _found(said: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by a path of dots."""
    value: Any = said
    for step in [name] if name in said else name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _role(auth: ConsoleAuth, values: list[str]) -> Role:
    """The role that sees most among those of the values."""
    known = auth.roles or {role.value: role.value for role in Role}
    roles = {known[value] for value in values if value in known}
    for role in (Role.MANAGER, Role.ADVISER, Role.ON_CALL):
        if role.value in roles:
            return role
    raise NoViewer(f"{auth.role} has none of {', '.join(known)}")


def _texts(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [part.strip() for part in parts if isinstance(part, str) and part.strip()]
