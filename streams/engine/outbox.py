"""Messages on their way out, until they are put into order: that of (stream time, customer)."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.engine.casebook import Asked

Fact = tuple[int, str, bytes]  # decided at us, customer, message


@dataclass
class Outbox:
    """What came since the last flush; of one customer at one instant in the order in which it happened."""

    interventions: list[Fact] = field(default_factory=list)
    withheld: list[Fact] = field(default_factory=list)
    updates: list[Fact] = field(default_factory=list)
    touches: list[Fact] = field(default_factory=list)
    candidates: list[tuple[str, Asked]] = field(default_factory=list)  # customer, what they ask for


def in_order(facts: list[Fact]) -> list[Fact]:
    """By (stream time, customer)."""
    return sorted(facts, key=lambda fact: fact[:2])
