"""Messages on their way out, until they are put into order: that of (stream time, customer)."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.cases.customer_cases import PendingCandidate

Fact = tuple[int, str, bytes]  # decided at us, customer, message
Score = tuple[int, float, int]  # at us, probability, model version


@dataclass
class Outbox:
    """What came since the last flush; of one customer at one instant in the order in which it happened."""

    interventions: list[Fact] = field(default_factory=list)
    withheld: list[Fact] = field(default_factory=list)
    updates: list[Fact] = field(default_factory=list)
    touches: list[Fact] = field(default_factory=list)
    candidates: list[tuple[str, PendingCandidate]] = field(default_factory=list)  # customer, what they ask for


@dataclass
class Facts:
    """What came out since the last take, in the order of (instant, customer)."""

    interventions: list[Fact] = field(default_factory=list)
    withheld: list[Fact] = field(default_factory=list)
    updates: list[Fact] = field(default_factory=list)
    touches: list[Fact] = field(default_factory=list)
    candidates: list[bytes] = field(default_factory=list)
    scores: dict[int, Score | None] = field(default_factory=dict)  # slot -> its latest; None: gone
    observations: list[bytes] = field(default_factory=list)
    labelled: list[bytes] = field(default_factory=list)

    @property
    def is_urgent(self) -> bool:
        """A mark, a candidate or a message that is not committed holds up learner, dispatcher or a call."""
        return bool(self.labelled or self.interventions or self.updates or self.candidates)


def in_order(facts: list[Fact]) -> list[Fact]:
    """By (stream time, customer)."""
    return sorted(facts, key=lambda fact: fact[:2])
