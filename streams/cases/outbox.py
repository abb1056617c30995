"""Messages of a partition until they are taken, sorted by (stream time, customer)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from schemas.outputs import SCHEMA_VERSION
from streams.cases.customer_cases import PendingCandidate

Fact = tuple[int, str, bytes]  # decided at us, customer, message
Score = tuple[int, float, int]  # at us, probability, model version


@dataclass
class Outbox:
    """Messages since the last flush; those of one customer at one instant stay in this order."""

    interventions: list[Fact] = field(default_factory=list)
    withheld: list[Fact] = field(default_factory=list)
    updates: list[Fact] = field(default_factory=list)
    touches: list[Fact] = field(default_factory=list)
    tasks: list[Fact] = field(default_factory=list)
    candidates: list[tuple[str, PendingCandidate]] = field(default_factory=list)  # customer, candidate

    def flush(self, facts: Facts) -> None:
        """Moves all messages but candidates into the facts, sorted by (stream time, customer)."""
        facts.interventions += in_order(self.interventions)
        facts.withheld += in_order(self.withheld)
        facts.updates += in_order(self.updates)
        facts.touches += in_order(self.touches)
        facts.tasks += in_order(self.tasks)
        self.interventions, self.withheld, self.updates, self.touches, self.tasks = [], [], [], [], []


@dataclass
class Facts:
    """What goes out: everything since the last take, sorted by (instant, customer)."""

    interventions: list[Fact] = field(default_factory=list)
    withheld: list[Fact] = field(default_factory=list)
    updates: list[Fact] = field(default_factory=list)
    touches: list[Fact] = field(default_factory=list)
    tasks: list[Fact] = field(default_factory=list)
    candidates: list[bytes] = field(default_factory=list)
    scores: dict[int, Score | None] = field(default_factory=dict)  # slot -> latest score; None: forgotten
    observations: list[bytes] = field(default_factory=list)
    labelled: list[bytes] = field(default_factory=list)

    @property
    def is_urgent(self) -> bool:
        """Whether to commit at once: learner, dispatcher or CRM wait for a mark, a candidate or a message."""
        return bool(self.labelled or self.interventions or self.updates or self.tasks or self.candidates)


def in_order(facts: list[Fact]) -> list[Fact]:
    """Returns them sorted by (stream time, customer)."""
    return sorted(facts, key=lambda fact: fact[:2])


def dumped(message: dict[str, Any]) -> bytes:
    """Returns a message as JSON, with the version of its schema."""
    return orjson.dumps({"schema_version": SCHEMA_VERSION} | message)
