"""Erases a customer: a customer profile that says `erased`, in the topic where the customer's profiles lie."""

from __future__ import annotations

from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from schemas.decode import Decoder
from schemas.errors import UsageError
from schemas.events import TOPIC_OF_KIND
from schemas.instants import format_instant
from schemas.partitioner import partition_of
from streams.kafka import topics
from streams.kafka.access import reported
from streams.kafka.settings import Settings

KIND, PRODUCER = "customer_profile", "keepline-erase"


def erasure(customer: str, why: str, at_us: int, now_us: int) -> bytes:
    """Returns the record; the same for the same instant, so that one sent twice is a duplicate. Raises UsageError."""
    at = format_instant(at_us)
    event: dict[str, Any] = {
        "event_id": f"erase-{at}",
        "kind": KIND,
        "schema_version": 1,
        "customer_id": customer,
        "event_time": at,
        "producer": PRODUCER,
        "erased": why,
    }
    refused = Decoder(KIND).decode_objects([event], now_us).refused
    if refused:
        raise UsageError(f"erase: {refused[0].field}: {refused[0].sentence}")
    return orjson.dumps(event)


async def send(settings: Settings, customer: str, record: bytes) -> None:
    """Returns when the record is acknowledged; raises Failure where brokers or topics are missing."""
    partition = partition_of(customer, await topics.partition_count(settings))
    async with (
        reported(settings, "Write", "send it again with the same --at: duplicates are ignored"),
        AIOKafkaProducer(**settings.client, enable_idempotence=True, acks="all") as producer,
    ):
        await producer.send_and_wait(settings.topic(TOPIC_OF_KIND[KIND]), record, customer.encode(), partition)
