"""Reads every batch that a publisher can send, also those that cannot be read; decompression is bounded (`codecs`).

A batch that cannot be decompressed, or whose records cannot be told apart, raises in aiokafka's consumer, at every
restart again. Here one record stands for it, at the batch's last offset, so that every reading gives the same.
A wrong checksum still raises: what the disk or the network broke may be whole on another replica.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from schemas.refusals import Unreadable
from streams.kafka.codecs import DECODERS
from streams.kafka.records_in_place import read
from streams.units.records import Records


class ReadableRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka ships no types
    """aiokafka's records of one fetch; see the module. A consumer whose values are "deserialized" by IN_PLACE gets one
    item a fetch, `Records`, or if compiled code does not read it, aiokafka's records.
    """

    _records: Batches
    _value_deserializer: Any
    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        in_place = self._value_deserializer is IN_PLACE and not self._aborted_transactions
        if in_place and (found := read(self._records.data, self.next_fetch_offset)):
            records, self.next_fetch_offset = found
            if len(records):
                yield records
        else:
            yield from self._one_by_one()

    def _one_by_one(self) -> Iterator[Any]:
        batches = self._records
        while True:
            try:
                yield from super()._unpack_records()
                return
            except Exception as error:
                broken = isinstance(error, CorruptRecordException) and "CRC" in str(error)
                if batches.last is None or broken:
                    raise
                yield self._stand_in(batches.last, error)

    def _stand_in(self, batch: Any, error: Exception) -> Any:
        last = batch.next_offset - 1
        value = Unreadable(f"offsets {batch.base_offset} to {last}: {error}".encode())
        self.next_fetch_offset = last + 1
        record = SimpleNamespace(
            offset=last, timestamp=-1, timestamp_type=0, key=None, value=value, headers=(), checksum=None
        )
        return self._consumer_record(self._tp, record)


class Batches:
    """The batches of a fetch, as aiokafka's `MemoryRecords`; `last`: the one that is being read."""

    def __init__(self, data: bytes) -> None:
        self.data, self.last, self._batches = data, None, MemoryRecords(data)
        self.has_next, self.size_in_bytes = self._batches.has_next, self._batches.size_in_bytes

    def next_batch(self) -> Any:
        """Returns the next batch."""
        self.last = None  # what raises here is no batch
        self.last = self._batches.next_batch()
        return self.last


def IN_PLACE(value: bytes) -> bytes:
    """Marks a consumer that takes records where they lie in the fetch."""
    return value


def by_columns(items: list[Any]) -> Records:
    """What such a consumer gets of a fetch: one item with all records, or aiokafka's records."""
    return Records.of(items[0] if len(items) == 1 and isinstance(items[0], Records) else items)


def install() -> None:
    """Gives aiokafka's consumers these records and these decompressions."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = Batches, ReadableRecords
    for batch in (DefaultRecordBatch, LegacyRecordBatch):
        module = importlib.import_module(batch.__module__)
        for name, decode in DECODERS.items():
            setattr(module, f"{name}_decode", decode)
