"""Customer attributes: what customer profiles say. Many customers share the same ones, so each set is stored once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

LEAST_GROWTH = 1_000


@dataclass(frozen=True, slots=True)
class CustomerAttributes:
    """What a customer profile says, without the customer's value; all defaults for a customer without a profile."""

    scope: str | None = None
    time_zone: str | None = None
    consent: tuple[tuple[str, bool], ...] = ()  # by channel, sorted
    preferred_channel: str | None = None
    agent_id: str | None = None

    @staticmethod
    def of(fields: dict[str, Any]) -> CustomerAttributes:
        """Returns the attributes in the fields of a customer profile."""
        known = {name: fields.get(name) for name in ("scope", "time_zone", "preferred_channel", "agent_id")}
        return CustomerAttributes(**known, consent=tuple(sorted(fields.get("consent", {}).items())))

    @staticmethod
    def of_row(row: bytes) -> CustomerAttributes:
        """Returns the attributes in a row of the changelog."""
        body = orjson.loads(row)
        return CustomerAttributes(**body | {"consent": tuple((channel, yes) for channel, yes in body["consent"])})


WITHOUT_PROFILE = CustomerAttributes()


class AttributesTable:
    """Each set of attributes once; a customer's row holds its number. Number 0: without a profile."""

    def __init__(self) -> None:
        self.all: dict[int, CustomerAttributes] = {0: WITHOUT_PROFILE}
        self._number = {WITHOUT_PROFILE: 0}
        self._free: list[int] = []  # a heap of numbers below `_next`
        self._next = 1
        self._changed: set[int] = set()
        self._most = LEAST_GROWTH

    def __getitem__(self, number: float) -> CustomerAttributes:
        return self.all.get(int(number), WITHOUT_PROFILE)

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
            self._number[attributes], self.all[found] = found, attributes
            self._changed.add(found)
        return found

    def keep(self, numbers: Iterable[int]) -> None:
        """Frees all sets but those with these numbers; the next new sets take their numbers."""
        for number in self.all.keys() - {0, *numbers}:
            del self._number[self.all.pop(number)]
            heapq.heappush(self._free, number)
            self._changed.add(number)
        self._most = 2 * len(self.all) + LEAST_GROWTH

    def take_changes(self, prefix: bytes) -> list[tuple[bytes | None, bytes | None]]:
        """Returns changelog rows of what has changed since the last call."""
        changed, self._changed = sorted(self._changed), set()
        return [(b"%s%d" % (prefix, number), self._row(number)) for number in changed]

    def load(self, rows: Mapping[int, bytes], count: int) -> None:
        """Restores rows of the changelog, by number. count: how many there were; who has those of a lost one counts as
        without a profile until the next comes, so its number is not given away.
        """
        for number, row in rows.items():
            self.all[number] = CustomerAttributes.of_row(row)
            self._number[self.all[number]] = number
        self._next = max(self.all) + 1
        self._free = sorted(set(range(self._next)) - self.all.keys()) if len(rows) >= count else []
        self._next += max(count - len(rows), 0)

    @property
    def saved(self) -> int:
        """How many rows the changelog has."""
        return len(self.all) - 1

    def _row(self, number: int) -> bytes | None:
        return orjson.dumps(asdict(self.all[number])) if number in self.all else None
