"""Messages to cases: an intervention, sent or withheld, with all changes by its updates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.instants import parse_instant
from streams.interventions.case_states import State

Message = dict[str, Any]
# fields of a case that an update may change; its other fields describe the update itself
CHANGED = (
    "tier", "scope", "action", "budget", "probability", "expected_saved", "expected_net_value", "window", "agent_id",
    "log_odds", "average_log_odds", "other_contributions", "reasons", "reasons_against",
)  # fmt: skip


@dataclass(frozen=True)
class Messages:
    """Message bodies as written; those of a case in their order."""

    interventions: list[Message] = field(default_factory=list)
    withheld: list[Message] = field(default_factory=list)
    updates: list[Message] = field(default_factory=list)

    @property
    def last_us(self) -> int | None:
        """The latest decision or update; None: there are no messages."""
        decided = [body["decided_at"] for body in (*self.interventions, *self.withheld)]
        return max(map(parse_instant, decided + [body["updated_at"] for body in self.updates]), default=None)


@dataclass(frozen=True)
class FollowedCase:
    """The current state of a case. `now`: the message with all changes; `to`: who has to act."""

    now: Message
    state: State
    to: str
    updates: list[Message]

    @property
    def intervention_id(self) -> str:
        """The id of the case."""
        return str(self.now["intervention_id"])

    @property
    def withheld_reason(self) -> str | None:
        """Why it was not sent; None: it was sent."""
        return self.now.get("withheld_reason")


def fold(messages: Messages) -> tuple[dict[str, FollowedCase], Counter[str]]:
    """Returns all cases by id, and the number of updates whose case is unknown, by status.

    A case withheld first and sent later counts as sent; of messages with the same id the last one holds. The order of
    the topics among each other does not matter.
    """
    first = {body["intervention_id"]: body for body in (*messages.withheld, *messages.interventions)}
    updates: dict[str, list[Message]] = {name: [] for name in first}
    unknown: Counter[str] = Counter()
    for body in messages.updates:
        if body["intervention_id"] in updates:
            updates[body["intervention_id"]].append(body)
        else:
            unknown[body["status"]] += 1
    return {name: _followed(body, updates[name]) for name, body in first.items()}, unknown


def _followed(body: Message, updates: list[Message]) -> FollowedCase:
    state = State.WITHHELD if "withheld_reason" in body else State.OPEN
    now, to = dict(body), body["action"]["who"]
    for update in updates:
        now |= {name: update[name] for name in CHANGED if update.get(name) is not None}
        if update["status"] == "rerouted":
            now["action"] = now["action"] | {"channel": update["channel"]}
        if update.get("who"):  # updates of the release before do not have it
            now |= {"who": update["who"], "agent_id": update.get("agent_id")}
        state = State(update.get("state") or state)
        to = update.get("who") or update.get("to") or (update.get("action") or {}).get("who") or to
    return FollowedCase(now, state, to, updates)


def of(cases: Mapping[str, FollowedCase], name: str) -> list[FollowedCase]:
    """Returns the case with this id, or all of the customer with this id: sent ones first, latest crossing first."""
    if name in cases:
        return [cases[name]]
    found = [case for case in cases.values() if case.now["customer_id"] == name]
    return sorted(found, key=lambda case: (case.withheld_reason is not None, -parse_instant(case.now["crossed_at"])))


def probabilities(messages: Messages, customer: str) -> list[tuple[int, float]]:
    """Returns (us, probability) of every message about the customer that has one, in order of time."""
    decided = [
        (body["decided_at"], body["probability"])
        for body in (*messages.interventions, *messages.withheld)
        if body["customer_id"] == customer
    ]
    updated = [
        (body["updated_at"], body["probability"])
        for body in messages.updates
        if body["customer_id"] == customer and body.get("probability") is not None
    ]
    return sorted((parse_instant(at), probability) for at, probability in decided + updated)
