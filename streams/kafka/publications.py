"""How far files have been sent, in the compacted topic `publications`: by the digest of the files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.instants import format_instant, parse_instant
from schemas.internal_messages import Publication as Written
from streams.kafka.settings import Settings
from streams.kafka.whole_topics import to_the_end

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


async def read(settings: Settings) -> dict[str, Publication]:
    """Returns all publications by their digests. Records that are none, such as a deleted one's, are passed over."""
    found = dict[str, Publication]()
    async with AIOKafkaConsumer(**settings.client, auto_offset_reset="earliest") as consumer:
        async for _, record in to_the_end(consumer, [TopicPartition(settings.topic(TOPIC), 0)]):
            digest = (record.key or b"").decode("utf-8", "replace")
            try:
                found[digest] = _loaded(Written.model_validate_json(record.value or b"", extra="ignore"))
            except ValueError:
                found.pop(digest, None)
    return found


async def write(producer: AIOKafkaProducer, settings: Settings, digest: str, known: Publication) -> Publication:
    """Keeps how far files have been sent; returns once it is acknowledged."""
    known = replace(known, at=format_instant(time.time_ns() // 1_000_000_000 * 1_000_000))
    await producer.send_and_wait(settings.topic(TOPIC), _dumped(known), digest.encode(), partition=0)
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
