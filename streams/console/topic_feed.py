"""Records of the topics, committed ones only. The consumer has no group: the store keeps where it reads on."""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.console.intake import Batch
from streams.console.rows import KINDS
from streams.console.store import Place
from streams.kafka import topics
from streams.kafka.access import reported
from streams.kafka.settings import Settings

MOST_RECORDS = 10_000
WAIT_MS = 500
AGAIN = "start the console again: it goes on from its copy, or reads all again if the topics are others now"


class TopicFeed:
    """The output topics of one deployment; raises Failure where brokers or topics are missing."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.source = settings, f"{settings.topic_prefix} {','.join(settings.brokers)}"
        self._consumer = AIOKafkaConsumer(
            **settings.client, isolation_level="read_committed", auto_offset_reset="none", max_poll_records=MOST_RECORDS
        )
        self._shorts = {settings.topic(short): short for short in KINDS}
        self._places: list[TopicPartition] = []

    async def start(self, offsets: Mapping[Place, int]) -> bool:
        """Goes on behind these; returns False where the topics have other records now: all has to be read again."""
        partitions = range(await topics.partition_count(self._settings))
        if not self._places:
            async with reported(self._settings, "Read"):
                await self._consumer.start()
        self._places = [TopicPartition(name, number) for name in self._shorts for number in partitions]
        async with reported(self._settings, "Read"):
            first = await self._consumer.beginning_offsets(self._places)
            last = await self._consumer.end_offsets(self._places)
        begin = {place: offsets.get(self._place(place), first[place]) for place in self._places}
        if any(not first[place] <= at <= last[place] for place, at in begin.items()):
            return False
        self._consumer.assign(self._places)
        for place, at in begin.items():
            self._consumer.seek(place, at)
        return True

    async def left(self) -> int:
        """Returns the number of records that have not been read."""
        async with reported(self._settings, "Read", AGAIN):
            last = await self._consumer.end_offsets(self._places)
            return sum([last[place] - await self._consumer.position(place) for place in self._places])

    async def next(self) -> Batch:
        """Returns some more records; waits a moment where there are none."""
        async with reported(self._settings, "Read", AGAIN):
            got = await self._consumer.getmany(timeout_ms=WAIT_MS, max_records=MOST_RECORDS)
        records = [
            (self._shorts[place.topic], record.value)
            for place, batch in got.items()
            for record in batch
            if record.value is not None
        ]
        return Batch(records, {self._place(place): batch[-1].offset + 1 for place, batch in got.items()})

    async def stop(self) -> None:
        """Closes the connections."""
        await self._consumer.stop()

    def _place(self, place: TopicPartition) -> Place:
        return self._shorts[place.topic], place.partition
