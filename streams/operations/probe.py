"""An event end to end, through the model: how long from sending it until a committed reader has the customer's score.

Each partition has a customer of its own for it. Its event goes the way of all events, and the first score of a customer
is always published. Before and after, the customer is erased: so each score is a first one, also after a probe that was
killed, and nothing is learned of it.
"""

from __future__ import annotations

import asyncio
import itertools
import time

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.instants import format_instant
from schemas.partitioner import partition_of
from streams.kafka import topics
from streams.kafka.access import reported
from streams.kafka.publish import open_sender
from streams.kafka.settings import Settings
from streams.operations.erase import erasure

PRODUCER = "keepline-probe"
EVENTS, PROFILES, SCORES = "service-visits", "customer-profiles", "churn-scores"
POLL_MS = 50
APART_S = 0.5  # events of the tick of an erasure do not count
RoundTrips = dict[int, float | None]  # partition -> seconds; None: no score within the limit


def customers(partitions: int) -> dict[str, int]:
    """Returns a customer for each partition."""
    found: dict[int, str] = {}
    for number in itertools.count():
        name = f"{PRODUCER}-{number}"
        found.setdefault(partition_of(name, partitions), name)
        if len(found) == partitions:
            return {name: partition for partition, name in found.items()}
    raise AssertionError("unreachable")


async def probe(settings: Settings, limit_s: float) -> RoundTrips:
    """Sends an event to each partition and waits for the scores; raises Failure where brokers or topics are missing."""
    names = customers(await topics.partition_count(settings))
    async with (
        reported(settings, "Read"),
        AIOKafkaConsumer(**settings.client, isolation_level="read_committed", fetch_max_wait_ms=POLL_MS) as consumer,
        AIOKafkaProducer(**settings.client, acks="all") as producer,
    ):
        consumer.assign([TopicPartition(settings.topic(SCORES), partition) for partition in names.values()])
        await consumer.seek_to_end()
        await _erase(settings, producer, names)
        await asyncio.sleep(APART_S)
        try:
            return await _wait(consumer, await _send(settings, producer, names), names, limit_s)
        finally:
            await _erase(settings, producer, names)


async def release(settings: Settings) -> None:
    """Says that no probe follows: else the silence of their producer would be told one day."""
    async with open_sender(settings, await topics.partition_count(settings)) as sender:
        await sender.send_final(PRODUCER, _now_us())
        await sender.flush()


async def _send(settings: Settings, producer: AIOKafkaProducer, names: dict[str, int]) -> dict[bytes, float]:
    """Returns when each event was sent, by key."""
    sent: dict[bytes, float] = {}
    for name, partition in names.items():
        at = format_instant(_now_us())
        event = {"kind": "service_visit", "event_id": f"{name}-{at}", "customer_id": name, "event_time": at}
        body = orjson.dumps(event | {"producer": PRODUCER})
        sent[name.encode()] = time.monotonic()
        await producer.send(settings.topic(EVENTS), body, name.encode(), partition)
    await producer.flush()
    return sent


async def _wait(
    consumer: AIOKafkaConsumer, sent: dict[bytes, float], names: dict[str, int], limit_s: float
) -> RoundTrips:
    found: RoundTrips = dict.fromkeys(sorted(names.values()))
    until = time.monotonic() + limit_s
    while None in found.values() and time.monotonic() < until:
        for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
            for record in records:
                if record.key in sent and record.value is not None and found[place.partition] is None:
                    found[place.partition] = time.monotonic() - sent[record.key]
    return found


async def _erase(settings: Settings, producer: AIOKafkaProducer, names: dict[str, int]) -> None:
    at_us = _now_us()
    for name, partition in names.items():
        record = erasure(name, "of a probe", at_us, at_us)
        await producer.send(settings.topic(PROFILES), record, name.encode(), partition)
    await asyncio.shield(producer.flush())


def _now_us() -> int:
    return time.time_ns() // 1000
