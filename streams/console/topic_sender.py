"""Writes outcomes and the audit to the topics, by one idempotent producer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.errors import Failure
from schemas.partitioner import partition_of
from streams.console.outcomes import final_heartbeat
from streams.console.rows import OUTCOMES
from streams.kafka import topics
from streams.kafka.access import reported
from streams.kafka.settings import Settings

SEND_LIMIT_S = 10.0
AUDIT = "console-audit"
log = logging.getLogger("keepline.console")


class TopicSender:
    """now_us: of the marks behind outcomes; None: there are none, since time goes by the messages."""

    def __init__(self, settings: Settings, now_us: Callable[[], int] | None) -> None:
        self._settings, self._now_us, self._partitions = settings, now_us, 0
        self._tasks: set[asyncio.Future[None]] = set()
        self._producer = AIOKafkaProducer(**settings.client, enable_idempotence=True, acks="all")

    async def start(self) -> None:
        """Connects; raises Failure where brokers or topics are missing."""
        self._partitions = await topics.partition_count(self._settings)
        async with reported(self._settings, "Write"):
            await self._producer.start()

    async def send(self, customer_id: str, value: bytes) -> None:
        """Returns when an outcome is acknowledged; raises Failure where it may not be: it can be sent again."""
        topic, place = self._settings.topic(OUTCOMES), partition_of(customer_id, self._partitions)
        try:
            async with reported(self._settings, "Write"), asyncio.timeout(SEND_LIMIT_S):
                await self._producer.send_and_wait(topic, value, customer_id.encode(), place)
        except TimeoutError:
            raise Failure(f"{topic}: no broker took the outcome within {SEND_LIMIT_S:.0f} s") from None
        if self._now_us:
            await self._producer.send(topic, final_heartbeat(self._now_us()), None, place)

    def audit(self, name: str, value: bytes) -> None:
        """Sends a message of the audit; what becomes of it is told in the log."""
        task = asyncio.ensure_future(self._audit(name, value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _audit(self, name: str, value: bytes) -> None:
        topic = self._settings.topic(AUDIT)
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                await self._producer.send_and_wait(topic, value, name.encode())
        except (KafkaError, TimeoutError) as error:
            log.error("%s: a message of the audit was not taken: %s; %s", topic, error or "no answer", value.decode())

    async def stop(self) -> None:
        """Sends what waits, and closes the connections."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._producer.stop()
