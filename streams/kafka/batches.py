"""Reads every batch that a publisher can send: aiokafka's decompression, bounded, and batches that cannot be read.

A batch that cannot be decompressed, or whose records cannot be told apart, raises in aiokafka's consumer, at every
restart again. Here one record stands for it, at the batch's last offset, so that every reading gives the same.
A wrong checksum still raises: what the disk or the network broke may be whole on another replica.
"""

from __future__ import annotations

import gzip
import importlib
import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import cramjam
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch

from schemas.refusals import Unreadable

MOST_BYTES = 64 << 20  # of a batch, decompressed: 1 MiB of zstd can be 10 GiB of zeros
FIRST_BYTES, GROWTH = 1 << 20, 8


class ReadableRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka ships no types
    """aiokafka's records of one fetch; see the module."""

    _records: Any

    def _unpack_records(self) -> Iterator[Any]:
        batches = self._records = _Batches(self._records)
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


class _Batches:
    """The batches of a fetch; `last`: the one that is being read."""

    def __init__(self, batches: Any) -> None:
        self._batches, self.last = batches, None
        self.has_next = batches.has_next

    def next_batch(self) -> Any:
        self.last = None  # what raises here is no batch
        self.last = self._batches.next_batch()
        return self.last


def install() -> None:
    """Gives aiokafka's consumers these records and these decompressions."""
    fetcher.PartitionRecords = ReadableRecords
    for batch in (DefaultRecordBatch, LegacyRecordBatch):
        module = importlib.import_module(batch.__module__)
        for name, decode in DECODERS.items():
            setattr(module, name, decode)


def _bounded(decompress_into: Callable[..., int]) -> Callable[[Any], bytes]:
    """Returns a decompression into a buffer that grows up to MOST_BYTES."""

    def decode(payload: Any) -> bytes:
        size = FIRST_BYTES
        while True:
            buffer = bytearray(size)
            try:
                return bytes(memoryview(buffer)[: decompress_into(payload, buffer)])
            except cramjam.DecompressionError as error:
                if "whole buffer" not in str(error):
                    raise
            if size >= MOST_BYTES:
                raise _too_large()
            size = min(size * GROWTH, MOST_BYTES)

    return decode


def _gzip(payload: Any) -> bytes:
    found = gzip.GzipFile(fileobj=io.BytesIO(payload)).read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise _too_large()
    return found


def _too_large() -> ValueError:
    return ValueError(f"more than {MOST_BYTES >> 20} MiB after decompression")


DECODERS: dict[str, Callable[[Any], bytes]] = {
    "gzip_decode": _gzip,
    "snappy_decode": codec.snappy_decode,  # bounded by its format: 64 bytes of 3
    "lz4_decode": _bounded(cramjam.lz4.decompress_into),
    "zstd_decode": _bounded(cramjam.zstd.decompress_into),
}
