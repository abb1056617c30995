"""Topics without a broker, and owners of units that read them, commit and restart."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.instants import DAY_US, format_instant, parse_instant
from streams.profile.loading import load_profile
from streams.profile.profile import Profile
from streams.units.engine_unit import EngineUnit
from streams.units.learner_unit import LearnerUnit
from streams.units.sources import INPUTS, STATE
from streams.units.unit import Pair

PROFILE = load_profile(
    "after-sales",
    [
        "label.horizon=7d",
        "label.lapsed_after=20d",
        "label.forgotten_after=30d",
        "model.min_labels=40",
        "model.min_labels_of_a_class=4",
        "model.least_auc=0",
        "case.least_tenure=3d",
        "case.cool_down=3d",
        "gate.consent_when_unknown=true",  # few have a customer profile
        "gate.holdout_share=0",  # of 24 customers a share says nothing
        "model.prior_probability=0.7",  # crossings before the first Monday: some wait for a model, some for the tenure
    ],
)
START_US = parse_instant("2024-01-03T00:00:00Z")
NOW_US = START_US + 400 * DAY_US
CUSTOMERS, DAYS = 24, 75
KINDS = {
    "service-visits": {"kind": "service_visit", "amount": 100.5, "items": 2},
    "app-activity": {"kind": "app_activity", "activity_type": "browse", "count": 3},
    "surveys": {"kind": "survey", "survey_type": "nps", "score": 4, "causes": ["price"]},
}
NIGHT = {"time_zone": "Europe/London"}  # at midnight UTC quiet hours make cases wait
NOTES = {
    "customer-profiles": {"kind": "customer_profile", "scope": "pilot", "consent": {"sms": True}, **NIGHT},
    "intervention-outcomes": {"kind": "intervention_outcome", "intervention_id": "i", "status": "contacted"},
}


class Record(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None


@dataclass
class Topics:
    """(topic, partition) -> records."""

    partitions: int
    records: dict[tuple[str, int], list[Record]] = field(default_factory=lambda: defaultdict(list))

    def append(self, topic: str, partition: int, pairs: list[Pair]) -> None:
        log = self.records[topic, partition]
        log += [Record(len(log) + i, key, value) for i, (key, value) in enumerate(pairs)]

    def values(self, topic: str) -> list[bytes | None]:
        """Values of all partitions, sorted, whatever the partition of a customer."""
        found = [r.value for (name, _), log in self.records.items() if name == topic for r in log]
        return sorted(found, key=lambda value: value or b"")

    def table(self, topic: str, partition: int) -> dict[bytes | None, bytes]:
        """The records that compaction leaves."""
        rows: dict[bytes | None, bytes | None] = {r.key: r.value for r in self.records[topic, partition]}
        return {key: value for key, value in rows.items() if value is not None}

    def compact(self, topic: str, partition: int) -> None:
        """Compacts like a broker: the last record of each key keeps its offset."""
        log = self.records[topic, partition]
        last = {record.key: record.offset for record in log}
        for record in list(log):
            if last[record.key] != record.offset:
                log[record.offset] = Record(record.offset, b"\0gone", None)

    def everywhere(self, value: bytes) -> None:
        """Sends a mark to each partition of each input."""
        for topic in INPUTS:
            for partition in range(self.partitions):
                self.append(topic, partition, [(None, value)])


def filled(partitions: int) -> Topics:
    """The inputs of a small city: some customers leave; some records are duplicates, late or invalid."""
    topics, chance, sent = Topics(partitions), random.Random(6), []
    for day in range(DAYS):
        start_us = START_US + day * DAY_US
        topics.everywhere(mark("heartbeat", start_us))
        for topic, customer, event in _day(chance, day, start_us):
            sent.append((topic, customer, json.dumps(event).encode()))
            topics.append(topic, customer % partitions, [(b"c%d" % customer, sent[-1][2])])
        for topic, customer, value in _detail_records(day, start_us):
            topics.append(topic, customer % partitions, [(b"c%d" % customer, value)])
        for key, value in _signals(day, start_us):
            for partition in range(partitions):
                topics.append("market-signals", partition, [(key, value)])
        for topic, customer, value in chance.sample(sent[-200:], min(len(sent), 2)):
            topics.append(topic, customer % partitions, [(b"c%d" % customer, value)])
        if day % 9 == 8:
            topics.append("surveys", day % partitions, [(b"c1", b"{")])
    topics.everywhere(mark("end", START_US + DAYS * DAY_US - 1))
    return topics


def _day(chance: random.Random, day: int, start_us: int) -> list[tuple[str, int, dict[str, object]]]:
    events = []
    for customer in range(CUSTOMERS):
        leaves = 15 + 4 * customer
        for topic, fields in KINDS.items():
            if (day < leaves or customer % 3 == 0) and chance.random() < (0.12 if topic == "service-visits" else 0.06):
                late_us = (20 if customer % 3 else 3) * DAY_US if chance.random() < 0.06 and day > 20 else 0
                time_us = start_us + chance.randrange(1, DAY_US) - late_us
                common = {"event_id": f"{topic}-{day}-{customer}", "schema_version": 1, "producer": "test"}
                who = {"customer_id": f"c{customer}", "event_time": format_instant(time_us)}
                events.append((topic, customer, common | who | fields))
    return events


def _detail_records(day: int, start_us: int) -> list[tuple[str, int, bytes | None]]:
    """Some profiles, outcomes and deletions, also of customers without events."""
    records: list[tuple[str, int, bytes | None]] = []
    for i, (topic, fields) in enumerate(NOTES.items()):
        customer = (day * 7 + i) % (CUSTOMERS + 4)
        common = {"event_id": f"{topic}-{day}", "schema_version": 1, "producer": "crm", "customer_id": f"c{customer}"}
        event = common | fields | {"event_time": format_instant(start_us + (i + 1) * DAY_US // 3)}
        records += [(topic, customer, json.dumps(event).encode())] * (2 if day % 10 == 0 else 1)
    if day % 5 == 4:  # of a deletion nothing is left: so there is another one only after the first cases
        value = records[0][2] if day < 40 else None
        records.append(("customer-profiles", (day * 7) % (CUSTOMERS + 4), value))
    return records


def _signals(day: int, start_us: int) -> list[tuple[bytes, bytes | None]]:
    """Market signals, at the customers' scope and for all: overlapping, corrected, old, repeated, withdrawn."""
    name, scope = ("strike", "pilot") if day % 2 else ("tariff", None)
    key = f"{scope}/{name}".encode() if scope else name.encode()
    if day % 7 == 6:
        return [(key, None)]
    if day % 3 == 1:
        return []
    fields = {"kind": "market_signal", "producer": "planning", "name": name, "scope": scope, "level": 1 + day % 5}
    known_us, begins_us = start_us + DAY_US // 2 - (day % 4) * DAY_US, start_us + (day % 6 - 2) * DAY_US
    times = {"event_time": known_us, "from": begins_us, "until": begins_us + (1 + day % 8) * DAY_US}
    value = json.dumps(fields | {name: format_instant(us) for name, us in times.items()}).encode()
    return [(key, value)] * (1 + day % 2)


def mark(kind: str, at_us: int) -> bytes:
    return json.dumps({"kind": kind, "event_time": format_instant(at_us), "producer": "test"}).encode()


@dataclass
class Owner:
    """The owner of a unit; after `die` it is a new owner, restored from what was committed."""

    make: Callable[[], EngineUnit | LearnerUnit]
    topics: Topics

    def __post_init__(self) -> None:
        self.die()

    def die(self) -> None:
        self.unit = self.make()
        self.unit.load(self.topics.records[self.unit.changelog])
        self.unit.loaded()
        self.unit.position = dict.fromkeys(self.unit.sources, 0) | self.unit.position
        self.feed, self.read = self.unit.open_feed(), dict(self.unit.position)

    def work(self, most: int) -> int:
        """Reads up to `most` records of each source and applies what can be applied; returns what was read or done."""
        done = 0
        for source in self.unit.sources:
            place = (source, self.unit.partition)
            records = self.topics.records[place][self.read[source] :][:most]
            if records and self.feed.wants(source):
                self.feed.offer(source, self.read[source], records, NOW_US)
                self.read[source] += len(records)
                done += len(records)
        while (batch := self.feed.take()) is not None:
            self.unit.apply(batch)  # type: ignore[arg-type]  # a feed of its own
            done += 1
        return done

    def commit(self) -> None:
        for output in self.unit.take():
            self.topics.append(output.topic, output.partition, output.pairs)


def owners(topics: Topics, profile: Profile = PROFILE) -> list[Owner]:
    """The engines, then the learner."""
    engines = [Owner(_engine(profile, partition), topics) for partition in range(topics.partitions)]
    return [*engines, Owner(lambda: LearnerUnit(profile, topics.partitions, "event"), topics)]


def _engine(profile: Profile, partition: int) -> Callable[[], EngineUnit]:
    return lambda: EngineUnit(profile, partition, "event")


def finish(owners: list[Owner], most: int = 1000) -> None:
    """Runs all owners to the end."""
    for owner in owners:
        owner.commit()
    while sum([owner.work(most) for owner in owners]):
        for owner in owners:
            owner.commit()
    assert all(owner.unit.done for owner in owners)


def finish_by_new_owners(owners: list[Owner], most: int) -> None:
    """The same, by a new owner after each checkpoint."""
    while sum([owner.work(most) for owner in owners]):
        for owner in owners:
            if owner.unit.steps:
                owner.commit()
                owner.die()


def calm(partitions: int) -> Topics:
    """Returns the outputs without restarts."""
    topics = filled(partitions)
    finish(owners(topics))
    return topics


__all__ = ["PROFILE", "STATE", "Owner", "Topics", "calm", "filled", "finish", "finish_by_new_owners", "owners"]
