"""The topics: one table of what there must be; creates what is missing and checks what exists."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from schemas.errors import Failure, UsageError
from streams.kafka import connections
from streams.kafka.access import lack, missing, reported
from streams.kafka.settings import Settings

DEFAULT_PARTITIONS = 4
CONNECT_LIMIT_S = 15.0
LARGE = {"max.message.bytes": str(8 << 20)}  # blocks of 256 customers, a learner's matrices
RETAINED = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
COMPACTED = {"cleanup.policy": "compact"}
# acknowledgements then carry the broker's clock (clock.py)
BY_ARRIVAL = {"message.timestamp.type": "LogAppendTime"}
READ, WRITE = ("Read",), ("Write",)
# with the default segments the log cleaner ran too late: 3.0 M records for 0.2 M customers, restores of 10 s
CHANGELOG = COMPACTED | {"segment.bytes": str(4 << 20), "min.cleanable.dirty.ratio": "0.05"}


@dataclass(frozen=True)
class Topic:
    """A topic's short name and settings; `worker`: what a worker does with it; `single`: one partition, however many
    the others have.
    """

    name: str
    config: Mapping[str, str]
    worker: tuple[str, ...] = ("Read", "Write")
    single: bool = False


TOPICS = (
    Topic("service-visits", RETAINED, READ),
    Topic("app-activity", RETAINED, READ),
    Topic("surveys", RETAINED, READ),
    Topic("intervention-outcomes", RETAINED, READ),
    Topic("customer-profiles", COMPACTED, READ),
    Topic("market-signals", COMPACTED, READ),
    Topic("interventions", RETAINED, WRITE),
    Topic("intervention-updates", RETAINED, WRITE),
    Topic("interventions-withheld", RETAINED, WRITE),
    Topic("touches", RETAINED, WRITE),
    Topic("tasks", RETAINED, WRITE),
    Topic("dispatches", RETAINED),
    Topic("churn-scores", CHANGELOG, WRITE),
    Topic("dead-letters", RETAINED | LARGE, WRITE),
    Topic("publisher-scores", COMPACTED, ()),
    Topic("console-audit", RETAINED, ()),
    Topic("observations", RETAINED | LARGE),
    Topic("models", RETAINED | LARGE),
    Topic("state", CHANGELOG | LARGE | BY_ARRIVAL),
    Topic("labelled-examples", RETAINED | LARGE, single=True),
    Topic("learner-state", CHANGELOG | LARGE | BY_ARRIVAL, single=True),
    Topic("candidates", RETAINED | LARGE, single=True),
    Topic("dispatcher-state", CHANGELOG | LARGE | BY_ARRIVAL, single=True),
    Topic("publications", CHANGELOG, (), single=True),
)


@dataclass(frozen=True)
class Existing:
    """What the brokers have of our topics."""

    brokers: int
    partitions: Mapping[str, int]  # short name -> count
    config: Mapping[str, Mapping[str, str]]  # short name -> settings in force


async def create(settings: Settings, partitions: int | None = None, replication: int | None = None) -> list[str]:
    """Creates missing topics, returns their full names; partitions: default 4, or as many as existing topics have."""
    async with admin(settings) as client:
        existing = await _find(client, settings)
        count = _partitions_for_new(existing, partitions)
        copies = replication or min(3, existing.brokers)
        absent = [topic for topic in TOPICS if topic.name not in existing.partitions]
        names = [settings.topic(topic.name) for topic in absent]
        if names:
            await _create(client, settings, [_new(settings, topic, count, copies) for topic in absent])
            await asyncio.wait_for(_wait_for_leaders(client, names), CONNECT_LIMIT_S)
    return names


async def check(settings: Settings) -> list[str]:
    """Returns one sentence for each problem; empty when nothing is wrong."""
    async with admin(settings) as client:
        existing = await _find(client, settings)
    wrong = [problem for topic in TOPICS for problem in _problems(settings.topic(topic.name), topic, existing)]
    return wrong + _count_mismatch(settings, existing)


async def partition_count(settings: Settings) -> int:
    """Returns the partition count of a worker's inputs; raises Failure when topics are missing or counts differ."""
    async with admin(settings) as client:
        return await partitions_of(client, settings)


async def partitions_of(client: AIOKafkaAdminClient, settings: Settings) -> int:
    """Returns what `partition_count` does, by a client that is kept."""
    existing = await _find(client, settings, with_config=False)
    unseen = [settings.topic(topic.name) for topic in TOPICS if topic.name not in existing.partitions]
    if unseen:
        raise Failure(f"topics are missing: {', '.join(unseen)}; create them with `keepline topics create`")
    mismatch = _count_mismatch(settings, existing)
    if mismatch:
        raise Failure(mismatch[0])
    return next(existing.partitions[topic.name] for topic in TOPICS if not topic.single)


async def retention_us(settings: Settings) -> dict[str, float]:
    """Returns how long each topic keeps a record, by full name; inf: for ever. Raises Failure without the right to
    read the settings.
    """
    async with admin(settings) as client:
        existing = await _find(client, settings)
    found = {}
    for short, config in existing.config.items():
        is_deleted, kept_ms = "delete" in config.get("cleanup.policy", ""), int(config.get("retention.ms", "-1"))
        found[settings.topic(short)] = kept_ms * 1000.0 if is_deleted and kept_ms >= 0 else math.inf
    return found


async def refuse_missing_access(settings: Settings) -> None:
    """Raises Failure naming each access rule that a worker needs and this client lacks."""
    async with admin(settings) as client:
        await refuse_missing_rules(client._client, settings, group=True)


async def refuse_missing_rules(client: AIOKafkaClient, settings: Settings, group: bool = False) -> None:
    """As `refuse_missing_access`, with a client that is there. group: whether its rule is needed, too."""
    needed = {settings.topic(topic.name): topic.worker for topic in TOPICS}
    if lacks := await missing(client, settings, needed, group):
        raise Failure("; ".join(lacks))


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Yields a connected admin client; raises Failure when no broker answers."""
    client = AIOKafkaAdminClient(**settings.client, request_timeout_ms=int(CONNECT_LIMIT_S * 1000))
    try:
        async with reported(settings):
            await asyncio.wait_for(client.start(), CONNECT_LIMIT_S + connections.LIMIT_S * len(settings.brokers))
            yield client
    finally:
        await client.close()


async def _find(client: AIOKafkaAdminClient, settings: Settings, with_config: bool = True) -> Existing:
    names = {settings.topic(topic.name): topic.name for topic in TOPICS}
    there = set(await client.list_topics()) & names.keys()
    described = await client.describe_topics(sorted(there)) if there else []
    partitions = {names[one["topic"]]: len(one["partitions"]) for one in described}
    cluster = await client.describe_cluster()
    config = await _config(client, settings, names, sorted(there)) if there and with_config else {}
    if hidden := await missing(client._client, settings, dict.fromkeys(names.keys() - there, ("Describe",))):
        raise Failure(hidden[0])
    return Existing(len(cluster["brokers"]), partitions, config)


async def _config(
    client: AIOKafkaAdminClient, settings: Settings, names: Mapping[str, str], there: list[str]
) -> dict[str, dict[str, str]]:
    answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in there])
    found = [resource for answer in answers for resource in answer.resources]
    if denied := sorted(full for error, _, _, full, _ in found if error == TopicAuthorizationFailedError.errno):
        raise Failure(lack(settings, "DescribeConfigs", "topic", denied))
    return {names[full]: {entry[0]: entry[1] for entry in entries} for _, _, _, full, entries in found}


def _partitions_for_new(existing: Existing, asked: int | None) -> int:
    counts = set(_co_partitioned(existing).values())
    if not counts:
        return asked or DEFAULT_PARTITIONS
    if len(counts) > 1 or (asked and asked not in counts):
        raise UsageError(
            f"the topics that exist have {_either(counts)} partitions"
            + (f", {asked} were asked for" if asked else "")
            + "; a customer must be in the same partition of all of them: delete the topics or ask for their number"
        )
    return counts.pop()


def _new(settings: Settings, topic: Topic, partitions: int, copies: int) -> NewTopic:
    durable = {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"} if copies >= 3 else {}
    count = 1 if topic.single else partitions
    return NewTopic(settings.topic(topic.name), count, copies, topic_configs=dict(topic.config) | durable)


async def _wait_for_leaders(client: AIOKafkaAdminClient, names: list[str]) -> None:
    """Waits until every partition has a leader: until then brokers answer clients that the topic does not exist."""
    while True:
        described = await client.describe_topics(names)
        errors = [one["error_code"] for one in described]
        errors += [partition["error_code"] for one in described for partition in one["partitions"]]
        if not any(errors):
            return
        await asyncio.sleep(0.05)


async def _create(client: AIOKafkaAdminClient, settings: Settings, topics: list[NewTopic]) -> None:
    answer = await client.create_topics(topics)
    forbidden = TopicAuthorizationFailedError.errno
    if denied := sorted(name for name, code, *_ in answer.topic_errors if code == forbidden):
        raise Failure(lack(settings, "Create", "topic", denied))
    for name, code, *rest in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:  # another process created it meanwhile
            raise Failure(f"cannot create topic {name}: {rest[0] if rest and rest[0] else error.__name__}")


def _problems(full: str, topic: Topic, existing: Existing) -> list[str]:
    if topic.name not in existing.partitions:
        return [f"{full} is missing: create it with `keepline topics create`"]
    config, wrong = existing.config.get(topic.name, {}), []
    if topic.single and existing.partitions[topic.name] != 1:
        wrong.append(f"{full} has {existing.partitions[topic.name]} partitions, expected 1: it has one reader")
    policy = topic.config["cleanup.policy"]
    if config.get("cleanup.policy") != policy:
        wrong.append(f"{full}: cleanup.policy is {config.get('cleanup.policy')}, expected {policy}")
    if policy == "delete":
        wrong += _retention(full, config)
    return wrong + _timestamps(full, topic, config) + _too_small(full, topic, config)


def _retention(full: str, config: Mapping[str, str]) -> list[str]:
    """Retention goes by the records' timestamps: events of last year would be deleted as they arrive."""
    by_arrival = config.items() >= BY_ARRIVAL.items()
    if by_arrival or config.get("retention.ms") == "-1":
        return []
    return [
        f"{full}: retention.ms is {config.get('retention.ms')} and counts from the event times: past events "
        + "would be deleted at once; set retention.ms=-1 or message.timestamp.type=LogAppendTime"
    ]


def _timestamps(full: str, topic: Topic, config: Mapping[str, str]) -> list[str]:
    """Without the broker's clock a worker whose own is ahead leads its state ahead of time."""
    (name, wanted), *_ = BY_ARRIVAL.items()
    if name not in topic.config or config.get(name) == wanted:
        return []
    return [
        f"{full}: {name} is {config.get(name)}, expected {wanted}: a worker cannot compare its clock with the "
        "broker's; kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics --entity-name "
        f"{full} --add-config {name}={wanted}"
    ]


def _too_small(full: str, topic: Topic, config: Mapping[str, str]) -> list[str]:
    name = "max.message.bytes"
    wanted, there = int(topic.config.get(name, 0)), int(config.get(name, 0))
    return [f"{full}: {name} is {there}, expected at least {wanted}"] if there < wanted else []


def _count_mismatch(settings: Settings, existing: Existing) -> list[str]:
    """Co-partitioned topics need the same number of partitions: a customer's events belong to one worker."""
    counts = _co_partitioned(existing)
    if len(set(counts.values())) <= 1:
        return []
    each = ", ".join(f"{settings.topic(name)} {count}" for name, count in counts.items())
    most = max(counts.values())
    return [
        f"partition counts differ: {each}; a customer must be in the same partition of all of them: {repartition(most)}"
    ]


def repartition(partitions: int) -> str:
    """Returns what to do when the number of partitions has changed."""
    return f"copy the history into new topics with `keepline repartition --to {partitions} PREFIX`"


def _co_partitioned(existing: Existing) -> dict[str, int]:
    """Returns the partition counts that have to be equal."""
    there = [topic.name for topic in TOPICS if topic.name in existing.partitions and not topic.single]
    return {name: existing.partitions[name] for name in there}


def _either(counts: set[int]) -> str:
    return " or ".join(str(count) for count in sorted(counts))
