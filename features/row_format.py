"""The binary format of a customer's row in the changelog.

    byte 0      format version (1)
    bytes 1-4   hash of the columns' names: it differs for another catalogue
    bytes 5-8   CRC-32 of the numbers
    then        the numbers, float64 little endian

A row of another catalogue raises Failure, one of a newer version NewerRecord; both name the remedy. What has no valid
checksum is no row of ours. Rows are never converted.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from features.portable_math import Array
from schemas.errors import Failure, NewerRecord

VERSION = 1
HEADER = struct.Struct("<BII")


def signature(columns: tuple[str, ...]) -> int:
    """Returns the hash of the columns' names that is stored in each row."""
    return zlib.crc32("\n".join(columns).encode())


def pack(rows: Array, columns_signature: int) -> list[bytes]:
    """Returns n values of the changelog. rows: (n, columns)."""
    raw, size = np.ascontiguousarray(rows, "<f8").tobytes(), rows.shape[1] * 8
    numbers = [raw[i : i + size] for i in range(0, len(raw), size)]
    return [HEADER.pack(VERSION, columns_signature, zlib.crc32(part)) + part for part in numbers]


@dataclass(frozen=True, slots=True)
class Before:
    """The rows of the release before: their signature, the column that they lack, and its value in a new row."""

    columns_signature: int
    lacked: int
    value: float

    def widened(self, values: list[bytes], width: int, columns_signature: int) -> list[bytes]:
        """Returns the same rows with that column."""
        rows = unpack(values, self.columns_signature, width - 1)
        return pack(np.insert(rows, self.lacked, self.value, axis=1), columns_signature)


def unpack(values: list[bytes], columns_signature: int, width: int, before: Before | None = None) -> Array:
    """Returns the rows, (n, width), of values that `is_row` accepts. before: the format of the release before."""
    size = HEADER.size + width * 8
    if before is not None and any(len(value) < size for value in values):
        old = [i for i, value in enumerate(values) if len(value) < size]
        widened = before.widened([values[i] for i in old], width, columns_signature)
        values = list(values)
        for i, value in zip(old, widened, strict=True):
            values[i] = value
    table = np.frombuffer(b"".join(values), np.uint8).reshape(len(values), size)
    return np.ascontiguousarray(table[:, HEADER.size :]).view("<f8").astype(np.float64, copy=False)


def is_row(value: bytes, columns_signature: int, width: int, before: Before | None = None) -> bool:
    """Whether a value is a row of ours, by its checksum. Raises NewerRecord, and Failure for another catalogue."""
    if len(value) <= HEADER.size:
        return False
    version, found, checksum = HEADER.unpack_from(value)
    if zlib.crc32(memoryview(value)[HEADER.size :]) != checksum or version < VERSION:
        return False
    if version > VERSION:
        raise NewerRecord(
            f"a state row of format {version}, this release knows formats up to {VERSION}: a newer release wrote it; "
            "run that release"
        )
    numbers = (len(value) - HEADER.size) / 8
    if (found, numbers) == (columns_signature, width):
        return True
    if before is not None and (found, numbers) == (before.columns_signature, width - 1):
        return True
    raise Failure(
        f"a state row of another feature catalogue ({found:08x}, {len(value)} bytes; this release has "
        f"{columns_signature:08x}, {HEADER.size + width * 8} bytes): run the release that wrote it, or delete the "
        "state topic and replay the inputs"
    )
