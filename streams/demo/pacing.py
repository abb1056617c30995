"""Keeps city and worker in step: a day is sent when the engines have applied the day before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from aiokafka.admin import AIOKafkaAdminClient

from schemas.instants import DAY_US, parse_instant
from streams.demo.closed_loop import ClosedLoop
from streams.demo.topic_watcher import Watcher
from streams.kafka import publish, topics
from streams.kafka.settings import Settings

LIVE_DAY_S = 0.6  # seconds of a day after the history: half a year takes two minutes
AHEAD_US = DAY_US  # the CRM works with the decisions of the night before last, so that the worker need not wait
READ_MS = 20


@dataclass(frozen=True)
class Pace:
    """How fast days pass: until `opens_us`, the history, as fast as the worker takes them, since no case can open; then
    so that a person can follow. is_over: whether no day comes after this midnight.
    """

    opens_us: int
    is_over: Callable[[int], bool]
    seconds_a_day: float


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
    settings: Settings, closed_loop: ClosedLoop, pace: Pace, watcher: Watcher, look: Callable[[], None]
) -> None:
    """Sends days of the city to the topics, in step with a worker that runs in event time. look: called while waiting;
    may raise.
    """
    partitions = await topics.partition_count(settings)
    async with topics.admin(settings) as client, publish.open_sender(settings, partitions) as sender:
        frontier = GroupFrontier(client, settings.group, partitions)
        while not pace.is_over(closed_loop.now_us):
            next_at = time.monotonic() + pace.seconds_a_day
            await sender.send_mark("heartbeat", closed_loop.now_us)
            await sender.flush()
            delivered_us = closed_loop.now_us - AHEAD_US
            await watcher.read(0)
            look()
            if delivered_us > pace.opens_us:
                while time.monotonic() < next_at or await frontier.reached_us() < delivered_us:
                    await watcher.read(READ_MS)
                    look()
                await watcher.read_crm_topics()
            for row in closed_loop.next_day(*watcher.records.crm_messages(delivered_us)):
                await sender.send_row(row)
        await sender.send_mark("end", closed_loop.last_us)
        await sender.flush()
