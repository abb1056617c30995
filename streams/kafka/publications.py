"""How far files have been sent, in the compacted topic `publications`: by the digest of the files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.instants import format_instant, parse_instant
from schemas.internal_messages import Publication as Written
from streams.kafka.settings import Settings
from streams.kafka.whole_topics import to_the_end
from streams.units.seal import opened, seal
from streams.units.strays import Strays, is_older

TOPIC = "publications"


@dataclass(frozen=True, slots=True)
class Publication:
    """How far some files have been sent; `reached_us`: every event up to there is acknowledged, None: none is."""

    files: tuple[str, ...]
    events: int = 0  # sent and acknowledged, refused rows included
    refused: int = 0  # of these, rows that will be refused
    reached_us: int | None = None
    complete: bool = False
    ended: bool = False
    at: str = ""

    @property
    def begun(self) -> bool:
        """Whether anything has been sent."""
        return self.complete or self.events > 0


async def read(settings: Settings, say: Callable[[str], None]) -> dict[str, Publication]:
    """Returns all publications by their digests. A record without a value deletes one; others that are not ours are
    passed over, and `say` tells of them. Raises NewerRecord.
    """
    committed = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(**settings.client, **committed) as consumer:
        place = TopicPartition(settings.topic(TOPIC), 0)
        found, strays = folded([record async for _, record in to_the_end(consumer, [place])])
    for alert in strays.alerts:
        say(f"{settings.topic_prefix}{alert}")
    return found


def folded(records: Iterable[Any]) -> tuple[dict[str, Publication], Strays]:
    """Returns the publications that records of the topic leave, and what is not ours among them."""
    found, are_sealed, strays = dict[str, Publication](), set[str](), Strays()
    for record in records:
        digest = (record.key or b"").decode("utf-8", "replace")
        body = opened(TOPIC, 0, record, record.key or b"")
        if body is not None:
            are_sealed.add(digest)
            found[digest] = _loaded(Written.model_validate_json(body, extra="ignore"))
        elif record.value is None and record.key:  # whoever deletes one means it: the files can be published again
            found.pop(digest, None)
        elif digest not in are_sealed and is_older(_shape, record.value):
            found[digest] = _loaded(Written.model_validate_json(record.value))
        else:
            strays.add(TOPIC, 0, record.offset)
    return found, strays


def _shape(value: bytes) -> Publication:
    return _loaded(Written.model_validate_json(value))


async def write(producer: AIOKafkaProducer, settings: Settings, digest: str, known: Publication) -> Publication:
    """Keeps how far files have been sent; returns once it is acknowledged."""
    known = replace(known, at=format_instant(time.time_ns() // 1_000_000_000 * 1_000_000))
    key = digest.encode()
    await producer.send_and_wait(settings.topic(TOPIC), seal(TOPIC, _dumped(known), key), key, partition=0)
    return known


def furthest(found: Mapping[str, Publication]) -> Publication | None:
    """Returns the publication that has reached the latest event time; None: there is none."""
    begun = [one for one in found.values() if one.reached_us is not None]
    return max(begun, key=lambda one: one.reached_us or 0, default=None)


def _dumped(known: Publication) -> bytes:
    return orjson.dumps(
        {
            "schema_version": 1,
            "files": known.files,
            "events": known.events,
            "refused": known.refused,
            "reached": None if known.reached_us is None else format_instant(known.reached_us),
            "complete": known.complete,
            "ended": known.ended,
            "at": known.at,
        }
    )


def _loaded(body: Written) -> Publication:
    reached_us = None if body.reached is None else parse_instant(body.reached)
    return Publication(tuple(body.files), body.events, body.refused, reached_us, body.complete, body.ended, body.at)
