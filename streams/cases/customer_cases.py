"""What is kept of a customer who has, or had, a case: cases, contacts, and candidates that wait for the dispatcher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from streams.interventions.case import Case
from streams.interventions.gate import Contact
from streams.interventions.message import Message


@dataclass
class PendingCandidate:
    """A candidate whose grant has not come: the message as it would be sent, by the channel that the gate chose."""

    message: Message
    channel: str
    channels: Sequence[str]  # all that the action may use
    cost: float
    upgrade: bool = False

    @property
    def share(self) -> tuple[Any, ...]:
        """Of what is limited: a grant of one is a grant of the other where these are the same."""
        message = self.message
        names = ("intervention_id", "tier", "scope", "agent_id")
        return (message["action"]["who"], *(message[name] for name in names))

    def candidate(self, customer: str) -> dict[str, Any]:
        """What the dispatcher has to know."""
        message = self.message
        return {
            "intervention_id": message["intervention_id"],
            "customer_id": customer,
            "scope": message["scope"],
            "who": message["action"]["who"],
            "agent_id": message["agent_id"],
            "cost": self.cost,
            "net_value": message["expected_net_value"],
        }


@dataclass
class CustomerCases:
    """What is kept of a customer beside the numbers."""

    cases: list[Case] = field(default_factory=list)  # the newest last; those that nothing is left to wait for are gone
    contacts: list[Contact] = field(default_factory=list)  # what was sent by channels that have a cap
    pending: PendingCandidate | None = None
    granted: PendingCandidate | None = None  # it has its share of what is limited, and waits for the morning
    touch_retry_us: int | None = None  # an automated touch waits until then

    @property
    def live(self) -> Case | None:
        """The case that has not ended: there is at most one."""
        return next((case for case in reversed(self.cases) if case.is_live), None)

    def dumps(self) -> bytes | None:
        """For the changelog; None when there is nothing to keep."""
        body = {
            "cases": [case.state_of() for case in self.cases],
            "contacts": self.contacts,
            "asked": self.pending,
            "granted": self.granted,
            "touch_again_us": self.touch_retry_us,
        }
        return orjson.dumps(body) if any(body.values()) else None

    @staticmethod
    def loads(row: bytes) -> CustomerCases:
        """What `dumps` gave."""
        body: dict[str, Any] = orjson.loads(row)
        contacts = [(us, channel) for us, channel in body["contacts"]]
        pending, granted = (PendingCandidate(**body[name]) if body[name] else None for name in ("asked", "granted"))
        return CustomerCases(
            [Case.load(case) for case in body["cases"]], contacts, pending, granted, body["touch_again_us"]
        )
