"""Messages and a customer's events from the topics: committed records, from the beginning to the end at the start.

The consumer has no group: it commits nothing and does not disturb workers. For a customer only one partition is read,
the one that the default partitioner of Kafka's clients chooses for the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.partitioner import murmur2
from pydantic import ValidationError

from schemas.instants import parse_instant
from schemas.outputs import ChurnScore
from streams.kafka import topics
from streams.kafka.access import reported
from streams.kafka.settings import Settings
from streams.kafka.whole_topics import to_the_end
from streams.operations.cases.fold import Messages
from streams.operations.cases.parsing import MODELS, messages

EVENTS = ("service-visits", "app-activity", "surveys")
SCORES, PROFILES = "churn-scores", "customer-profiles"
READ_LIMIT_S = 300.0
Values = dict[str, list[bytes]]  # by the topic's short name; in the order of their partition


async def read_topics(settings: Settings) -> tuple[Messages, list[str]]:
    """Returns all messages about cases, and a sentence for each topic that also holds others; raises Failure where
    brokers or topics are missing.
    """
    partitions = range(await topics.partition_count(settings))
    return messages(await scan(settings, tuple(MODELS), partitions, lambda record: True))


async def read_customer(settings: Settings, customer: str) -> tuple[list[bytes], list[tuple[int, float]]]:
    """Returns the customer's events as sent, and (us, probability) of the scores that the compacted topic still has."""
    key = customer.encode()
    partition = (murmur2(key) & 0x7FFFFFFF) % await topics.partition_count(settings)
    values = await scan(settings, (*EVENTS, SCORES), [partition], lambda record: record.key == key)
    return [value for topic in EVENTS for value in values[topic]], list(_scores(values[SCORES]))


async def scan(
    settings: Settings, shorts: Sequence[str], partitions: Sequence[int], keep: Callable[[Any], bool]
) -> Values:
    """Returns the values of the records that `keep` selects, by topic (short name)."""
    values: Values = {short: [] for short in shorts}
    async for short, record in _records(settings, shorts, partitions):
        if record.value is not None and keep(record):
            values[short].append(record.value)
    return values


async def read_profiles(settings: Settings, customers: Collection[str]) -> list[tuple[str, int, bytes | None]]:
    """Returns key, timestamp (us) and value of the records of these customers' profiles; of each in their order."""
    partitions = range(await topics.partition_count(settings))
    return [
        (key, record.timestamp * 1000, record.value)
        async for _, record in _records(settings, [PROFILES], partitions)
        if (key := (record.key or b"").decode(errors="replace")) in customers
    ]


async def _records(
    settings: Settings, shorts: Sequence[str], partitions: Sequence[int]
) -> AsyncIterator[tuple[str, Any]]:
    places = {TopicPartition(settings.topic(short), partition): short for short in shorts for partition in partitions}
    consumer = AIOKafkaConsumer(**settings.client, isolation_level="read_committed", auto_offset_reset="earliest")
    try:
        async with reported(settings, "Read"), asyncio.timeout(READ_LIMIT_S):
            await consumer.start()
            async for place, record in to_the_end(consumer, list(places)):
                yield places[place], record
    finally:
        await consumer.stop()  # also when it did not start


def _scores(values: Sequence[bytes]) -> Iterator[tuple[int, float]]:
    for value in values:
        with suppress(ValidationError, ValueError):  # not ours
            score = ChurnScore.model_validate_json(value, extra="ignore")
            yield parse_instant(score.scored_at), score.probability
