"""The closed loop without a broker: a day's cases to the CRM, its calls to the city, the events of both to topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import orjson

from schemas.instants import DAY_US, parse_instant
from streams.files.tick_reader import Row
from streams.simulation.blocks import Block, Rows
from streams.simulation.city import City
from streams.simulation.contacts import Reaction
from streams.simulation.crm import Crm, Message
from streams.simulation.customers import Ints
from streams.simulation.files import CityFolder, customer_id

KINDS = {
    # file: (kind, column of a block)
    "service_visits": ("service_visit", "visits"),
    "app_activity": ("app_activity", "activity"),
    "surveys": ("survey", "surveys"),
    "customer_profiles": ("customer_profile", "profiles"),
}
OUTCOMES = "intervention_outcomes.jsonl"


@dataclass(frozen=True)
class Call:
    """A contact, with the truth that only the simulator knows."""

    customer: str
    crossed_us: int
    called_us: int
    leaving: bool
    saved: bool
    strategy: str


@dataclass
class ClosedLoop:
    """City and CRM, a day at a time; all events are also written to files, so that they can be replayed."""

    city: City
    crm: Crm
    files: CityFolder
    calls: list[Call] = field(default_factory=list)
    last_us: int = 0  # of all events so far

    def __post_init__(self) -> None:
        self.outcomes_path = self.files.folder / OUTCOMES
        self.outcomes_path.write_bytes(b"")

    @property
    def now_us(self) -> int:
        """The midnight at which the next day starts."""
        return self.city.start_us + self.city.day * DAY_US

    def next_day(self, interventions: Iterable[Message], updates: Iterable[Message]) -> list[Row]:
        """Gives the messages to the CRM and returns the events of the next day; each topic's rows are in order."""
        self.crm.take(interventions, updates)
        outcomes = self.crm.work(self.now_us, self._contact)
        block = self.city.next_day()
        lines = self.files.write(block)
        times = [int(rows["time_us"][-1]) for rows in _rows(block) if len(rows)]
        times += [parse_instant(body["event_time"]) for body in outcomes[-1:]]
        self.last_us = max(self.last_us, *times) if times else self.last_us
        return [*_events(block, lines), *self._outcome_rows(outcomes)]

    def _contact(self, who: Ints, crossed_us: Ints, called_us: Ints, strategies: Sequence[str]) -> Reaction:
        reaction = self.city.contact(who, crossed_us, called_us, strategies)
        columns = (map(customer_id, who.tolist()), crossed_us.tolist(), called_us.tolist())
        self.calls += map(Call, *columns, reaction.leaving.tolist(), reaction.saved.tolist(), strategies)
        return reaction

    def _outcome_rows(self, outcomes: list[Message]) -> Iterator[Row]:
        with self.outcomes_path.open("ab") as file:
            for body in outcomes:
                value = orjson.dumps(body)
                file.write(value + b"\n")
                yield Row("intervention_outcome", body["customer_id"], value)


def _rows(block: Block) -> Iterator[Rows]:
    return (getattr(block, column) for _, column in KINDS.values())


def _events(block: Block, lines: dict[str, bytes]) -> Iterator[Row]:
    for name, (kind, column) in KINDS.items():
        customers = map(customer_id, getattr(block, column)["customer"].tolist())
        for customer, line in zip(customers, lines[name].splitlines(), strict=True):
            yield Row(kind, customer, line)
