"""The status of a group, read from the brokers alone; no worker is asked.

A checkpoint commits the group's offsets, with the unit's state as their metadata (lease.py), so position and state
shown here come from one transaction. Lag counts records that a committed reader would still get, without control
markers and aborted records.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import OffsetAndMetadata

from schemas.instants import parse_instant
from streams.kafka import topics
from streams.kafka.settings import Settings

STUCK_S = 60.0  # a checkpoint a second is usual
MOST_COUNTED = 10_000  # differences up to this are counted record by record, since markers are offsets too
READ_LIMIT_S = 60.0
LAST_MODELS = 64  # offsets from the end that are searched for the newest model: models and markers alternate
DELAY_LINE = "observations"  # read a horizon later on purpose: waiting records there are no lag


@dataclass(frozen=True)
class Place:
    """A partition of an input: `position` is the next offset to apply, `end` the last stable offset."""

    topic: str
    partition: int
    unit: str
    position: int
    end: int
    lag_records: int


@dataclass(frozen=True)
class UnitState:
    """The state that a unit committed with its last checkpoint."""

    unit: str
    frontier: str | None
    seconds_since_checkpoint: float
    done: bool
    waiting: bool
    lag_records: int
    alerts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Status:
    """The whole group; `problems` is empty when nothing is wrong."""

    group: str
    state: str
    members: int
    units: list[UnitState]
    places: list[Place]
    model: Mapping[str, Any] | None
    counts: Mapping[str, int]
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Returns the body of `keepline status --json`."""
        return asdict(self)


async def read(settings: Settings) -> Status:
    """Returns the status now; raises Failure when brokers are unreachable or topics missing."""
    partitions = await topics.partition_count(settings)
    async with topics.admin(settings) as client:
        await _coordinator(client, settings.group)
        state, members = await _group(client, settings.group)
        offsets = await client.list_consumer_group_offsets(settings.group)
        places, model = await asyncio.wait_for(_read_inputs(settings, offsets), READ_LIMIT_S)
    reports = {body["unit"]: body for body in map(_offset_metadata, offsets.values())}
    counts: Counter[str] = Counter()
    for body in reports.values():
        counts.update(body["counts"])
    units = [_unit_state(body, places) for _, body in sorted(reports.items())]
    expected = [f"engine-{partition}" for partition in range(partitions)] + ["learner"]
    status = Status(settings.group, state, members, units, places, model, counts)
    status.problems.extend(problems(status, expected))
    return status


async def frontier_us(settings: Settings) -> int | None:
    """Returns the event time up to which the furthest engine of the group has applied everything; None: none has."""
    async with topics.admin(settings) as client:
        await _coordinator(client, settings.group)
        offsets = await client.list_consumer_group_offsets(settings.group)
    reports = [_offset_metadata(committed) for committed in offsets.values() if committed.metadata]
    reached = [body["frontier"] for body in reports if body["unit"].startswith("engine-") and body["frontier"]]
    return max(map(parse_instant, reached), default=None)


def problems(status: Status, expected: Iterable[str]) -> list[str]:
    """Returns one sentence for each problem; expected: the names of all units."""
    known = {unit.unit: unit for unit in status.units}
    wrong = [f"{name} has never saved anything" for name in expected if name not in known]
    at_end = not wrong and all(unit.done for unit in status.units)
    if not status.members and not at_end:
        wrong.append(f"no worker runs in group {status.group}")
    elif status.members and status.state != "Stable":
        wrong.append(f"group {status.group} is not stable but {status.state}: workers are joining or leaving")
    wrong += [f"{unit.unit}: {alert}" for unit in status.units for alert in unit.alerts]
    return wrong + [
        f"{unit.unit} has not saved for {unit.seconds_since_checkpoint:.0f} s while {unit.lag_records} records wait"
        for unit in status.units
        if unit.lag_records and unit.seconds_since_checkpoint > STUCK_S
    ]


async def _coordinator(client: AIOKafkaAdminClient, group: str) -> None:
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


async def _group(client: AIOKafkaAdminClient, group: str) -> tuple[str, int]:
    (answer,) = await client.describe_consumer_groups([group])
    (_, _, state, _, _, members, *_), *_ = answer.groups
    return state, len(members)


async def _read_inputs(
    settings: Settings, offsets: Mapping[TopicPartition, OffsetAndMetadata]
) -> tuple[list[Place], dict[str, Any] | None]:
    """Returns each input partition with its end and lag, and the newest model."""
    models = TopicPartition(settings.topic("models"), 0)
    consumer = AIOKafkaConsumer(**settings.client, isolation_level="read_committed", auto_offset_reset="earliest")
    async with consumer:
        ends = await consumer.end_offsets([*offsets, models])
        firsts = await consumer.beginning_offsets([models])
        waiting = {place for place, committed in offsets.items() if 0 < ends[place] - committed.offset <= MOST_COUNTED}
        starts = {place: offsets[place].offset for place in waiting}
        starts[models] = min(starts.get(models, ends[models]), max(ends[models] - LAST_MODELS, firsts[models]))
        records = await _records(consumer, starts, ends)
    hidden = await _hidden(settings, ends)
    places = [
        _place(settings, place, committed, ends[place], records[place] if place in waiting else None, hidden[place])
        for place, committed in sorted(offsets.items())
    ]
    return places, _model(records[models])


async def _records(
    consumer: AIOKafkaConsumer, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, list[Any]]:
    """Returns the committed records from `starts` to `ends`. Once a consumer: aiokafka's does not stop cleanly after a
    second assignment.
    """
    consumer.assign(list(starts))
    for place, start in starts.items():
        consumer.seek(place, start)
    records: dict[TopicPartition, list[Any]] = {place: [] for place in starts}
    while any([await consumer.position(place) < ends[place] for place in starts]):
        for place, got in (await consumer.getmany(timeout_ms=200)).items():
            records[place] += [record for record in got if record.offset < ends[place]]
    return records


async def _hidden(settings: Settings, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """Offsets between the last stable offset and the high watermark: behind a transaction that is open."""
    async with AIOKafkaConsumer(**settings.client, isolation_level="read_uncommitted") as consumer:
        marks = await consumer.end_offsets(list(ends))
    return {place: max(marks[place] - end, 0) for place, end in ends.items()}


def _place(
    settings: Settings,
    place: TopicPartition,
    committed: OffsetAndMetadata,
    end: int,
    records: list[Any] | None,
    hidden: int,
) -> Place:
    short = place.topic.removeprefix(settings.topic_prefix)
    counted = None if records is None else sum(record.offset >= committed.offset for record in records)
    lag = hidden + (max(end - committed.offset, 0) if counted is None else counted)
    return Place(
        short,
        place.partition,
        _offset_metadata(committed)["unit"],
        committed.offset,
        end + hidden,
        0 if short == DELAY_LINE else lag,
    )


def _model(records: list[Any]) -> dict[str, Any] | None:
    if not records:
        return None
    body = orjson.loads(records[-1].value)
    return {name: body.get(name) for name in ("version", "instant_us", "ready", "labels", "auc", "log_loss")}


def _unit_state(body: Mapping[str, Any], places: list[Place]) -> UnitState:
    lag = sum(place.lag_records for place in places if place.unit == body["unit"])
    age = max(time.time() - body["saved_at"], 0.0)
    return UnitState(body["unit"], body["frontier"], age, body["done"], body["waiting"], lag, body["alerts"])


def _offset_metadata(committed: OffsetAndMetadata) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(committed.metadata)
    return body
