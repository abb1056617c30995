"""What the checkpoints of a group have committed: offsets of inputs, with the report of a unit as their metadata."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Annotated

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import OffsetAndMetadata
from pydantic import BaseModel, Field, ValidationError

from schemas.errors import Failure
from schemas.instants import parse_instant
from streams.kafka import topics
from streams.kafka.settings import Settings

MOST_METADATA = 4_000  # of an offset; brokers allow 4,096 bytes
MOST_TOPICS = 20  # of another application, that are named


class Report(BaseModel):
    """What a checkpoint writes into the metadata of the group's offsets (lease.py)."""

    unit: str
    partitions: int | None = None
    saved_at: float
    frontier: str | None
    done: bool
    waiting: bool
    alerts: int | list[str] = 0  # of earlier releases: the sentences
    counts: dict[str, int] = {}  # of earlier releases
    status: Annotated[int, Field(ge=0, lt=1 << 63)] | None = None  # the offset of the row with counts and alerts
    given_up: str | None = None  # why the unit does not work; its worker tries it again


Saved = dict[TopicPartition, tuple[int, Report]]  # the next offset to apply, and the report of its unit


def new(unit: str) -> Report:
    """The report of a unit that has not committed yet."""
    return Report(unit=unit, saved_at=0.0, frontier=None, done=False, waiting=False)


async def refuse_other_partitions(settings: Settings, partitions: int) -> None:
    """Raises Failure when the group has worked with another number of partitions: its states are of other customers."""
    async with topics.admin(settings) as client:
        await wait_for_coordinator(client, settings.group)
        saved, _ = by_checkpoints(settings, partitions, await client.list_consumer_group_offsets(settings.group))
    known = {report.partitions for _, report in saved.values() if report.partitions}  # of earlier releases: None
    if known - {partitions}:
        before = ", ".join(map(str, sorted(known)))
        raise Failure(
            f"the group {settings.group} has worked with {before} partitions, now the topics have {partitions}: "
            f"most customers now map to another one; {topics.repartition(partitions)}"
        )


def by_checkpoints(
    settings: Settings, partitions: int, committed: Mapping[TopicPartition, OffsetAndMetadata]
) -> tuple[Saved, list[str]]:
    """Returns the offsets that checkpoints of workers committed, and a problem for all others."""
    places = {TopicPartition(settings.topic(topic.name), p) for topic in topics.TOPICS for p in range(partitions)}
    strange = sorted({place.topic for place in committed} - {place.topic for place in places})[:MOST_TOPICS]
    wrong = [_strange(settings, strange)] if strange else []
    saved: Saved = {}
    for place, one in sorted(committed.items()):
        if place not in places:
            continue
        try:
            saved[place] = one.offset, Report.model_validate_json(one.metadata)
        except ValidationError:
            wrong.append(
                f"{place.topic}/{place.partition}: offset {one.offset} of group {settings.group} comes from another "
                "client or tool, not from a checkpoint; workers do not read it: they go on from their own state, and "
                "their next checkpoint replaces it"
            )
    return saved, wrong


def _strange(settings: Settings, strange: Sequence[str]) -> str:
    """Returns a problem: Kafka keeps the offsets for a week after the other application has a group of its own."""
    return (
        f"group {settings.group} has offsets of {', '.join(strange)}, none of its topics (prefix "
        f"{settings.topic_prefix!r}): give the other application a group of its own, then remove them: "
        f"kafka-consumer-groups.sh --bootstrap-server HOST:PORT --delete-offsets --group {settings.group} "
        + " ".join(f"--topic {topic}" for topic in strange)
    )


def with_reason(metadata: str, unit: str, reason: str) -> str:
    """Returns the metadata of a checkpoint's offsets with the reason why their unit was given up."""
    try:
        report = Report.model_validate_json(metadata)
    except ValidationError:  # it has never saved anything
        report = new(unit)
    report.given_up = reason
    text = report.model_dump_json(exclude_none=False)
    if len(text.encode()) > MOST_METADATA:
        text = report.model_copy(update={"alerts": [], "counts": {}}).model_dump_json()
    return text


async def frontier_us(settings: Settings) -> int | None:
    """Returns the event time up to which the furthest engine of the group has applied everything; None: none has."""
    partitions = await topics.partition_count(settings)
    async with topics.admin(settings) as client:
        await wait_for_coordinator(client, settings.group)
        saved, _ = by_checkpoints(settings, partitions, await client.list_consumer_group_offsets(settings.group))
    reports = [report for _, report in saved.values() if report.unit.startswith("engine-")]
    return max((parse_instant(report.frontier) for report in reports if report.frontier), default=None)


async def wait_for_coordinator(client: AIOKafkaAdminClient, group: str) -> None:
    """Waits for the group coordinator: the brokers create its topic at the first request."""
    until = time.monotonic() + topics.CONNECT_LIMIT_S
    while True:
        try:
            await client.find_coordinator(group)
        except GroupCoordinatorNotAvailableError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)
        else:
            return
