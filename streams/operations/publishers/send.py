"""Sends the scorecards of a period to the topic `publisher-scores`, a message a producer."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from aiokafka import AIOKafkaProducer

from schemas.instants import format_instant
from schemas.outputs import PublisherScore
from streams.kafka.access import reported
from streams.kafka.settings import Settings
from streams.operations.publishers.scorecard import Scorecard

TOPIC = "publisher-scores"


def message(one: Scorecard, since_us: int, now_us: int) -> bytes:
    """Returns the value of a producer's record."""
    period = {"since": format_instant(since_us), "until": format_instant(now_us)}
    return orjson.dumps(PublisherScore.model_validate(one.as_json(now_us) | period).model_dump())


async def send(settings: Settings, cards: Sequence[Scorecard], since_us: int, now_us: int) -> None:
    """Returns when all are acknowledged; raises Failure where brokers or topics are missing."""
    async with (
        reported(settings, "Write", "send them again: the last message of a producer counts"),
        AIOKafkaProducer(**settings.client, enable_idempotence=True, acks="all") as producer,
    ):
        for one in cards:
            await producer.send(settings.topic(TOPIC), message(one, since_us, now_us), one.name.encode())
        await producer.flush()
