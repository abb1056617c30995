"""Reads a period of the topics of events, and the dead letters that were written in it."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.envelopes import json_of, unwrapped
from schemas.errors import UsageError
from schemas.instants import parse_instant
from streams.kafka import topics
from streams.kafka.access import reported
from streams.kafka.settings import Settings
from streams.operations.dead_letters import letters
from streams.operations.publishers.scorecard import Scorecards
from streams.units.sources import INPUTS, SIGNALS

READ_LIMIT_S = 600.0


async def read(settings: Settings, since_us: int) -> Scorecards:
    """Returns the scorecards of the records that were written at `since_us` or later; raises Failure when brokers do
    not answer.
    """
    found = Scorecards()
    count = await topics.partition_count(settings)
    parts = {short: 1 if short == SIGNALS else count for short in INPUTS}  # every partition has all market signals
    places = {TopicPartition(settings.topic(short), p): short for short, n in parts.items() for p in range(n)}
    consumer = AIOKafkaConsumer(**settings.client, isolation_level="read_committed", auto_offset_reset="earliest")
    try:
        async with reported(settings, "Read"), asyncio.timeout(READ_LIMIT_S):
            await consumer.start()
            await _read(consumer, places, since_us, found)
    finally:
        await consumer.stop()  # also when it did not start
    async for letter in letters.each(settings):
        if letter.at_us >= since_us:
            found.of(letter.body.producer).refuse(letter.body.rule, letter.body.field, letter.body.sentence)
    return found


async def _read(
    consumer: AIOKafkaConsumer, places: dict[TopicPartition, str], since_us: int, found: Scorecards
) -> None:
    ends = await consumer.end_offsets(list(places))
    starts = await consumer.offsets_for_times(dict.fromkeys(places, since_us // 1000))
    left = [place for place in places if (first := starts[place]) and first.offset < ends[place]]
    if not left:
        return
    consumer.assign(left)
    for place in left:
        consumer.seek(place, starts[place].offset)
    while left := [place for place in left if await consumer.position(place) < ends[place]]:
        for place, records in (await consumer.getmany(*left, timeout_ms=200)).items():
            for record in records:
                if record.offset < ends[place]:
                    _add(found, (places[place], place.partition), record)


def _add(found: Scorecards, place: tuple[str, int], record: Any) -> None:
    """A record that is no object counts among the refused ones alone."""
    try:
        body = unwrapped(orjson.loads(json_of(record.value or b"null")))
        kind, at_us = body["kind"], record.timestamp * 1000
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return
    event_us = _instant(body.get("event_time"))
    if kind == "heartbeat" and event_us is not None:
        found.of(body.get("producer")).beat(place, event_us)
        found.of(body.get("producer")).heard(at_us)
    elif kind not in ("heartbeat", "end"):
        found.add_event(body, place, event_us, at_us)


def _instant(text: object) -> int | None:
    try:
        return parse_instant(text) if isinstance(text, str) else None
    except (ValueError, UsageError):
        return None
