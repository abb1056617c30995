"""Who may see and do what: three roles. An adviser works the cases of the own scopes, on-call sees no customer's id,
a manager sees everything.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is in the console."""

    ADVISER = "adviser"
    ON_CALL = "on-call"
    MANAGER = "manager"


ALL = frozenset(Role)
WORKERS = frozenset({Role.ADVISER, Role.MANAGER})  # those who may write outcomes and look up a customer
MASK_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who has signed in. name: as `agent_id` of outcomes; scopes: those that may be seen, None: all."""

    name: str
    role: Role
    scopes: tuple[str, ...] | None

    @property
    def may_write(self) -> bool:
        """Whether outcomes are accepted from here."""
        return self.role in WORKERS

    @property
    def is_masked(self) -> bool:
        """Whether ids of customers are hidden."""
        return self.role is Role.ON_CALL

    def sees(self, scope: str | None) -> bool:
        """Returns whether cases of a scope are shown; customers without a scope belong to those who see all."""
        return self.scopes is None or scope in self.scopes


def mask(key: bytes, customer_id: str) -> str:
    """Returns a name for a customer that does not tell the id, the same on every page of this console."""
    return f"#{hmac.digest(key, customer_id.encode(), 'sha256').hex()[:MASK_DIGITS]}"
