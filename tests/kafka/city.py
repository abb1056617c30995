"""Topics with a small input for the counting unit, processes that work on them, and the expected output."""

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
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from streams.kafka import topics
from streams.kafka.settings import Settings, from_environment
from tests.kafka.counting import END, EVERY, SOURCES

PARTITIONS = 2
KEYS = 50
LIMIT_S = 90.0  # of what a test waits for: far more than it takes, since machines differ by a factor of five
ROOT = Path(__file__).parents[2]


@dataclass
class City:
    """Topics of one test; `sent`: the number of records by partition and key."""

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
        """Sends records in a transaction: each partition then ends with a marker."""
        name = f"{self.settings.group}-publisher"
        async with (
            AIOKafkaProducer(**self.settings.client, transactional_id=name) as producer,
            producer.transaction(),
        ):
            await self._put(producer, count, end=False)

    async def forget(self, source: str) -> None:
        """Deletes all records of a source, as retention does."""
        places = [TopicPartition(self.settings.topic(source), p) for p in range(PARTITIONS)]
        async with topics.admin(self.settings) as client:
            await client.delete_records({place: RecordsToDelete(before_offset=-1) for place in places})

    async def delete(self, *names: str) -> None:
        """Deletes topics and waits until the brokers have done so."""
        full = [self.settings.topic(name) for name in names]
        async with topics.admin(self.settings) as client:
            await client.delete_topics(full)

            async def are_gone() -> bool:
                return not set(full) & set(await client.list_topics())

            await wait_for(are_gone)

    async def make_again(self, *names: str) -> None:
        """Deletes topics and makes them again: same names, other ids, no records."""
        await self.delete(*names)
        await topics.create(self.settings)

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

    def of_group(self, group: str) -> City:
        """Returns the same topics for workers of another group, with a log of their own."""
        folder = self.folder / group
        folder.mkdir(exist_ok=True)
        return City(replace(self.settings, group=group), folder, self.sent)

    @property
    def expected(self) -> Counter[tuple[int, bytes]]:
        """The expected output: every tenth record of each key, once."""
        return Counter(
            (partition, b"%s:%d" % (name, number))
            for (partition, name), count in self.sent.items()
            for number in range(EVERY, count + 1, EVERY)
        )

    async def output(self) -> Counter[tuple[int, bytes]]:
        """Returns the committed output with its counts."""
        return Counter((place.partition, value) for place, value in await self.read("interventions"))

    async def output_is_complete(self) -> bool:
        return await self.output() == self.expected

    async def is_complete_of(self, partition: int) -> bool:
        """Whether the output of one partition is what is expected."""
        output, expected = await self.output(), self.expected
        return {one: n for one, n in output.items() if one[0] == partition} == {
            one: n for one, n in expected.items() if one[0] == partition
        }

    async def has_output(self) -> bool:
        return bool(await self.output())

    async def read(self, short: str) -> list[tuple[TopicPartition, bytes]]:
        """Returns all committed values of a topic."""
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
        """Yields a worker process; kills it at the end."""
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
        """Yields a process with the environment and log of these topics; kills it at the end."""
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


async def wait_for(what: Callable[[], bool | Awaitable[bool]], limit_s: float = LIMIT_S) -> None:
    until = time.monotonic() + limit_s
    while not (there if isinstance(there := what(), bool) else await there):
        assert time.monotonic() < until, f"waited {limit_s} s in vain"
        await asyncio.sleep(0.05)
