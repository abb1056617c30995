"""Reads the topics of a live run for the judge: raw records, committed ones only, and the group's offsets meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import Failure
from schemas.instants import parse_instant
from streams.kafka import status, topics
from streams.kafka.settings import Settings
from tests.chaos.judge import Case, PartitionLog, Sample, Terms, Visit, Word, standstill_s
from tests.units.shops import VISITS

EVERY_S = 0.3
TIERS = ("high", "extreme")  # of the shipped profile, those with cases
STANDSTILL_LIMIT_S = 200.0  # real time, of a partition's frontier, the longest outage included


class Sampler:
    """Looks at the group's offsets: each commit says where a partition is."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        self.settings = settings
        self.samples: list[dict[Sample, None]] = [{} for _ in range(partitions)]
        self._moved = asyncio.Condition()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            with suppress(KafkaError, Failure, OSError, TimeoutError):  # brokers that are away
                async with topics.admin(self.settings) as client:
                    while True:
                        await self._take(client)
                        await asyncio.sleep(EVERY_S)
            await asyncio.sleep(EVERY_S)

    async def take(self) -> None:
        """Looks once."""
        async with topics.admin(self.settings) as client:
            await self._take(client)

    async def caught_up(self, behind_us: int) -> None:
        """Returns when all partitions have been seen near the clock, from now on."""
        seen = [len(samples) for samples in self.samples]

        def all_have() -> bool:
            return all(
                len(samples) > count + 1 and (last := next(reversed(samples))).saved_us - last.frontier_us < behind_us
                for samples, count in zip(self.samples, seen, strict=True)
            )

        async with self._moved:
            await self._moved.wait_for(all_have)

    async def _take(self, client: Any) -> None:
        offsets = await asyncio.wait_for(client.list_consumer_group_offsets(self.settings.group), 5.0)
        for place, committed in offsets.items():
            if place.topic == self.settings.topic(VISITS) and committed.offset >= 0:
                self._add(place.partition, committed.offset, orjson.loads(committed.metadata))
        async with self._moved:
            self._moved.notify_all()

    def _add(self, partition: int, offset: int, body: dict[str, Any]) -> None:
        if body["frontier"] is not None:
            sample = Sample(int(body["saved_at"] * 1e6), parse_instant(body["frontier"]), offset)
            self.samples[partition][sample] = None


@dataclass
class Reading:
    """All that the judge needs; counts: as the engines report them at their last commit."""

    logs: list[PartitionLog] = field(default_factory=list)
    events: int = 0  # records that are no heartbeats, up to the last commits
    letters: Counter[str] = field(default_factory=Counter)  # by rule
    withheld: Counter[str] = field(default_factory=Counter)  # by reason
    scored: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    unfounded: list[str] = field(default_factory=list)

    def problems(self, terms: Terms, speed: float) -> list[str]:
        """What else is wrong: lost customers, counts that do not add up, refusals without a reason, standstills."""
        customers = {name for log in self.logs for name in log.visits}
        lost = customers - self.scored
        counted = sum(self.counts[name] for name in ("applied", "duplicate", "late"))
        found = [f"{len(lost)} customers were never scored: {sorted(lost)[:5]}"] if lost else []
        if counted != self.events:
            found.append(f"{self.events} events were read and accepted, {counted} are counted: {dict(self.counts)}")
        if self.counts["rejected"] != self.letters.total():
            found.append(
                f"{self.letters.total()} dead letters {dict(self.letters)}, counted: {self.counts['rejected']}"
            )
        for partition, log in enumerate(self.logs):
            stands_s, last = standstill_s(log.samples, speed), max(log.samples)
            if stands_s > STANDSTILL_LIMIT_S or last.saved_us - last.frontier_us > terms.behind_us:
                found.append(f"partition {partition} stood still for {stands_s:.0f} s, or stands at the end: {last}")
        return found + self.unfounded[:5]


async def read(settings: Settings, sampler: Sampler) -> Reading:
    """Reads all topics that count."""
    reading = Reading(counts=Counter((await status.read(settings)).counts))
    reading.logs += [PartitionLog(samples=list(samples)) for samples in sampler.samples]
    refused = _letters(reading, await _records(settings, "dead-letters"))
    _inputs(reading, await _records(settings, VISITS), refused)
    for partition, record in await _records(settings, "interventions"):
        body = orjson.loads(record.value)
        at_us, from_backlog = parse_instant(body["decided_at"]), body["opened_by"] == "backlog"
        reading.logs[partition].cases.append(Case(body["customer_id"], at_us, TIERS.index(body["tier"]), from_backlog))
    for partition, record in await _records(settings, "intervention-updates"):
        body = orjson.loads(record.value)
        if body["status"] == "upgraded":
            upgrade = Case(body["customer_id"], parse_instant(body["updated_at"]), TIERS.index(body["tier"]))
            reading.logs[partition].upgrades.append(upgrade)
    withheld = [orjson.loads(record.value) for _, record in await _records(settings, "interventions-withheld")]
    reading.withheld.update(body["withheld_reason"] for body in withheld)
    reading.scored = {record.key.decode() for _, record in await _records(settings, "churn-scores") if record.value}
    return reading


def _letters(reading: Reading, records: Sequence[tuple[int, Any]]) -> dict[tuple[int, int], str]:
    """Counts dead letters; returns the rule of each refused record, by partition and offset."""
    refused: dict[tuple[int, int], str] = {}
    for partition, record in records:
        body = orjson.loads(record.value)
        place = partition, body["offset"]
        reading.letters[body["rule"]] += 1
        if place in refused:
            reading.unfounded.append(f"two dead letters for {place}")
        refused[place] = body["rule"]
    return refused


def _inputs(reading: Reading, records: Sequence[tuple[int, Any]], refused: dict[tuple[int, int], str]) -> None:
    seen: set[str] = set()
    for partition, record in records:
        body, log, place = orjson.loads(record.value), reading.logs[partition], (partition, record.offset)
        at_us, event_id = parse_instant(body["event_time"]), body.get("event_id")
        if place in refused:
            if not _is_founded(refused[place], at_us > record.timestamp * 1000, event_id in seen):
                reading.unfounded.append(f"{place} was refused: {refused[place]}")
            continue
        log.words.append(Word(record.offset, at_us, body["producer"]))
        if event_id is None:
            continue
        reading.events += record.offset < max(log.samples).offset
        if event_id not in seen:
            log.visits[body["customer_id"]].append(Visit(at_us, record.offset, body["producer"]))
        seen.add(event_id)


def _is_founded(rule: str, is_ahead: bool, is_repeated: bool) -> bool:
    """Whether a record deserved it: it was ahead of the clock when it was sent, or old and sent again."""
    return (rule == "future" and is_ahead) or (rule == "too_late" and is_repeated)


async def _records(settings: Settings, short: str) -> list[tuple[int, Any]]:
    """Returns the committed records of a topic with their partitions, in order."""
    found: list[tuple[int, Any]] = []
    consumer = AIOKafkaConsumer(**settings.client, isolation_level="read_committed", auto_offset_reset="earliest")
    async with consumer:
        topic = settings.topic(short)
        await consumer._client.force_metadata_update()
        consumer.assign([TopicPartition(topic, one) for one in sorted(await _partitions(consumer, topic))])
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                found += [(place.partition, record) for record in records]
    return found


async def _partitions(consumer: Any, topic: str) -> set[int]:
    await consumer._client.add_topic(topic)
    return consumer.partitions_for_topic(topic) or set()
