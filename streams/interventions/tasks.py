"""Tasks: what a manager has to do about an open complaint, with or without a case. A task is no message to the
customer, so neither consent nor holdout nor caps concern it.

| event                                             | status of the message   | to                      |
|---------------------------------------------------|-------------------------|-------------------------|
| a complaint is opened                             | open, with `due_at`     | `complaints.who`        |
| `complaints.due_within` has passed                | overdue                 | `complaints.escalate_to`|
| a complaint is resolved, the oldest open one first| done; the task ends     |                         |
| `complaints.expires_after` has passed             | expired; the task ends  |                         |
| the customer is erased                            | withdrawn; the task ends|                         |
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid5

from schemas.instants import format_instant
from streams.interventions.customer_attributes import CustomerAttributes
from streams.profile.contact_sections import Complaints
from streams.profile.profile import Profile

# uuid5(NAMESPACE_DNS, "tasks.keepline"). Never change it: a task keeps its id.
NAMESPACE = UUID("92f4bb3e-1593-55be-a2e5-7f601cada91a")
COMPLAINT = "complaint"


@dataclass
class Task:
    """A task that has not ended. event: the id of its event; known_us: when it was reported as open; overdue: it has
    been reported as overdue.
    """

    opened_us: int
    event: int
    known_us: int
    overdue: bool = False

    def next_us(self, rules: Complaints) -> int:
        """When something is due next."""
        return self.opened_us + (rules.expires_after_us if self.overdue else rules.due_within_us)

    def state_of(self) -> dict[str, Any]:
        """Returns the fields that restore it."""
        return asdict(self)


def concerns(profile: Profile, attributes: CustomerAttributes) -> bool:
    """Whether complaints of the customer become tasks: the roll-out has come to the customer's scope, and the customer
    was not erased, or has opened a channel since.
    """
    scopes, may_be_called = (
        profile.roll_out.scopes,
        attributes.erased_us is None or any(dict(attributes.consent).values()),
    )
    return may_be_called and (not scopes or attributes.scope in scopes)


def compose_task(
    profile: Profile, customer: str, attributes: CustomerAttributes, task: Task, status: str, at_us: int
) -> dict[str, Any]:
    """Returns the message that says what a task is now."""
    rules = profile.complaints
    return {
        "task_id": str(uuid5(NAMESPACE, f"{customer}|{COMPLAINT}|{format_instant(task.opened_us)}|{task.event}")),
        "customer_id": customer,
        "kind": COMPLAINT,
        "status": status,
        "updated_at": format_instant(at_us),
        "opened_at": format_instant(task.opened_us),
        "due_at": format_instant(task.opened_us + rules.due_within_us),
        "to": {"open": rules.who, "overdue": rules.escalate_to}.get(status),
        "script": rules.script,
        "script_zh": profile.chinese(rules.script),
        "scope": attributes.scope,
        "policy_version": profile.version,
    }
