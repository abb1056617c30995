"""Requests of Kafka that aiokafka has no code for: a topic's id, which producers have a transaction open, and what a
client is allowed to do.

A topic that is deleted and made again keeps its name and gets another id (KIP-516). A transaction that is never ended
holds back every committed reader of its partition; its producer is found by asking the partition (KIP-664). Brokers
tell a client which operations it may do on a topic (KIP-430).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, ClassVar
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    NodeNotReadyError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from schemas.alerts import Alert, AlertKind

UUID_BYTES = 16
UNKNOWN = -(1 << 31)  # a broker that does not tell what is allowed
# bit of an operation in what a broker tells (AclOperation)
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Alter": 7, "Describe": 8}
TAGS = ("tags", TaggedFields)
Text = CompactString("utf-8")


class Uuid(AbstractType[bytes]):
    """16 bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """As it is."""
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        """As it is."""
        return data.read(UUID_BYTES)


class TopicIdsResponse(Response):
    """Metadata, version 10: the first with ids of topics."""

    API_KEY, API_VERSION = 3, 10
    SCHEMA: ClassVar[Schema] = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(("node_id", Int32), ("host", Text), ("port", Int32), ("rack", Text), TAGS)),
        ("cluster_id", Text),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", Text),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        TAGS,
                    ),
                ),
                ("authorized_operations", Int32),
                TAGS,
            ),
        ),
        ("cluster_authorized_operations", Int32),
        TAGS,
    )


class TopicIdsStruct(RequestStruct):
    """Metadata, version 10."""

    API_KEY, API_VERSION, FLEXIBLE_VERSION, RESPONSE_TYPE = 3, 10, True, TopicIdsResponse
    SCHEMA: ClassVar[Schema] = Schema(
        ("topics", CompactArray(("topic_id", Uuid), ("name", Text), TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        TAGS,
    )


class TopicIdsRequest(Request[TopicIdsStruct]):
    """Asks for topics by their names. operations: also for what this client may do with them."""

    API_KEY = 3

    def __init__(self, names: Iterable[str], operations: bool = False) -> None:
        self._topics: list[Any] = [(bytes(UUID_BYTES), name, {}) for name in names]
        self._operations = operations

    def build(self, request_struct_class: type[TopicIdsStruct]) -> TopicIdsStruct:
        """Asks for nothing to be created."""
        return request_struct_class(self._topics, False, False, self._operations, {})


class ProducersResponse(Response):
    """DescribeProducers, version 0."""

    API_KEY, API_VERSION = 61, 0
    SCHEMA: ClassVar[Schema] = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", Text),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("error_message", Text),
                        (
                            "active_producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("current_txn_start_offset", Int64),
                                TAGS,
                            ),
                        ),
                        TAGS,
                    ),
                ),
                TAGS,
            ),
        ),
        TAGS,
    )


class ProducersStruct(RequestStruct):
    """DescribeProducers, version 0."""

    API_KEY, API_VERSION, FLEXIBLE_VERSION, RESPONSE_TYPE = 61, 0, True, ProducersResponse
    SCHEMA: ClassVar[Schema] = Schema(
        ("topics", CompactArray(("name", Text), ("partitions", CompactArray(Int32)), TAGS)), TAGS
    )


class ProducersRequest(Request[ProducersStruct]):
    """Asks a partition's leader for the producers that are active in it."""

    API_KEY = 61

    def __init__(self, place: TopicPartition) -> None:
        self._place = place

    def build(self, request_struct_class: type[ProducersStruct]) -> ProducersStruct:
        """Of one partition."""
        return request_struct_class([(self._place.topic, [self._place.partition], {})], {})


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that has not ended."""

    place: TopicPartition
    producer_id: int
    first_offset: int
    last_timestamp_ms: int

    def alert(self, hidden: int) -> Alert:
        """For on-call. hidden: how many offsets it holds back."""
        text = (
            f"{self.place.topic}/{self.place.partition}: a transaction of producer {self.producer_id} is open since "
            f"offset {self.first_offset}, the frontier waits for its end; it hides {hidden} offsets; to abort it: "
            f"{self.command}"
        )
        subject, figures = f"{self.place.topic}/{self.place.partition}", {"offset": self.first_offset, "hidden": hidden}
        return Alert(AlertKind.OPEN_TRANSACTION, subject, text, {"producer_id": self.producer_id} | figures)

    @property
    def command(self) -> str:
        """What ends it, with the tools that Apache Kafka brings."""
        return (
            f"kafka-transactions.sh --bootstrap-server HOST:PORT abort --topic {self.place.topic} "
            f"--partition {self.place.partition} --start-offset {self.first_offset}"
        )


@dataclass(frozen=True, slots=True)
class Described:
    """A topic as the brokers have it. leaderless: the partitions that no broker leads, with the brokers (node ids)
    that have copies.
    """

    id: str
    leaderless: Mapping[int, Sequence[int]]


async def described(client: AIOKafkaClient, names: Iterable[str]) -> dict[str, Described]:
    """Topics by name, without those that are not there; none of brokers before 2.8, which know no ids."""
    topics = await _topics(client, TopicIdsRequest(names))
    return {
        name: Described(
            str(UUID(bytes=id_)),
            {number: sorted(copies) for _, number, leader, _, copies, *_ in partitions if leader < 0},
        )
        for error, name, id_, _, partitions, *_ in topics
        if not error
    }


async def topic_ids(client: AIOKafkaClient, names: Iterable[str]) -> dict[str, str]:
    """Ids by name."""
    return {name: topic.id for name, topic in (await described(client, names)).items()}


async def allowed_on_topics(client: AIOKafkaClient, names: Iterable[str]) -> dict[str, set[str]]:
    """The operations that are allowed, by topic; of topics that are there, and of brokers that tell (2.3 and later)."""
    topics = await _topics(client, TopicIdsRequest(names, operations=True))
    allowed = {name: _operations(bits) for error, name, *_, bits, _ in topics if not error and bits != UNKNOWN}
    forbidden = TopicAuthorizationFailedError.errno  # not even to see it
    return allowed | {name: set() for error, name, *_ in topics if error == forbidden}


async def may_join(client: AIOKafkaClient, group: str) -> bool:
    """Whether this client may be a member of a group: a heartbeat of nobody needs the same right, and does nothing."""
    try:
        coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
    except GroupAuthorizationFailedError:
        return False
    answer: Any = await client.send(coordinator, HeartbeatRequest(group, 0, "nobody"))
    return bool(answer.error_code != GroupAuthorizationFailedError.errno)


async def _topics(client: AIOKafkaClient, request: TopicIdsRequest) -> Sequence[Any]:
    """The topics in a broker's answer; none where it does not know the request."""
    try:
        answer = await _from_any(client, request)
    except (IncompatibleBrokerVersion, NotImplementedError):
        return []
    found: Sequence[Any] = answer.topics
    return found


async def _from_any(client: AIOKafkaClient, request: Request[Any]) -> Any:
    """The answer of one of the brokers: clients know one that has gone away for some time yet."""
    nodes = [broker.nodeId for broker in client.cluster.brokers()]
    random.shuffle(nodes)
    while True:
        try:
            return await client.send(nodes.pop() if nodes else None, request)
        except (NodeNotReadyError, KafkaConnectionError):
            if not nodes:
                raise


def _operations(bits: int) -> set[str]:
    return {name for name, bit in OPERATIONS.items() if bits >> bit & 1}


async def open_transactions(client: AIOKafkaClient, place: TopicPartition) -> list[OpenTransaction]:
    """The transactions that are open in a partition, the oldest first; brokers before 3.0 do not say."""
    leader = client.cluster.leader_for_partition(place)
    if leader is None:  # a client keeps the metadata of topics that it was told of
        await client.add_topic(place.topic)
        leader = client.cluster.leader_for_partition(place)
    if leader is None:
        return []
    try:
        answer: Any = await client.send(leader, ProducersRequest(place))
    except (IncompatibleBrokerVersion, NotImplementedError):
        return []
    found = [
        OpenTransaction(place, producer_id, first, timestamp_ms)
        for _, partitions, _ in answer.topics
        for _, _, _, producers, _ in partitions
        for producer_id, _, _, timestamp_ms, _, first, _ in producers or ()
        if first >= 0
    ]
    return sorted(found, key=lambda one: one.first_offset)
