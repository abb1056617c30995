"""The faults: how each begins, how it ends, what must be told about it, and who heals it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AclOperation, AdminClient, ResourceType

from streams.kafka import topics
from tests.faults.offsets import delete_offsets
from tests.faults.stage import OTHER_PREFIX, PARTITIONS, PREFIX, WORKERS, Stage
from tests.kafka.city import wait_for
from tests.kafka.secured import Rule, allow, forbid

Act = Callable[[Stage, AsyncExitStack], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """begin: its end is what the stack closes. told: a pattern of what must be told somewhere. todo: a pattern of what
    must be told where somebody has to act; None: it heals by itself. leaves: a pattern of problems that stay on
    purpose.
    """

    name: str
    title: str
    begin: Act
    told: str
    todo: str | None = None
    leaves: str | None = None
    lasts_s: float = 30.0


class LeftOut(Exception):
    """A fault that cannot be made on this machine, and why."""


async def broker_away(stage: Stage, end: AsyncExitStack) -> None:
    """All brokers are killed."""
    end.push_async_callback(stage.start_brokers)
    await stage.stop_brokers()


async def disk_full(stage: Stage, end: AsyncExitStack) -> None:
    """Fills the file system of the first broker; Apache Kafka stops itself then. Freed, it is started again."""
    if not stage.disk.is_mount():
        raise LeftOut("mount is not allowed here")
    end.push_async_callback(stage.gate.open)
    end.push_async_callback(asyncio.to_thread, stage.brokers[0].start)
    end.push_async_callback(asyncio.to_thread, stage.brokers[0].kill)
    ballast = stage.disk / "ballast"
    end.callback(ballast.unlink)
    await asyncio.to_thread(fill, ballast)
    stage.gate.close()


def fill(path: Path) -> None:
    """Writes zeros until there is no space left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


async def topic_deleted(stage: Stage, end: AsyncExitStack) -> None:
    """Deletes an input; `keepline topics create` makes it again."""
    end.push_async_callback(topics.create, stage.settings)
    async with topics.admin(stage.settings) as client:
        await client.delete_topics([stage.settings.topic("app-activity")])


async def topic_recreated(stage: Stage, end: AsyncExitStack) -> None:
    """Deletes an input and makes it again at once."""
    name = stage.settings.topic("surveys")
    async with topics.admin(stage.settings) as client:
        await client.delete_topics([name])

        async def is_gone() -> bool:
            return name not in await client.list_topics()

        await wait_for(is_gone)
    await topics.create(stage.settings)


def rule_removed(operation: AclOperation, kind: ResourceType) -> Act:
    """Returns a fault that takes a rule away and gives it back."""

    async def begin(stage: Stage, end: AsyncExitStack) -> None:
        brokers, rules = stage.brokers[0].brokers, [Rule(operation, kind, PREFIX)]
        end.push_async_callback(asyncio.to_thread, allow, brokers, rules)
        await asyncio.to_thread(forbid, brokers, rules)

    return begin


async def certificate_wrong(stage: Stage, end: AsyncExitStack) -> None:
    """The brokers are restarted with a certificate that nobody trusts, and later with the right one."""
    end.push_async_callback(stage.renew_certificate, stage.folder / "right" / "store.p12")
    await stage.renew_certificate(stage.folder / "wrong" / "store.p12")


async def leader_gone(stage: Stage, end: AsyncExitStack) -> None:
    """The second broker is killed: the only copy of one partition of the visits was there."""
    end.push_async_callback(asyncio.to_thread, stage.brokers[1].start)
    await asyncio.to_thread(stage.brokers[1].kill)


async def address_silent(stage: Stage, end: AsyncExitStack) -> None:
    """The first address of KEEPLINE_BROKERS takes connections and never answers; a worker is killed."""
    end.callback(setattr, stage.gate, "silent", False)
    stage.gate.fall_silent()
    stage.kill_worker(WORKERS[0])


async def foreign_member(stage: Stage, end: AsyncExitStack) -> None:
    """Another application tries to join the group all the time; once all workers are down at once, it is in."""
    joining = asyncio.ensure_future(_join(stage))
    end.callback(joining.cancel)
    for worker in WORKERS:
        stage.kill_worker(worker)


async def _join(stage: Stage) -> None:
    while True:
        foreign = AIOKafkaConsumer(
            stage.settings.topic("surveys"),
            **stage.settings.client,
            group_id=stage.settings.group,
            partition_assignment_strategy=[RangePartitionAssignor],
        )
        try:
            async with foreign:
                await asyncio.sleep(1e9)
        except KafkaError:
            await asyncio.sleep(0.2)


async def offsets_reset(stage: Stage, end: AsyncExitStack) -> None:
    """All workers are stopped, as a tool demands that resets offsets, and started at the end."""

    async def start() -> None:
        for worker in WORKERS:
            stage.start_worker(worker)

    end.push_async_callback(start)
    await stage.stop_workers()
    places = [TopicPartition(stage.settings.topic("service-visits"), number, 0) for number in range(PARTITIONS)]
    admin = AdminClient({"bootstrap.servers": stage.brokers[0].brokers})
    while True:  # static members stay for their session
        asked = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(stage.settings.group, places)])
        try:
            (done,) = [future.result() for future in asked.values()]
        except Exception:
            await asyncio.sleep(1.0)
            continue
        if not any(place.error for place in done.topic_partitions):
            return
        await asyncio.sleep(1.0)


async def second_group(stage: Stage, end: AsyncExitStack) -> None:
    """A worker of another group on the same topics."""
    process = stage.command("worker", log=stage.log("w0"), KEEPLINE_GROUP=f"{PREFIX}night")
    end.callback(process.kill)


async def second_prefix(stage: Stage, end: AsyncExitStack) -> None:
    """Another deployment with the same KEEPLINE_GROUP and a prefix of its own; at the end it leaves, and its offsets
    are removed.
    """
    await topics.create(replace(stage.settings, topic_prefix=OTHER_PREFIX), PARTITIONS)
    known = {"KEEPLINE_TOPIC_PREFIX": OTHER_PREFIX, "KEEPLINE_GROUP": stage.settings.group}
    process = stage.command("worker", log=stage.folder / "staging.log", **known)
    end.push_async_callback(_remove_strange_offsets, stage)
    end.push_async_callback(asyncio.to_thread, process.wait)
    end.callback(process.terminate)


async def _remove_strange_offsets(stage: Stage) -> None:
    group = stage.settings.group
    async with topics.admin(stage.settings) as client:
        committed = await client.list_consumer_group_offsets(group)
        strange: dict[str, list[int]] = {}
        for place in committed:
            if place.topic.startswith(OTHER_PREFIX):
                strange.setdefault(place.topic, []).append(place.partition)

        async def is_removed() -> bool:
            return await delete_offsets(client._client, group, strange)

        await wait_for(is_removed)


MAY_NOT = r"User:keep may not {} .*kafka-acls.sh"
FAULTS = (
    Fault("broker-away", "all brokers away", broker_away, r"nothing listens there"),
    Fault("disk-full", "a broker's disk is full", disk_full, r"nothing listens there", r"its own log"),
    Fault("leader-gone", "the leader of one partition is gone", leader_gone, r"service-visits/3.*no leader"),
    Fault("address-silent", "the first bootstrap address is silent", address_silent, r"did not answer|no answer in"),
    Fault("acl-write", "ACL removed: Write on topics",
          rule_removed(AclOperation.WRITE, ResourceType.TOPIC), MAY_NOT.format("Write topic"), "kafka-acls.sh"),
    Fault("acl-read", "ACL removed: Read on topics",
          rule_removed(AclOperation.READ, ResourceType.TOPIC), MAY_NOT.format("Read topic"), "kafka-acls.sh"),
    Fault("acl-group", "ACL removed: Read on the group",
          rule_removed(AclOperation.READ, ResourceType.GROUP), MAY_NOT.format("Read group"), "kafka-acls.sh"),
    Fault("certificate-wrong", "the brokers' certificate is not trusted", certificate_wrong,
          "certificate is not trusted", "KEEPLINE_SSL_CAFILE", lasts_s=75.0),
    Fault("foreign-member", "a foreign member is in the group", foreign_member,
          "another application is in the consumer group", "give it a group of its own"),
    Fault("offsets-reset", "offsets reset by a tool", offsets_reset,
          "comes from another client or tool", "their next checkpoint replaces it"),
    Fault("second-group", "a second group on the same prefix", second_group,
          "belongs to the group prod-keepline", "set KEEPLINE_GROUP="),
    Fault("second-prefix", "a second prefix with the same group", second_prefix,
          "none of its topics", "--delete-offsets"),
    Fault("topic-deleted", "a topic is deleted", topic_deleted,
          "app-activity", "keepline topics create", leaves="made again", lasts_s=45.0),
    Fault("topic-recreated", "a topic is deleted and made again", topic_recreated,
          r"surveys.* was deleted and made again", leaves="made again"),
)  # fmt: skip
