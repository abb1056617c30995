"""Reads partitions from their beginning to the end that they have now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition


async def to_the_end(
    consumer: AIOKafkaConsumer, places: list[TopicPartition]
) -> AsyncIterator[tuple[TopicPartition, Any]]:
    """Yields the records with their partitions. consumer: started, without a group or an assignment."""
    ends, beginnings = await consumer.end_offsets(places), await consumer.beginning_offsets(places)
    consumer.assign(places)
    for place in places:
        consumer.seek(place, beginnings[place])  # seek_to_beginning right after assign can end up at the end
    while any([await consumer.position(place) < ends[place] for place in places]):
        for place, records in (await consumer.getmany(timeout_ms=200)).items():
            for record in records:
                if record.offset < ends[place]:
                    yield place, record
