"""The casebook's entry of a customer: cases, contacts, and candidates that wait for the dispatcher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from streams.interventions.case import Case
from streams.interventions.gate import Contact
from streams.interventions.message import Message
from streams.interventions.tasks import Task


@dataclass
class PendingCandidate:
    """A candidate without its grant: the message as it would be sent, and the channel that the gate chose."""

    message: Message
    channel: str
    channels: Sequence[str]  # all that the action may use
    cost: float
    upgrade: bool = False

    @property
    def is_of_backlog(self) -> bool:
        """Whether the case would not open at a crossing."""
        return self.message.get("opened_by") == "backlog"

    @property
    def share(self) -> tuple[Any, ...]:
        """What a grant depends on: candidates with the same values may use each other's grant."""
        message = self.message
        names = ("intervention_id", "tier", "scope", "agent_id")
        return (message["action"]["who"], *(message[name] for name in names))

    def candidate(self, customer: str) -> dict[str, Any]:
        """Returns the fields for the dispatcher."""
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
    """What is kept of a customer beside the row of numbers."""

    cases: list[Case] = field(default_factory=list)  # the newest last; live ones, and ended ones with deadlines left
    contacts: list[Contact] = field(default_factory=list)  # messages sent by channels that have a cap
    pending: PendingCandidate | None = None  # waits for its grant
    granted: PendingCandidate | None = None  # has its grant, waits for the end of quiet hours
    touch_retry_us: int | None = None  # a postponed touch
    tasks: list[Task] = field(default_factory=list)  # those that have not ended, the oldest first

    @property
    def live(self) -> Case | None:
        """The case that has not ended: there is at most one."""
        return next((case for case in reversed(self.cases) if case.is_live), None)

    def dumps(self) -> bytes | None:
        """Returns the row of the changelog; None when there is nothing to keep."""
        body = {
            "cases": [case.state_of() for case in self.cases],
            "contacts": self.contacts,
            "asked": self.pending,
            "granted": self.granted,
            "touch_again_us": self.touch_retry_us,
            "tasks": [task.state_of() for task in self.tasks],
        }
        return orjson.dumps(body) if any(body.values()) else None

    @staticmethod
    def loads(row: bytes) -> CustomerCases:
        """Restores what `dumps` returned."""
        body: dict[str, Any] = orjson.loads(row)
        contacts = [(us, channel) for us, channel in body["contacts"]]
        pending, granted = (PendingCandidate(**body[name]) if body[name] else None for name in ("asked", "granted"))
        tasks = [Task(**task) for task in body.get("tasks", ())]  # the release before has none
        return CustomerCases(
            [Case.load(case) for case in body["cases"]], contacts, pending, granted, body["touch_again_us"], tasks
        )
