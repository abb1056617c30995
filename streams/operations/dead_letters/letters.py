"""Dead letters from the topic, chosen and counted."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from schemas.instants import format_instant
from schemas.outputs import DeadLetter
from streams.kafka import topics
from streams.kafka.access import reported
from streams.kafka.settings import Settings
from streams.kafka.whole_topics import to_the_end

TOPIC = "dead-letters"
READ_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. partition, offset: of the letter itself; at_us: when it was written."""

    partition: int
    offset: int
    at_us: int
    body: DeadLetter

    @property
    def place(self) -> str:
        """How the command line names it."""
        return f"{self.partition}/{self.offset}"

    @property
    def value(self) -> bytes | None:
        """The record's bytes; None where the letter has only a part of them."""
        found = None if self.body.value is None else base64.b64decode(self.body.value)
        return found if found is not None and len(found) == self.body.value_bytes else None

    @property
    def is_from(self) -> str:
        """Where the record was: topic, partition, offset."""
        return f"{self.body.topic}/{self.body.partition}/{self.body.offset}"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters; None: all. since_us, until_us: when the letter was written, the second one exclusive."""

    producer: str | None = None
    rule: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def has(self, letter: Letter) -> bool:
        """Whether a letter is chosen."""
        return (
            self.producer in (None, letter.body.producer)
            and self.rule in (None, letter.body.rule)
            and (self.since_us is None or letter.at_us >= self.since_us)
            and (self.until_us is None or letter.at_us < self.until_us)
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Letters of one producer, rule and field. example: the newest one."""

    producer: str | None
    rule: str
    field: str
    count: int
    first_us: int
    last_us: int
    example: Letter

    def as_json(self) -> dict[str, Any]:
        """Returns what `list --json` shows."""
        return {
            "producer": self.producer,
            "rule": self.rule,
            "field": self.field,
            "count": self.count,
            "first_at": format_instant(self.first_us),
            "last_at": format_instant(self.last_us),
            "example": self.example.place,
            "sentence": self.example.body.sentence,
        }


async def each(settings: Settings) -> AsyncIterator[Letter]:
    """Yields all letters that the topic has; raises Failure when brokers do not answer."""
    count = await topics.partition_count(settings)
    places = [TopicPartition(settings.topic(TOPIC), partition) for partition in range(count)]
    consumer = AIOKafkaConsumer(**settings.client, isolation_level="read_committed", auto_offset_reset="earliest")
    try:
        async with reported(settings, "Read"), asyncio.timeout(READ_LIMIT_S):
            await consumer.start()
            async for place, record in to_the_end(consumer, places):
                with suppress(ValidationError):  # not ours
                    body = DeadLetter.model_validate_json(record.value or b"", extra="ignore")
                    yield Letter(place.partition, record.offset, record.timestamp * 1000, body)
    finally:
        await consumer.stop()  # also when it did not start


async def read(settings: Settings) -> list[Letter]:
    """Returns all letters, by partition and offset."""
    found = [letter async for letter in each(settings)]
    return sorted(found, key=lambda letter: (letter.partition, letter.offset))


def grouped(letters: Iterable[Letter]) -> list[Group]:
    """Returns the letters by producer, rule and field, the largest group first."""
    by_cause: dict[tuple[str, str, str], list[Letter]] = {}
    for letter in letters:
        by_cause.setdefault((letter.body.producer or "", letter.body.rule, letter.body.field), []).append(letter)
    groups = []
    for (_, rule, field), of in by_cause.items():
        times, newest = [letter.at_us for letter in of], max(of, key=lambda letter: letter.at_us)
        groups.append(Group(newest.body.producer, rule, field, len(of), min(times), max(times), newest))
    return sorted(groups, key=lambda group: (-group.count, group.producer or "", group.rule, group.field))
