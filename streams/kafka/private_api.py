"""The private parts of Faust and aiokafka that the transport uses, as they were in the tested versions.

Another version may have changed them without notice, and a consumer that behaves differently loses records.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.producer.sender import BaseHandler, SendProduceReqHandler
from aiokafka.producer.transaction_manager import TransactionManager
from faust.serializers.schemas import Schema
from faust.tables.manager import TableManager
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from faust.types.tuples import ConsumerMessage

from schemas.errors import Failure

TESTED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}

# what -> the names of its parameters
SIGNATURES: dict[Any, str] = {
    Schema.compile: "self app on_key_decode_error on_value_decode_error default_propagate",
    AIOKafkaConsumerThread._create_worker_consumer: "self transport",
    AIOKafkaConsumerThread._fetch_records: "self consumer active_partitions timeout max_records",
    AIOKafkaConsumerThread._seek_wait: "self consumer partitions",
    AIOKafkaConsumerThread._ensure_consumer: "self",
    Consumer._new_consumer_thread: "self",
    FaustConsumer._getmany: "self active_partitions timeout",
    FaustConsumer.getmany: "self timeout",
    FaustConsumer.perform_seek: "self",
    FaustConsumer.on_partitions_revoked: "self revoked",
    FaustConsumer.on_partitions_assigned: "self assigned generation_id",
    TableManager._update_channels: "self",
    ConsumerMessage.__init__: "self topic partition offset timestamp timestamp_type headers key value checksum "
    "serialized_key_size serialized_value_size tp time_in time_out time_total generation_id",
    GroupCoordinator._do_heartbeat: "self",
    GroupCoordinator.fetch_committed_offsets: "self partitions",
    PartitionRecords._unpack_records: "self",
    PartitionRecords._consumer_record: "self tp record",
    Fetcher.fetched_records: "self partitions timeout max_records",
    Fetcher._proc_fetch_request: "self assignment node_id request",
}

# where -> what its source must mention
MENTIONS: dict[Any, tuple[str, ...]] = {
    AIOKafkaConsumer.__init__: (
        "self._client = AIOKafkaClient(",
        "self._fetch_max_wait_ms =",
        "self._isolation_level =",
        "self._subscription =",
    ),
    GroupCoordinator.__init__: ("self._pending_exception =", "self._coordination_task =", "self._closing ="),
    GroupCoordinator._heartbeat_routine: ("await self._do_heartbeat()",),
    GroupCoordinator._maybe_leave_group: ("LeaveGroupRequest(self.group_id, self.member_id)", "self._send_req("),
    AIOKafkaProducer.__init__: ("self.client = AIOKafkaClient(",),
    AIOKafkaConsumerThread.on_start: ("await self._consumer.start()",),
    PartitionRecords.__init__: (
        "self._records =",
        "self.next_fetch_offset =",
        "self._value_deserializer =",
        "self._aborted_transactions =",
    ),
    Fetcher.__init__: ("self._prefetch_backoff =", "self._value_deserializer ="),
    Fetcher._proc_fetch_request: (
        "for topic, partitions in request.topics:",
        "tp_state.timestamp = now_ms",
        "MemoryRecords(part_data[-1])",
    ),
    AIOKafkaClient.bootstrap: ("await create_conn(", "except (OSError, KafkaError, asyncio.TimeoutError)"),
    AIOKafkaClient._get_conn: ("await create_conn(", "except (OSError, asyncio.TimeoutError, KafkaError)"),
    BaseHandler.do: ("self._sender.client.send(",),
    SendProduceReqHandler.do: ("self._client.send(",),
    TransactionManager: ("def wait_for_transaction_end(self)", "self._transaction_waiter.set_exception(exc)"),
    TableManager.on_start: ("await self._update_channels()", "await self.recovery.start()"),
    TopicPartitionState: ("def position(self)", "def has_valid_position(self)"),
}


def check() -> None:
    """Raises Failure naming what changed and the versions that work."""
    moved = [_name(what) for what, expected in SIGNATURES.items() if _parameters(what) != expected]
    moved += [
        f"{_name(where)} ({text})"
        for where, texts in MENTIONS.items()
        for text in texts
        if text not in inspect.getsource(where)
    ]
    if moved:
        have = ", ".join(f"{name} {version(name)}" for name in TESTED)
        want = ", ".join(f"{name}=={number}" for name, number in TESTED.items())
        raise Failure(
            f"{', '.join(moved)} changed in {have}; the worker was tested with {want}: install those versions"
        )


def _parameters(what: Any) -> str:
    return " ".join(inspect.signature(what).parameters)


def _name(what: Any) -> str:
    return f"{what.__module__}.{what.__qualname__}"
