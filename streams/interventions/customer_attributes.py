"""Customer attributes: what customer profiles say. Many customers share the same ones, so each set is stored once.

The latest profile holds, but for one thing: a channel that was closed is opened only by a later profile that says so.
So of channels that the latest profile does not name the last word of earlier ones is kept, and an erasure closes all
channels. The result does not depend on the order in which profiles come.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

LEAST_GROWTH = 1_000


Word = tuple[str, int, bool]  # channel, us, whether it may be used


@dataclass(frozen=True, slots=True)
class CustomerAttributes:
    """What a customer profile says, without the customer's value; all defaults for a customer without a profile."""

    scope: str | None = None
    time_zone: str | None = None
    consent: tuple[tuple[str, bool], ...] = ()  # by channel, sorted
    preferred_channel: str | None = None
    agent_id: str | None = None
    former: tuple[
        Word, ...
    ] = ()  # the last words of earlier profiles on channels that the latest does not name, sorted
    erased_us: int | None = None  # when the customer was last erased

    def consents_to(self, channel: str) -> bool | None:
        """Whether a channel may be used; None: unknown."""
        said = dict(self.consent).get(channel)
        if said is None and (self.erased_us is not None or (channel, False) in ((c, yes) for c, _, yes in self.former)):
            return False
        return said

    def _after(self, at_us: float, earlier: CustomerAttributes, earlier_us: float) -> CustomerAttributes:
        """Returns these attributes, of a profile at `at_us`, with what is kept of the one before, at `earlier_us`. Of
        two words of one instant the no holds.
        """
        erased_us = max((us for us in (self.erased_us, earlier.erased_us) if us is not None), default=None)
        words = [*self.former, *earlier.former, *((channel, int(earlier_us), yes) for channel, yes in earlier.consent)]
        last: dict[str, tuple[int, bool]] = {}  # channel -> us, whether it is closed
        for channel, us, yes in words:
            if erased_us is None or us > erased_us:
                last[channel] = max(last.get(channel, (us, not yes)), (us, not yes))
        consent = tuple((channel, yes and last.get(channel) != (at_us, True)) for channel, yes in self.consent)
        named = dict(consent)
        former = tuple(
            (channel, us, not closed) for channel, (us, closed) in sorted(last.items()) if channel not in named
        )
        return replace(self, consent=consent, former=former, erased_us=erased_us)

    def joined(self, at_us: float, other: CustomerAttributes, other_us: float) -> tuple[CustomerAttributes, float]:
        """Returns what these, of a profile at `at_us`, and another one say together, and when the later one was."""
        if other_us < at_us:
            return self._after(at_us, other, other_us), at_us
        return other._after(other_us, self, at_us), other_us

    @staticmethod
    def of(fields: dict[str, Any]) -> CustomerAttributes:
        """Returns the attributes in the fields of a customer profile."""
        known: dict[str, Any] = {
            name: fields.get(name) for name in ("scope", "time_zone", "preferred_channel", "agent_id")
        }
        return CustomerAttributes(**known, consent=tuple(sorted(fields.get("consent", {}).items())))

    @staticmethod
    def of_row(row: bytes) -> CustomerAttributes:
        """Returns the attributes in a row of the changelog. Raises when it is none."""
        body: dict[str, Any] = orjson.loads(row)
        consent, former = (tuple(map(tuple, said)) for said in (body["consent"], body.get("former", ())))
        known = {name: body[name] for name in ("scope", "time_zone", "preferred_channel", "agent_id")}
        return CustomerAttributes(**known, consent=consent, former=former, erased_us=body.get("erased_us"))


WITHOUT_PROFILE = CustomerAttributes()
LOST = CustomerAttributes(erased_us=0)  # its row is gone, so every channel counts as closed


class AttributesTable:
    """Each set of attributes once; a customer's row holds its number. Number 0: without a profile."""

    def __init__(self) -> None:
        self.all: dict[int, CustomerAttributes] = {0: WITHOUT_PROFILE}
        self._number = {WITHOUT_PROFILE: 0}
        self._free: list[int] = []  # a heap of numbers below `_next`
        self._next = 1
        self._changed: set[int] = set()
        self.erased_us: dict[int, int] = {}  # number -> when, of sets of customers who were erased
        self._most = LEAST_GROWTH

    def __getitem__(self, number: float) -> CustomerAttributes:
        return self.all.get(int(number), LOST)

    @property
    def has_grown(self) -> bool:
        """Whether it is worth looking for sets that no customer has any more: it has doubled since the last look."""
        return len(self.all) > self._most

    def number(self, attributes: CustomerAttributes) -> int:
        """Returns its number, a new one for new attributes."""
        found = self._number.get(attributes)
        if found is None:
            found = heapq.heappop(self._free) if self._free else self._next
            self._next = max(self._next, found + 1)
            self._keep(found, attributes)
            self._changed.add(found)
        return found

    def keep(self, numbers: Iterable[int]) -> None:
        """Frees all sets but those with these numbers; the next new sets take their numbers."""
        for number in self.all.keys() - {0, *numbers}:
            del self._number[self.all.pop(number)]
            self.erased_us.pop(number, None)
            heapq.heappush(self._free, number)
            self._changed.add(number)
        self._most = 2 * len(self.all) + LEAST_GROWTH

    def take_changes(self, prefix: bytes) -> list[tuple[bytes | None, bytes | None]]:
        """Returns changelog rows of what has changed since the last call."""
        changed, self._changed = sorted(self._changed), set()
        return [(b"%s%d" % (prefix, number), self._row(number)) for number in changed]

    def load(self, rows: Mapping[int, bytes], count: int) -> None:
        """Restores rows of the changelog, by number. count: how many there were; who has those of a lost one is not
        contacted until the next profile comes, so its number is not given away.
        """
        for number, row in rows.items():
            self._keep(number, CustomerAttributes.of_row(row))
        self._next = max(self.all) + 1
        self._free = sorted(set(range(self._next)) - self.all.keys()) if len(rows) >= count else []
        self._next += max(count - len(rows), 0)

    @property
    def saved(self) -> int:
        """How many rows the changelog has."""
        return len(self.all) - 1

    def _keep(self, number: int, attributes: CustomerAttributes) -> None:
        self._number[attributes], self.all[number] = number, attributes
        if attributes.erased_us is not None:
            self.erased_us[number] = attributes.erased_us

    def _row(self, number: int) -> bytes | None:
        return orjson.dumps(asdict(self.all[number])) if number in self.all else None
