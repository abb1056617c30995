"""Sends a command to the learner, through the log of labelled examples: it has the same place there in every replay."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer

from online_model.registry import Command
from streams.kafka import topics
from streams.kafka.access import reported
from streams.kafka.settings import Settings
from streams.units.seal import seal
from streams.units.sources import LABELLED

LARGEST = 8 << 20  # max.message.bytes of the topic


async def send(settings: Settings, command: Command) -> None:
    """Returns when the command is acknowledged; raises Failure where brokers or topics are missing."""
    await topics.partition_count(settings)
    async with (
        reported(settings, "Write", "send it again with the same --at: duplicates are ignored"),
        AIOKafkaProducer(**settings.client, enable_idempotence=True, acks="all", max_request_size=LARGEST) as producer,
    ):
        await producer.send_and_wait(settings.topic(LABELLED), seal(LABELLED, command.dumps()), partition=0)
