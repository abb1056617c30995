"""A partition on the wall's clock, shops that publish visits to it, and what an independent reading of the visits says.

Customers of a shop come every few days until they leave. The model in force knows nothing but the days since the last
visit: above SILENT_DAYS a customer is at risk. So every case can be judged by the visits alone.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from features.catalogue import NAMES
from online_model.snapshot import Snapshot
from schemas.instants import DAY_US, HOUR_US, format_instant
from streams.profile.loading import load_profile
from streams.units.engine_unit import EngineUnit
from streams.units.sources import CANDIDATES, DISPATCHES, INPUTS, LABELLED, MODELS, OBSERVATIONS
from streams.units.unit import Output, Pair
from tests.online_model.worlds import lines
from tests.units.topics import Record

SILENT_DAYS = 10.5
START_US = 20_000 * DAY_US
STEP_US = HOUR_US  # how often the partition looks at its inputs
SWEEP_US = 6 * HOUR_US
VISITS = "service-visits"
SETTINGS = [
    "case.least_tenure=1d",
    "gate.holdout_share=0",
    "gate.consent_when_unknown=true",
    "time.sweep_every=6h",
    "time.tick=1m",
    "label.lapsed_after=120d",
]


class Visit(NamedTuple):
    """A visit as it happened; `sent_us`: when its shop could publish it."""

    at_us: int
    shop: str
    customer: str
    sent_us: int


class Message(NamedTuple):
    """What a publisher sends at a moment: an event, or a heartbeat."""

    sent_us: int
    value: bytes
    customer: str | None


@dataclass(frozen=True)
class Shop:
    """A publisher. down: from when to when (days) it could not publish; what happened then comes when it is back."""

    name: str
    customers: Sequence[str]
    down: tuple[float, float] = (0.0, 0.0)
    heartbeats: bool = True
    comes_back: bool = True  # with what happened meanwhile
    skew_us: int = 0  # how far its clock is ahead


@dataclass
class Town:
    """Shops, and all that happened in them."""

    shops: Sequence[Shop]
    days: int
    every_days: tuple[int, int] = (3, 7)
    leave_share: float = 0.3
    seed: int = 1
    visits: list[Visit] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        for shop in self.shops:
            for customer in shop.customers:
                leaves = rng.randrange(20, self.days - 20) if rng.random() < self.leave_share else self.days
                day = rng.random() * 5
                while day < leaves:
                    at_us = START_US + int(day * DAY_US)
                    self.visits.append(Visit(at_us, shop.name, customer, self.sent_us(shop, at_us)))
                    day += rng.uniform(*self.every_days)
        self.visits.sort()

    def sent_us(self, shop: Shop, at_us: int) -> int:
        """When what happened at `at_us` leaves the shop."""
        begin, end = (START_US + int(day * DAY_US) for day in shop.down)
        return end if begin <= at_us < end else at_us

    def messages(self) -> list[Message]:
        """In the order in which they are sent; of one shop in the order in which they happened."""
        skews = {shop.name: shop.skew_us for shop in self.shops}
        lost = {shop.name for shop in self.shops if not shop.comes_back}
        found = [
            Message(visit.sent_us, event(number, visit, skews[visit.shop]), visit.customer)
            for number, visit in enumerate(self.visits)
            if visit.sent_us == visit.at_us or visit.shop not in lost
        ]
        for shop in self.shops:
            if shop.heartbeats:
                times = range(START_US, START_US + self.days * DAY_US, HOUR_US)
                beats = [at_us for at_us in times if self.sent_us(shop, at_us) == at_us]
                found += [Message(at_us, heartbeat(shop.name, at_us + shop.skew_us), None) for at_us in beats]
        return sorted(found, key=lambda message: message.sent_us)

    def last_visit_us(self, customer: str, at_us: int) -> int:
        """The customer's last visit up to then, wherever it was and whenever it was published."""
        return max(visit.at_us for visit in self.visits if visit.customer == customer and visit.at_us <= at_us)


def silence_model() -> Snapshot:
    """The model in force: p is above 0.5 after SILENT_DAYS without a visit."""
    weights = np.where(np.array(NAMES) == "retained_recency", 5.0, 0.0)
    return lines(weights, -5.0 * float(np.log1p(SILENT_DAYS)), np.zeros(len(NAMES)))


def event(number: int, visit: Visit, skew_us: int = 0) -> bytes:
    body = {
        "event_id": f"v{number}",
        "kind": "service_visit",
        "schema_version": 1,
        "customer_id": visit.customer,
        "event_time": format_instant(visit.at_us + skew_us),
        "producer": visit.shop,
    }
    return json.dumps(body).encode()


def heartbeat(producer: str, at_us: int, **more: object) -> bytes:
    return json.dumps({"kind": "heartbeat", "event_time": format_instant(at_us), "producer": producer} | more).encode()


class Case(NamedTuple):
    """An intervention, when it came out, and what it says."""

    sent_us: int
    customer: str
    body: dict[str, object]


class Partition:
    """An engine on the wall's clock, its inputs, and what came out of it."""

    def __init__(self, *settings: str, profile: str = "after-sales") -> None:
        """profile: a shipped name or a TOML file."""
        self.unit = EngineUnit(load_profile(profile, [*SETTINGS, *settings]), 0, "wall")
        self.unit.position = dict.fromkeys((*INPUTS, MODELS, OBSERVATIONS, DISPATCHES), 0)
        self.unit.engine.serve_model(silence_model())
        self.feed = self.unit.open_feed()
        self.records: list[Record] = []
        self.changelog: list[Pair] = []
        self.candidates: list[bytes] = []
        self.updates: list[dict[str, object]] = []
        self.cases: list[Case] = []
        self.withheld: list[dict[str, object]] = []
        self.letters: list[dict[str, object]] = []
        self.observed: list[bytes] = []  # the topic `observations`, read again by the partition itself
        self.labelled: list[dict[str, Any]] = []

    def run(
        self, messages: Iterable[Message], from_us: int, until_us: int, *, down: tuple[int, int] = (0, 0),
        look: Callable[[int], None] = lambda now_us: None,
    ) -> None:  # fmt: skip
        """The wall's clock goes from one instant to another. down: the partition itself is not there meanwhile."""
        waiting, now_us = list(messages), from_us
        waiting.reverse()
        while now_us < until_us:
            now_us += STEP_US
            if down[0] <= now_us < down[1]:
                continue
            come = []
            while waiting and waiting[-1].sent_us <= now_us:
                come.append(waiting.pop())
            for start in range(0, max(len(come), 1), 5):  # a backlog does not come in one fetch
                last = start + 5 >= len(come)
                self.take(come[start : start + 5], now_us, caught_up=last)
            look(now_us)

    def take(self, messages: Sequence[Message], now_us: int, *, caught_up: bool) -> None:
        base = len(self.records)
        self.records += [
            Record(base + i, message.customer.encode() if message.customer else None, message.value)
            for i, message in enumerate(messages)
        ]
        if messages:
            self.feed.offer(VISITS, base, self.records[base:], now_us)
        for source in INPUTS:
            if source != VISITS or caught_up:
                self.feed.caught_up(source, now_us)
        while (batch := self.feed.take()) is not None:
            self.unit.apply(batch)
        self._collect(now_us, self.unit.outputs())

    def restart(self, now_us: int) -> None:
        """Another owner restores the state from the changelog."""
        state, *outputs = self.unit.take()
        self._collect(now_us, outputs)
        self.changelog += state.pairs
        before, self.unit = self.unit, EngineUnit(self.unit.profile, 0, "wall")
        self.unit.load([Record(i, key, value) for i, (key, value) in enumerate(self.changelog)])
        self.unit.loaded()
        assert self.unit.position == before.position
        self.feed = self.unit.open_feed()
        read = self.unit.position[VISITS]
        self.feed.offer(VISITS, read, self.records[read:], now_us)
        begin = self.unit.position[OBSERVATIONS]
        observed = [Record(begin + i, None, block) for i, block in enumerate(self.observed[begin:])]
        self.feed.offer(OBSERVATIONS, begin, observed, now_us)

    def _collect(self, now_us: int, outputs: Iterable[Output]) -> None:
        for output in outputs:
            bodies = [json.loads(value) for _, value in output.pairs if value]
            if output.topic == "interventions":
                self.cases += [Case(now_us, body["customer_id"], body) for body in bodies]
            elif output.topic == "interventions-withheld":
                self.withheld += bodies
            elif output.topic == "intervention-updates":
                self.updates += bodies
            elif output.topic == CANDIDATES:
                self.candidates += [value for _, value in output.pairs if value]
            elif output.topic == "dead-letters":
                self.letters += bodies
            elif output.topic == LABELLED:
                self.labelled += bodies
            elif output.topic == OBSERVATIONS:
                self._read_again([value for _, value in output.pairs if value], now_us)

    def _read_again(self, blocks: Sequence[bytes], now_us: int) -> None:
        records = [Record(len(self.observed) + i, None, block) for i, block in enumerate(blocks)]
        if records:
            self.feed.offer(OBSERVATIONS, len(self.observed), records, now_us)
            self.observed += blocks


def wrong(town: Town, cases: Iterable[Case]) -> list[Case]:
    """Cases of customers who had come within SILENT_DAYS (the model's bins blur them by minutes), as the visits say."""
    least_us = int((SILENT_DAYS - 0.05) * DAY_US)
    return [case for case in cases if case.sent_us - town.last_visit_us(case.customer, case.sent_us) < least_us]


def left(town: Town, until_us: int) -> set[str]:
    """Customers who had been silent for longer than SILENT_DAYS by then."""
    everybody = {visit.customer for visit in town.visits if visit.at_us <= until_us}
    return {name for name in everybody if until_us - town.last_visit_us(name, until_us) > SILENT_DAYS * DAY_US}
