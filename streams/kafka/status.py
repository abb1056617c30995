"""The status of a group, read from the brokers alone; no worker is asked.

A checkpoint commits the group's offsets, with the unit's state as their metadata (lease.py), so position and state
shown here come from one transaction. Counts and alerts are in a row of the unit's changelog, whose offset the metadata
have: it is read there, however long the changelog is (unit_status.py). Lag counts records that a committed reader
would still get, without control markers and aborted records.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Container, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import TopicAuthorizationFailedError
from pydantic import BaseModel, Field, ValidationError

from schemas.errors import Failure, NewerRecord
from streams.kafka import topics
from streams.kafka.access import denied, missing
from streams.kafka.commits import Report, Saved, by_checkpoints, new, wait_for_coordinator
from streams.kafka.leaderless import leaderless
from streams.kafka.requests import described
from streams.kafka.settings import Settings
from streams.units.sources import CANDIDATES, INPUTS, LABELLED, MODELS, OBSERVATIONS
from streams.units.strays import ours
from streams.units.unit import STATUS

STUCK_S = 60.0  # a checkpoint a second is usual
MOST_COUNTED = 10_000  # differences up to this are counted record by record, since markers are offsets too
READ_LIMIT_S = 60.0
MOST_US = 253_402_300_800_000_000  # the year 10000
LAST_MODELS = 64  # offsets from the end that are searched for the newest model: models and markers alternate
ROW_FETCH_BYTES = 64 << 10  # a larger record comes whole
PROTOCOL = "faust"  # how the members of a group of workers share partitions; a group has one way
MOST_CLIENTS = 3  # of another application, that are named
MEMBER_SUFFIX = 37  # of a member's id: a dash and a UUID
SINGLE = {LABELLED: "learner", CANDIDATES: "dispatcher"}  # topics of units that all partitions share
ROW_LIMIT_S = 5.0  # a transaction that was committed just now is read as soon as its marker is written


class ShownAlert(BaseModel):
    """An alert as a unit writes it (schemas/alerts.py). Of a newer release it may be of a kind that this one lacks."""

    kind: str
    subject: str
    text: str
    figures: dict[str, str | int | float]
    since: str


class Row(BaseModel):
    """What a unit writes for `keepline status` (unit_status.py)."""

    counts: dict[str, int]
    alerts: list[ShownAlert]
    unknown_fields: dict[str, int]


class ServedModel(BaseModel):
    """What status shows of a record of the topic `models`."""

    version: int
    instant_us: Annotated[int, Field(ge=0, lt=MOST_US)]
    ready: bool
    hold: str = ""
    labels: int | None = None
    auc: float | None = None
    log_loss: float | None = None


@dataclass(frozen=True)
class Place:
    """A partition of an input: `position` is the next offset to apply, `end` the last stable offset. lag_seconds: age
    of the oldest record that waits, by its timestamp; 0 where none waits, None: an open transaction hides it.
    """

    topic: str
    partition: int
    unit: str
    position: int
    end: int
    lag_records: int
    lag_seconds: float | None = 0.0


@dataclass(frozen=True)
class UnitState:
    """The state that a unit committed with its last checkpoint."""

    unit: str
    frontier: str | None
    seconds_since_checkpoint: float
    done: bool
    waiting: bool
    lag_records: int
    alerts: list[str] | None = field(default_factory=list)  # sentences; None: unknown yet
    given_up: str | None = None
    owner: str | None = None  # the instance of the worker that has it; None: nobody


@dataclass(frozen=True)
class Status:
    """The whole group; `problems` is empty when nothing is wrong."""

    group: str
    topic_prefix: str
    state: str
    members: int
    units: list[UnitState]
    places: list[Place]
    model: ServedModel | None
    counts: Mapping[str, int]
    problems: list[str] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)  # unit, kind, subject, text, figures, since
    unknown_fields: Mapping[str, int] = field(
        default_factory=dict
    )  # by producer: records with fields not in the schema

    def as_json(self) -> dict[str, Any]:
        """Returns the body of `keepline status --json`."""
        return asdict(self) | {"model": self.model and self.model.model_dump()}


async def read(settings: Settings) -> Status:
    """Returns the status now; raises Failure when brokers are unreachable or topics missing."""
    async with topics.admin(settings) as client:
        return await read_by(client, settings)


async def read_by(client: AIOKafkaAdminClient, settings: Settings, most_counted: int = MOST_COUNTED) -> Status:
    """Returns the status as `read` does, by a client that is kept. most_counted: where more records wait, offsets are
    counted instead.
    """
    partitions = await topics.partitions_of(client, settings)
    await wait_for_coordinator(client, settings.group)
    group = await _group(client, settings)
    committed = await client.list_consumer_group_offsets(settings.group)
    saved, foreign = by_checkpoints(settings, partitions, committed)
    away = leaderless(await described(client._client, [settings.topic(topic.name) for topic in topics.TOPICS]))
    reports = {report.unit: report for _, report in saved.values()}
    async with _told_what_may_not_be_read(client, settings):
        inputs = _read_inputs(settings, partitions, saved, away, most_counted)
        places, model = await asyncio.wait_for(inputs, READ_LIMIT_S)
        rows = await asyncio.wait_for(_read_rows(settings, reports, away), READ_LIMIT_S)
    units = [
        replace(_unit_state(report, rows.get(name), places), owner=group.owners.get(name))
        for name, report in sorted(reports.items())
    ]
    expected = [f"engine-{partition}" for partition in range(partitions)] + ["learner"]
    status = Status(
        settings.group, settings.topic_prefix, group.state, group.members, units, places, model, _counts(reports, rows)
    )
    status.alerts.extend({"unit": name} | one.model_dump() for name, row in sorted(rows.items()) for one in row.alerts)
    status = replace(
        status, unknown_fields=dict(sum((Counter(row.unknown_fields) for row in rows.values()), Counter()))
    )
    known = {one["text"] for one in status.alerts}
    status.problems.extend(one.text for one in away.values() if one.text not in known)
    status.problems.extend([*group.strangers, *problems(status, expected), *foreign])
    return status


@asynccontextmanager
async def _told_what_may_not_be_read(client: AIOKafkaAdminClient, settings: Settings) -> AsyncIterator[None]:
    """Raises Failure with all topics that may not be read, where the brokers' answer names the first alone."""
    try:
        yield
    except TopicAuthorizationFailedError as error:
        needed = {settings.topic(topic.name): topics.READ for topic in topics.TOPICS if "Read" in topic.worker}
        lacks = await missing(client._client, settings, needed)
        raise Failure("; ".join(lacks) or denied(settings, error, "Read")) from None


def _counts(reports: Mapping[str, Report], rows: Mapping[str, Row]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for name, report in reports.items():
        counts.update(rows[name].counts if name in rows else report.counts)
    return dict(counts)


def problems(status: Status, expected: Iterable[str]) -> list[str]:
    """Returns one sentence for each problem; expected: the names of all units."""
    known = {unit.unit: unit for unit in status.units}
    wrong = [f"{name} has never committed a checkpoint" for name in expected if name not in known]
    at_end = not wrong and all(unit.done for unit in status.units)
    if not status.members and not at_end:
        wrong.append(f"no worker runs in group {status.group}")
    elif status.members and status.state != "Stable":
        wrong.append(f"group {status.group} is not stable but {status.state}: workers are joining or leaving")
    again = ", its worker tries it again" if status.members else ""
    wrong += [f"{unit.unit} was given up{again}: {unit.given_up}" for unit in status.units if unit.given_up]
    wrong += [f"{unit.unit}: {alert}" for unit in status.units for alert in unit.alerts or ()]
    return wrong + [
        f"{unit.unit} has committed no checkpoint for {unit.seconds_since_checkpoint:.0f} s while {unit.lag_records} "
        "records wait"
        for unit in status.units
        if unit.lag_records and unit.seconds_since_checkpoint > STUCK_S
    ]


@dataclass(frozen=True)
class _Group:
    """A consumer group. members: workers; strangers: a problem if others are in it, they keep workers out; owners: unit
    -> the instance of its worker.
    """

    state: str
    members: int
    strangers: list[str]
    owners: Mapping[str, str]


async def _group(client: AIOKafkaAdminClient, settings: Settings) -> _Group:
    (answer,) = await client.describe_consumer_groups([settings.group])
    (_, _, state, _, protocol, members, *_), *_ = answer.groups
    if not members or protocol in ("", PROTOCOL):  # "" in the middle of a rebalance
        owners = {unit: _instance(name) for name, *_, body in members for unit in _assigned(settings, body)}
        return _Group(state, len(members), [], owners)
    clients = sorted({f"{client} at {host}" for _, client, host, *_ in members})
    names = ", ".join(clients[:MOST_CLIENTS])
    told = f"another application is in the consumer group {settings.group}, so no worker can join: {names}; give it a "
    return _Group(state, 0, [f"{told}group of its own"], {})


def _instance(member: str) -> str:
    """The name of a member without what the brokers have added to it."""
    return member[:-MEMBER_SUFFIX] or member


def _assigned(settings: Settings, body: bytes) -> Iterator[str]:
    """The units of what a member was assigned; none where it cannot be read."""
    with suppress(ValueError, struct.error):
        for topic, partitions in ConsumerProtocolMemberAssignment.decode(body).assignment if body else ():
            short = topic.removeprefix(settings.topic_prefix)
            if short in SINGLE:
                yield SINGLE[short]
            elif short in INPUTS:
                yield from (f"engine-{partition}" for partition in partitions)


async def _read_inputs(
    settings: Settings, partitions: int, committed: Saved, away: Container[TopicPartition], most_counted: int
) -> tuple[list[Place], ServedModel | None]:
    """Returns each input partition with its end and lag, and the newest model. Of partitions that no worker has begun
    everything waits. away: partitions that cannot be read.
    """
    models = TopicPartition(settings.topic("models"), 0)
    if models in away:
        return [], None
    inputs = {TopicPartition(settings.topic(topic), p) for topic in INPUTS for p in range(partitions)}
    begun = {place.partition for place in inputs & committed.keys()}
    unread = [place for place in sorted(inputs) if place.partition not in begun and place not in away]
    saved = {place: one for place, one in committed.items() if place not in away}
    consumer = AIOKafkaConsumer(**settings.client, isolation_level="read_committed", auto_offset_reset="earliest")
    async with consumer:
        await _meet(consumer, [*saved, models])
        firsts = await consumer.beginning_offsets([*unread, models])
        saved |= {place: (firsts[place], new(f"engine-{place.partition}")) for place in unread}
        ends = await consumer.end_offsets([*saved, models])
        starts = {place: offset for place, (offset, _) in saved.items() if offset < ends[place]}
        many = {place for place, offset in starts.items() if ends[place] - offset > most_counted}
        starts[models] = min(starts.get(models, ends[models]), max(ends[models] - LAST_MODELS, firsts[models]))
        records = await _records(consumer, starts, ends, many - {models})
    behind = await hidden(settings, ends)
    places = [
        _place(settings, place, one, ends[place], records.get(place, []), place in many, behind[place])
        for place, one in sorted(saved.items())
    ]
    return places, _model(records[models])


async def _read_rows(
    settings: Settings, reports: Mapping[str, Report], away: Container[TopicPartition]
) -> dict[str, Row]:
    """Returns the rows with counts and alerts, by unit; without those that cannot be read: they are unknown yet."""
    wanted = {
        place: (name, report.status)
        for name, report in reports.items()
        if report.status is not None
        for topic, partition in _changelog(name)
        for place in [TopicPartition(settings.topic(topic), partition)]
        if place not in away
    }
    if not wanted:
        return {}
    consumer = AIOKafkaConsumer(
        **settings.client,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=ROW_FETCH_BYTES,
    )
    rows: dict[str, Row] = {}
    async with consumer:
        consumer.assign(list(wanted))
        for place, (_, offset) in wanted.items():
            consumer.seek(place, offset)
        left, until = set(wanted), time.monotonic() + ROW_LIMIT_S
        while left and time.monotonic() < until:
            for place, records in (await consumer.getmany(*left, timeout_ms=200)).items():
                left.discard(place)  # the first record is the row, or the row is gone
                name, offset = wanted[place]
                with suppress(ValidationError):
                    if records[0].offset == offset and records[0].key == STATUS:
                        rows[name] = Row.model_validate_json(records[0].value or b"")
    return rows


def _changelog(unit: str) -> list[tuple[str, int]]:
    """Returns the changelog of a unit and its partition; none for a name that no unit has."""
    if unit in ("learner", "dispatcher"):
        return [(f"{unit}-state", 0)]
    number = unit.removeprefix("engine-")
    return [("state", int(number))] if unit.startswith("engine-") and number.isdecimal() and len(number) < 7 else []


async def _records(
    consumer: AIOKafkaConsumer,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    many: Container[TopicPartition],
) -> dict[TopicPartition, list[Any]]:
    """Returns the committed records from `starts` to `ends`; of those in `many` the first ones alone. Once a consumer:
    aiokafka's does not stop cleanly after a second assignment.
    """
    consumer.assign(list(starts))
    for place, start in starts.items():
        consumer.seek(place, start)
    records: dict[TopicPartition, list[Any]] = {place: [] for place in starts}
    left = list(starts)
    while left := [place for place in left if not (place in many and records[place])]:
        left = [place for place in left if await consumer.position(place) < ends[place]]
        for place, got in (await consumer.getmany(*left, timeout_ms=200)).items() if left else ():
            records[place] += [record for record in got if record.offset < ends[place]]
    return records


async def _meet(consumer: AIOKafkaConsumer, places: Iterable[TopicPartition]) -> None:
    """Asks for the topics at once; aiokafka would ask for one after the other, a tenth of a second each."""
    await consumer._client.set_topics({place.topic for place in places})


async def hidden(settings: Settings, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """Offsets between the last stable offset and the high watermark: behind a transaction that is open."""
    async with AIOKafkaConsumer(**settings.client, isolation_level="read_uncommitted") as consumer:
        await _meet(consumer, ends)
        marks = await consumer.end_offsets(list(ends))
    return {place: max(marks[place] - end, 0) for place, end in ends.items()}


def _place(
    settings: Settings,
    place: TopicPartition,
    saved: tuple[int, Report],
    end: int,
    records: list[Any],
    many: bool,
    hidden: int,
) -> Place:
    """records: those that wait, or the first ones of `many`."""
    offset, report = saved
    short = place.topic.removeprefix(settings.topic_prefix)
    if short == OBSERVATIONS:
        return Place(short, place.partition, report.unit, offset, end + hidden, 0)
    waits = [record for record in records if record.offset >= offset]
    lag = hidden + (end - offset if many else len(waits))
    age_s = max(time.time() - waits[0].timestamp / 1000, 0.0) if waits else None if lag else 0.0
    return Place(short, place.partition, report.unit, offset, end + hidden, lag, age_s)


def _model(records: list[Any]) -> ServedModel | None:
    """The newest record that is a model."""
    for record in reversed(records):
        with suppress(ValidationError, NewerRecord):
            if body := ours(MODELS, 0, record):
                return ServedModel.model_validate_json(body)
    return None


def _unit_state(report: Report, row: Row | None, places: list[Place]) -> UnitState:
    lag = sum(place.lag_records for place in places if place.unit == report.unit)
    age = max(time.time() - report.saved_at, 0.0)
    if row is not None:
        alerts: list[str] | None = [one.text for one in row.alerts]
    else:
        alerts = report.alerts if isinstance(report.alerts, list) else None
    return UnitState(report.unit, report.frontier, age, report.done, report.waiting, lag, alerts, report.given_up)
