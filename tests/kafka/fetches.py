"""Bytes of fetches, as a broker answers them, and how the worker's consumer and others read them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record._crc32c import crc
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.kafka.batches import IN_PLACE, Batches, ReadableRecords
from streams.units.records import Records

LENGTH, CRC, ATTRIBUTES, RECORDS = 8, 17, 21, 61  # places in a batch of format 2
APPEND_TIME, CONTROL = 0x08, 0x20
Pair = tuple[bytes | None, bytes | None]
Seen = tuple[int, int, bytes | None, bytes | None]  # offset, timestamp, key, value


@dataclass(frozen=True)
class Sent:
    """A batch to be made. removed: places of records that compaction has removed."""

    pairs: Sequence[Pair]
    codec: int = 0
    headers: Sequence[tuple[str, bytes | None]] = ()
    attributes: int = 0
    removed: frozenset[int] = field(default_factory=frozenset)

    def at(self, base_offset: int) -> bytes:
        """Returns its bytes from this offset on."""
        is_empty = self.removed >= set(range(len(self.pairs)))  # a broker writes no compressed ones
        builder = DefaultRecordBatchBuilder(2, 0 if is_empty else self.codec, 0, -1, -1, -1, 1 << 30)
        for i, (key, value) in enumerate(self.pairs):
            if i not in self.removed:
                builder.append(i, 1_000 + i * i, key, value, list(self.headers))
        whole = bytearray(builder.build())
        struct.pack_into(">q", whole, 0, base_offset)
        whole[ATTRIBUTES + 1] |= self.attributes
        struct.pack_into(">i", whole, ATTRIBUTES + 2, len(self.pairs) - 1)
        return checked(whole)


def checked(whole: bytearray | bytes) -> bytes:
    """Returns a batch with its right size and checksum."""
    found = bytearray(whole)
    struct.pack_into(">i", found, LENGTH, len(found) - LENGTH - 4)
    struct.pack_into(">I", found, CRC, crc(bytes(found[ATTRIBUTES:])))
    return bytes(found)


def fetch(batches: Sequence[Sent]) -> bytes:
    """Returns batches one after another, as a fetch brings them."""
    parts, offset = [], 0
    for one in batches:
        parts.append(one.at(offset))
        offset += len(one.pairs)
    return b"".join(parts)


def damaged(data: bytes, chance: Random) -> bytes:
    """Returns a batch with other records in it and a right checksum."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(RECORDS, len(found) + 1)
        if chance.random() < 0.3:
            found[place:] = b""
        elif chance.random() < 0.5:
            found[place : place + 1] = chance.randbytes(chance.randint(0, 2))
        else:
            found[place : place + 1] = bytes([chance.choice((0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF))])
        if len(found) <= RECORDS:
            break
    return checked(found)


def read(
    data: bytes, start: int, aborted: Sequence[tuple[int, int]], *, in_place: bool
) -> tuple[list[Seen], Any, bool]:
    """Returns what a consumer gets, where it reads on or the error, and whether it was read in place."""
    mark = IN_PLACE if in_place else None
    place = TopicPartition("t", 0)
    records = ReadableRecords(place, Batches(data), list(aborted), start, None, mark, True, READ_COMMITTED)
    seen: list[Seen] = []
    whole = False
    try:
        for one in records:
            whole = isinstance(one, Records)
            seen += [(r.offset, r.timestamp, r.key, r.value) for r in (one if isinstance(one, Records) else [one])]
    except Exception as error:
        return seen, repr(error), whole
    return seen, records.next_fetch_offset, whole


def both_ways(data: bytes, start: int = 0, aborted: Sequence[tuple[int, int]] = ()) -> tuple[list[Seen], bool]:
    """Returns what a consumer gets, and whether it is read in place; raises AssertionError if the two ways differ."""
    found, on, whole = read(data, start, aborted, in_place=True)
    assert (found, on) == read(data, start, aborted, in_place=False)[:2]
    return found, whole
