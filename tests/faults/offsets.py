"""Removes offsets of a group, as `kafka-consumer-groups.sh --delete-offsets` does: aiokafka has no code for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

TEXT = String("utf-8")


class OffsetDeleteResponse(Response):
    """OffsetDelete, version 0."""

    API_KEY, API_VERSION = 47, 0
    SCHEMA: ClassVar[Schema] = Schema(
        ("error_code", Int16),
        ("throttle_time_ms", Int32),
        ("topics", Array(("name", TEXT), ("partitions", Array(("partition", Int32), ("error_code", Int16))))),
    )


class OffsetDeleteStruct(RequestStruct):
    """OffsetDelete, version 0."""

    API_KEY, API_VERSION, RESPONSE_TYPE = 47, 0, OffsetDeleteResponse
    SCHEMA: ClassVar[Schema] = Schema(
        ("group_id", TEXT), ("topics", Array(("name", TEXT), ("partitions", Array(Int32))))
    )


class OffsetDeleteRequest(Request[OffsetDeleteStruct]):
    """Of a group, by topic the partitions."""

    API_KEY = 47

    def __init__(self, group: str, topics: Mapping[str, Sequence[int]]) -> None:
        self._group, self._topics = group, [(name, list(numbers)) for name, numbers in topics.items()]

    def build(self, request_struct_class: type[OffsetDeleteStruct]) -> OffsetDeleteStruct:
        """Returns the request."""
        return request_struct_class(self._group, self._topics)


async def delete_offsets(client: AIOKafkaClient, group: str, topics: Mapping[str, Sequence[int]]) -> bool:
    """Returns whether all were removed: those that a member reads are not."""
    coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
    answer: Any = await client.send(coordinator, OffsetDeleteRequest(group, topics))
    return not answer.error_code and not any(error for _, parts in answer.topics for _, error in parts)
