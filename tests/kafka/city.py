"""A small input for the counting unit, the processes that work on it, and what must come out."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from streams.kafka import topics
from streams.kafka.settings import Settings, from_environment
from tests.kafka.counting import END, EVERY, SOURCES

PARTITIONS = 2
KEYS = 50
ROOT = Path(__file__).parents[2]


@dataclass
class City:
    """Topics of their own for each test; `records`: what was sent."""

    settings: Settings
    folder: Path
    sent: Counter[tuple[int, bytes]] = field(default_factory=Counter)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "KEEPLINE_BROKERS": ",".join(self.settings.brokers),
            "KEEPLINE_TOPIC_PREFIX": self.settings.topic_prefix,
            "KEEPLINE_GROUP": self.settings.group,
        }

    async def send(self, count: int, end: bool = False) -> None:
        """`count` records to each source and partition, keys in turn."""
        async with AIOKafkaProducer(**self.settings.client) as producer:
            await self._put(producer, count, end)

    async def send_in_a_transaction(self, count: int) -> None:
        """The same; a marker lies at the end of each partition then."""
        name = f"{self.settings.group}-publisher"
        async with (
            AIOKafkaProducer(**self.settings.client, transactional_id=name) as producer,
            producer.transaction(),
        ):
            await self._put(producer, count, end=False)

    async def forget(self, source: str) -> None:
        """All records of a source are deleted, as retention would."""
        places = [TopicPartition(self.settings.topic(source), p) for p in range(PARTITIONS)]
        async with topics.admin(self.settings) as client:
            await client.delete_records({place: RecordsToDelete(before_offset=-1) for place in places})

    async def _put(self, producer: AIOKafkaProducer, count: int, end: bool) -> None:
        for source in SOURCES:
            for partition in range(PARTITIONS):
                for number in range(count):
                    key = b"%d" % (number % KEYS)
                    self.sent[partition, source.encode() + b"/" + key] += 1
                    await producer.send(self.settings.topic(source), b"{}", key, partition)
                if end:
                    await producer.send(self.settings.topic(source), END, None, partition)
        await producer.flush()

    @property
    def expected(self) -> Counter[tuple[int, bytes]]:
        """Every tenth of each key, said once."""
        return Counter(
            (partition, b"%s:%d" % (name, number))
            for (partition, name), count in self.sent.items()
            for number in range(EVERY, count + 1, EVERY)
        )

    async def said(self) -> Counter[tuple[int, bytes]]:
        """What a committed reader sees."""
        return Counter((place.partition, value) for place, value in await self.read("interventions"))

    async def anything_said(self) -> bool:
        return bool(await self.said())

    async def read(self, short: str) -> list[tuple[TopicPartition, bytes]]:
        """All committed values of a topic."""
        topic, values = self.settings.topic(short), []
        consumer = AIOKafkaConsumer(
            topic, **self.settings.client, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        async with consumer:
            places = sorted(consumer.assignment())
            ends = await consumer.end_offsets(places)
            while any([await consumer.position(place) < ends[place] for place in places]):
                for place, records in (await consumer.getmany(timeout_ms=100)).items():
                    values += [(place, record.value) for record in records]
        return values

    @contextmanager
    def worker(self, **arguments: object) -> Iterator[subprocess.Popen[bytes]]:
        """A worker process; killed when the test is over."""
        command = [
            sys.executable,
            "-m",
            "tests.kafka.counting",
            json.dumps({"partitions": PARTITIONS} | arguments),
        ]
        with self.process(command) as process:
            yield process

    @contextmanager
    def process(self, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
        """What runs and speaks as a worker of this city; killed when the test is over."""
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=log)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    @property
    def log(self) -> str:
        return (self.folder / "worker.log").read_text()


async def new_city(brokers: str, folder: Path) -> City:
    name = uuid4().hex[:8]
    settings = from_environment(
        {"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"{name}-", "KEEPLINE_GROUP": name}
    )
    await topics.create(settings, PARTITIONS)
    return City(settings, folder)


async def wait_for(what: Callable[[], bool | Awaitable[bool]], limit_s: float = 15.0) -> None:
    until = time.monotonic() + limit_s
    while not (there if isinstance(there := what(), bool) else await there):
        assert time.monotonic() < until, f"waited {limit_s} s in vain"
        await asyncio.sleep(0.05)
