"""Customer attributes: what customer profiles say. Many customers share the same ones, so each set is stored once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson


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


class AttributesTable:
    """Each set of attributes once; a customer's row holds its number. Number 0: without a profile."""

    def __init__(self) -> None:
        self.all: list[CustomerAttributes] = [CustomerAttributes()]
        self._number = {CustomerAttributes(): 0}
        self._saved = 1

    def __getitem__(self, number: float) -> CustomerAttributes:
        return self.all[int(number)]

    def number(self, attributes: CustomerAttributes) -> int:
        """Returns its number, a new one for new attributes."""
        found = self._number.setdefault(attributes, len(self.all))
        if found == len(self.all):
            self.all.append(attributes)
        return found

    def take_changes(self, prefix: bytes) -> list[tuple[bytes | None, bytes | None]]:
        """Returns changelog rows of what is new since the last call."""
        new, self._saved = self.all[self._saved :], len(self.all)
        first = self._saved - len(new)
        return [(b"%s%d" % (prefix, first + i), orjson.dumps(asdict(attributes))) for i, attributes in enumerate(new)]

    def load(self, rows: dict[int, bytes], count: int) -> None:
        """Restores rows of the changelog, by number. count: how many there were; who has those of a lost one counts as
        without a profile until the next comes.
        """
        for number in range(1, count + 1):
            attributes = CustomerAttributes.of_row(rows[number]) if number in rows else CustomerAttributes()
            self.all.append(attributes)
            self._number.setdefault(attributes, number)
        self._saved = len(self.all)

    @property
    def saved(self) -> int:
        """How many rows the changelog has."""
        return self._saved - 1
