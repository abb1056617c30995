"""Keeps city and worker in step: a day is sent when the engines have applied the day before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson
from aiokafka.admin import AIOKafkaAdminClient

from schemas.instants import DAY_US, parse_instant
from streams.demo.closed_loop import ClosedLoop
from streams.demo.topic_watcher import Watcher
from streams.kafka import publish, topics
from streams.kafka.settings import Settings

AHEAD_US = DAY_US  # the CRM works with the decisions of the night before last, so that the worker need not wait
READ_MS = 20


@dataclass(frozen=True)
class GroupFrontier:
    """The frontier of a group's engines, from their last checkpoints."""

    client: AIOKafkaAdminClient
    group: str
    partitions: int

    async def reached_us(self) -> int:
        """Returns the frontier of the slowest engine; 0 while one of them has no checkpoint."""
        offsets = await self.client.list_consumer_group_offsets(self.group)
        reports = [orjson.loads(place.metadata) for place in offsets.values() if place.metadata]
        reached = {body["unit"]: body["frontier"] for body in reports if body["unit"].startswith("engine-")}
        known = [parse_instant(text) for text in reached.values() if text]
        return min(known) if len(known) == self.partitions else 0


async def run_days(
    settings: Settings, closed_loop: ClosedLoop, days: int, watcher: Watcher, opens_us: int, look: Callable[[], None]
) -> None:
    """Sends `days` days of the city to the topics, in step with a worker that runs in event time.

    Until `opens_us` no case can open, so it does not wait. look: called while waiting; may raise.
    """
    partitions = await topics.partition_count(settings)
    async with topics.admin(settings) as client, publish.open_sender(settings, partitions) as sender:
        frontier = GroupFrontier(client, settings.group, partitions)
        for _ in range(days):
            await sender.send_mark("heartbeat", closed_loop.now_us)
            await sender.flush()
            delivered_us = closed_loop.now_us - AHEAD_US
            await watcher.read(0)
            look()
            while delivered_us > opens_us and await frontier.reached_us() < delivered_us:
                await watcher.read(READ_MS)
                look()
            if delivered_us > opens_us:
                await watcher.read_crm_topics()
            for row in closed_loop.next_day(*watcher.records.crm_messages(delivered_us)):
                await sender.send_row(row)
        await sender.send_mark("end", closed_loop.last_us)
        await sender.flush()
