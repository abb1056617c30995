"""Records of a fetch without an object for each: compiled code finds where keys and values lie in the fetched bytes.

It reads batches of format 2 whose checksums are right, whatever their codec. All else is left to aiokafka, which then
reads the whole fetch: aborted transactions, older formats, checksums that are wrong, what cannot be decompressed or
told apart, names of headers beyond ASCII. So the two cannot disagree about what a record is. Compiled:
schemas/native/record_batches.c.
"""

from __future__ import annotations

import struct
from ctypes import c_char_p, c_int64, c_void_p
from functools import cache
from typing import Any

import numpy as np
from aiokafka.record.util import calc_crc32c

from schemas.native.loading import compiled_code
from schemas.texts import Texts
from streams.kafka.codecs import DECODERS, MOST_BYTES
from streams.units.records import Records

# offset of the first record, bytes behind this field, leader's epoch, format, checksum; then what it is of: attributes,
# offset of the last record less the first, timestamps of first and last, producer, its epoch, sequence, records
HEADER = struct.Struct(">qiibIhiqqqhii")
LENGTH, CHECKED = struct.Struct(">qi"), struct.calcsize(">qiibI")
CODEC, APPEND_TIME, CONTROL = 0x07, 0x08, 0x20  # of the attributes
LEAST_RECORD = 7  # bytes

Batch = tuple[int, int, int, int, int]  # where its records begin and end, how many, first offset and timestamp


def read(data: bytes, start: int) -> tuple[Records, int] | None:
    """Returns the records of fetched batches from offset `start` on, and where reading goes on; None: aiokafka must."""
    library = _library()
    if library is None:
        return None
    found = _batches(data, start)
    if found is None:
        return None
    buffer, batches, next_offset, append_times = found
    n = sum(count for _, _, count, _, _ in batches)
    table, columns = np.array(batches, np.int64).reshape(-1, 5), np.empty((6, n), np.int64)
    if library.read_records(buffer, table.ctypes.data, len(table), n, columns.ctypes.data) != n:
        return None
    offsets, timestamps, *places = columns
    if n and (np.diff(offsets) <= 0).any():
        return None
    for batch, at in append_times.items():
        first = int(table[:batch, 2].sum())
        timestamps[first : first + int(table[batch, 2])] = at
    records = Records(offsets, timestamps, Texts(buffer, *places[:2]), Texts(buffer, *places[2:]))
    return records.since(start), next_offset


def _batches(data: bytes, start: int) -> tuple[bytes, list[Batch], int, dict[int, int]] | None:
    """Returns the bytes with all records, decompressed ones behind the fetched ones, the batches in them, the next
    offset, and the timestamps of batches whose records have that of the batch; None for what is not plainly right.
    """
    batches: list[Batch] = []
    more: list[bytes] = []
    append_times: dict[int, int] = {}
    size, next_offset, view = len(data), start, memoryview(data)
    at = 0
    while at + LENGTH.size <= len(data):
        begin, end = at + HEADER.size, at + LENGTH.size + LENGTH.unpack_from(data, at)[1]
        if end > len(data):
            break  # a broker cuts the last batch off
        if end < begin:
            return None
        base, _, _, form, checksum, attributes, last, first_at, last_at, _, _, _, count = HEADER.unpack_from(data, at)
        if form != 2 or calc_crc32c(view[at + CHECKED : end]) != checksum:
            return None
        at, next_offset = end, base + last + 1
        if attributes & CONTROL:
            continue
        if attributes & CODEC:
            payload = _decompressed(attributes & CODEC, view[begin:end])
            if payload is None or size + len(payload) > len(data) + MOST_BYTES:
                return None
            more.append(payload)
            begin, end = size, size + len(payload)
            size = end
        if not 0 <= count <= (end - begin) // LEAST_RECORD:
            return None
        if attributes & APPEND_TIME:
            append_times[len(batches)] = last_at
        batches.append((begin, end, count, base, first_at))
    return b"".join([data, *more]) if more else data, batches, next_offset, append_times


def _decompressed(codec: int, payload: memoryview) -> bytes | None:
    if codec > len(DECODERS):
        return None
    try:
        return list(DECODERS.values())[codec - 1](bytes(payload))
    except Exception:  # of four libraries; aiokafka meets it again, and `batches` tells it
        return None


@cache
def _library() -> Any:
    """The compiled code; None: there is none."""
    library = compiled_code()
    if library is not None:
        library.read_records.restype = c_int64
        library.read_records.argtypes = [c_char_p, c_void_p, c_int64, c_int64, c_void_p]
    return library
