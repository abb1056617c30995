"""Apache Kafka for benchmarks: a broker, the city in topics, and the bare loop as the peer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.city import Kind, city_files, options
from benchmarks.measure import Scale, Skipped
from benchmarks.process import keepline
from streams.kafka import topics
from streams.kafka.settings import Settings, from_environment
from streams.kafka.worker import FETCH_BYTES, FETCH_RECORDS
from streams.units.sources import INPUTS
from tests.kafka.apache import ApacheKafka, Unavailable

PARTITIONS = 4
Taker = Callable[[TopicPartition, list[Any]], None]


@dataclass(frozen=True, slots=True)
class CityTopics:
    """A city published to topics of its own. events: without heartbeats and end markers."""

    environ: dict[str, str]
    settings: Settings
    events: int

    def bare_loop(self) -> None:
        """Runs the peer: fetches and parses every record of the inputs, nothing else."""
        asyncio.run(_read(self.settings, _parse))

    def records(self) -> dict[tuple[str, int], list[Any]]:
        """Returns every record of the inputs, by topic (short name) and partition."""
        found: dict[tuple[str, int], list[Any]] = {(source, p): [] for source in INPUTS for p in range(PARTITIONS)}
        short = {self.settings.topic(source): source for source in INPUTS}
        asyncio.run(_read(self.settings, lambda place, got: found[short[place.topic], place.partition].extend(got)))
        return found

    def forget_state(self) -> None:
        """Recreates all topics but the inputs, so that the next worker starts without state."""
        asyncio.run(_recreate(self.settings))


@contextmanager
def broker() -> Iterator[str]:
    """Yields host:port of KEEPLINE_BROKERS, or of an Apache Kafka started here; raises Skipped."""
    if given := os.environ.get("KEEPLINE_BROKERS"):
        yield given
        return
    with TemporaryDirectory(prefix="keepline-kafka-") as folder:
        try:
            kafka = ApacheKafka(Path(folder), heap_mib=1024, quick=False)
        except Unavailable as error:
            raise Skipped(f"no Apache Kafka: {error}; install Java and Maven, or set KEEPLINE_BROKERS") from None
        with kafka:
            yield kafka.brokers


@contextmanager
def city_topics(scale: Scale, seed: int, kind: Kind) -> Iterator[CityTopics]:
    """Yields a city on a broker, with end markers."""
    with broker() as brokers, city_files(scale, seed, kind) as city:
        name = f"bench-{uuid4().hex[:8]}"
        environ = {"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"{name}-", "KEEPLINE_GROUP": name}
        keepline("topics", "create", "--partitions", str(PARTITIONS), environ=environ)
        keepline("publish", *city.paths, "--end", *options(kind), environ=environ)
        yield CityTopics(environ, from_environment(environ), city.events)


def _parse(place: TopicPartition, records: list[Any]) -> None:
    loads = orjson.loads
    for record in records:
        loads(record.value)


async def _read(settings: Settings, take: Taker) -> None:
    """Reads all records of the inputs, with the worker's fetch sizes."""
    async with AIOKafkaConsumer(
        **settings.client, enable_auto_commit=False, max_partition_fetch_bytes=FETCH_BYTES
    ) as consumer:
        places = [TopicPartition(settings.topic(source), p) for source in INPUTS for p in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        for place, first in (await consumer.beginning_offsets(places)).items():
            consumer.seek(place, first)
        left = {place for place in places if ends[place]}
        while left:
            got = await consumer.getmany(timeout_ms=1000, max_records=FETCH_RECORDS)
            for place, records in got.items():
                take(place, records)
                if records[-1].offset + 1 >= ends[place]:
                    left.discard(place)


async def _recreate(settings: Settings) -> None:
    mine = [settings.topic(topic.name) for topic in topics.TOPICS if topic.name not in INPUTS]
    async with topics.admin(settings) as client:
        await client.delete_topics(mine)
        while set(mine) & set(await client.list_topics()):  # noqa: ASYNC110 -- brokers do not notify
            await asyncio.sleep(0.1)
    await topics.create(settings, PARTITIONS)
