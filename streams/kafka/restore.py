"""Reads a changelog (read_committed) from its beginning to the token of its new owner."""

from __future__ import annotations

import logging
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from schemas.errors import Failure
from schemas.texts import places_of
from streams.kafka.access import denied
from streams.kafka.batches import IN_PLACE, by_columns
from streams.kafka.settings import Settings
from streams.units.records import Records
from streams.units.seal import opened
from streams.units.unit import GROUP_KEY, Unit

STALL_S = 60.0  # the longest wait for the next record
LOG_EVERY_S = 2.0
MOST_RECORDS = 5_000  # records unpacked at once are still in the processor's cache when they are loaded
FETCH_BYTES = 8 << 20

log = logging.getLogger("keepline.worker")


class Restore:
    """One restore of one unit; `records`: how many have been read; `group`: whose state it is, as far as it says so."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.settings, self.name, self.records = settings, name, 0
        self.group: str | None = None

    async def run(self, token: bytes, unit: Unit) -> None:
        """Loads the changelog into `unit`, up to the owner's token: all earlier owners' commits lie before it."""
        self.group = None
        short, partition = unit.changelog
        place = TopicPartition(self.settings.topic(short), partition)
        consumer = AIOKafkaConsumer(
            **self.settings.client,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            value_deserializer=IN_PLACE,
        )
        await consumer.start()
        try:
            consumer.assign([place])
            # not seek_to_beginning: an offset reset in progress could override it (observed: the position was the end)
            first = (await consumer.beginning_offsets([place]))[place]
            consumer.seek(place, first)
            await self._load(consumer, place, first, token, unit)
        except TopicAuthorizationFailedError as error:  # whoever gives the unit up would take it for a right to write
            raise Failure(denied(self.settings, error, "Read")) from None
        finally:
            await consumer.stop()

    async def _load(
        self, consumer: AIOKafkaConsumer, place: TopicPartition, first: int, token: bytes, unit: Unit
    ) -> None:
        end, started = (await consumer.end_offsets([place]))[place], time.monotonic()
        logged_at = started
        while True:
            records = await _next_records(consumer, place)
            self._take_group(records, unit.changelog)
            unit.load(records)
            self.records += len(records)
            if places_of(records.values, token):  # a starting worker's probe may follow (clock.py)
                unit.loaded()
                return
            if (now := time.monotonic()) - logged_at > LOG_EVERY_S:
                logged_at, offset = now, records[-1].offset
                self._log_progress(now - started, (end - offset) / max(offset - first, 1))

    def _take_group(self, records: Records, changelog: tuple[str, int]) -> None:
        """Takes the name of the group from its mark. One that others wrote says nothing."""
        for place in places_of(records.keys, GROUP_KEY):
            name = opened(*changelog, records[place], GROUP_KEY)
            self.group = self.group if name is None else name.decode()

    def _log_progress(self, seconds: float, left: float) -> None:
        """left: records still to read, as a multiple of those read."""
        rate = self.records / seconds
        log.info("%s: %d records restored, %.0f a second, %.0f s left", self.name, self.records, rate, seconds * left)


async def _next_records(consumer: AIOKafkaConsumer, place: TopicPartition) -> Records:
    got = await consumer.getmany(timeout_ms=int(STALL_S * 1000), max_records=MOST_RECORDS)
    if place not in got:
        raise TimeoutError(f"no record of changelog {place.topic}/{place.partition} for {STALL_S:.0f} s")
    return by_columns(got[place])
