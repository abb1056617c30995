"""Sends refused records again. Records and the note that they were sent are committed in one transaction, so a letter
is sent once, whatever interrupts it. The note is a row of `publications`; the header `redriven-from` of each record has
the places of its letter and of the record that was refused.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from aiokafka import AIOKafkaProducer

from schemas.decode import Decoder
from schemas.envelopes import json_of, unwrapped
from schemas.events import TOPIC_OF_KIND
from schemas.partitioner import partition_of
from streams.kafka import publications, topics
from streams.kafka.access import reported
from streams.kafka.publications import Publication
from streams.kafka.settings import Settings
from streams.operations.dead_letters.letters import TOPIC, Letter
from streams.operations.dead_letters.mapping import Repairs
from streams.units.refusal_counts import TOO_LATE

HEADER = "redriven-from"
MOST_AT_ONCE = 10_000  # letters of one transaction
KIND_OF_TOPIC = {topic: kind for kind, topic in TOPIC_OF_KIND.items()}


@dataclass(frozen=True, slots=True)
class Ready:
    """A letter whose event would be taken now."""

    letter: Letter
    topic: str
    customer: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What a redrive does. refused: letters, and why each would be refused again; before: how many were sent before."""

    ready: list[Ready]
    refused: list[tuple[Letter, str]]
    before: int


def plan(letters: Iterable[Letter], mapping: Repairs, sent: set[str], now_us: int) -> Plan:
    """Decides about each letter. sent: places of those that were sent before."""
    ready, refused, before = list[Ready](), list[tuple[Letter, str]](), 0
    decoders = {kind: Decoder(kind) for kind in KIND_OF_TOPIC.values()}
    for letter in letters:
        if letter.place in sent:
            before += 1
            continue
        found = _repaired(letter, mapping, decoders, now_us)
        if isinstance(found, Ready):
            ready.append(found)
        else:
            refused.append((letter, found))
    return Plan(ready, refused, before)


def _repaired(letter: Letter, mapping: Repairs, decoders: Mapping[str, Decoder], now_us: int) -> Ready | str:
    """Returns what can be sent, or why it cannot."""
    topic, value = letter.body.topic or "", letter.value
    kind = KIND_OF_TOPIC.get(topic)
    if letter.body.rule == TOO_LATE:
        return "it is too late; publish it into topics with another prefix"
    if value is None or kind is None:
        return "the letter has only a part of its bytes, or none: its publisher has to send it again"
    try:
        event = orjson.loads(json_of(value))
        if not isinstance(event, dict):
            raise TypeError("it is no JSON object")
        repaired = orjson.dumps(mapping.applied(unwrapped(event)))
    except (ValueError, AttributeError, TypeError) as error:  # no JSON, a time that its zone has twice
        return f"it cannot be repaired: {error}"
    decoded = decoders[kind].decode([repaired], None, now_us)
    if decoded.refused:
        one = decoded.refused[0]
        return f"{one.field} ({one.rule}): {one.sentence}"
    customers = decoded.events.customers or [one.customer for one in decoded.erased]
    if not customers:
        return "it is a mark, not an event"
    return Ready(letter, topic, customers[0], repaired)


async def sent_before(settings: Settings) -> set[str]:
    """Returns the places of the letters that were sent again."""
    known = await publications.read(settings, lambda sentence: None)
    prefix = f"{TOPIC}/"
    return {name.removeprefix(prefix) for one in known.values() for name in one.files if name.startswith(prefix)}


async def send(settings: Settings, ready: Sequence[Ready]) -> None:
    """Sends the events to their customers' partitions, and notes it."""
    partitions = await topics.partition_count(settings)
    producer = AIOKafkaProducer(
        **settings.client, transactional_id=settings.transactional_id("redrive"), enable_idempotence=True
    )
    async with reported(settings, "Write", "nothing of the last ten thousand was sent; run it again"):
        await producer.start()
        try:
            for start in range(0, len(ready), MOST_AT_ONCE):
                await _send(producer, settings, partitions, ready[start : start + MOST_AT_ONCE])
        finally:
            await producer.stop()


async def _send(producer: AIOKafkaProducer, settings: Settings, partitions: int, ready: Sequence[Ready]) -> None:
    async with producer.transaction():
        for one in ready:
            await producer.send(
                settings.topic(one.topic),
                one.value,
                one.customer.encode(),
                partition_of(one.customer, partitions),
                timestamp_ms=time.time_ns() // 1_000_000,
                headers=[(HEADER, f"{TOPIC}/{one.letter.place} {one.letter.is_from}".encode())],
            )
        names = tuple(f"{TOPIC}/{one.letter.place}" for one in ready)
        note = Publication(names, events=len(ready), complete=True, ended=True)
        await publications.write(producer, settings, f"redriven {uuid.uuid4().hex}", note)
