"""The binary format of a customer's row in the changelog.

    byte 0      format version (1)
    bytes 1-4   hash of the columns' names: it differs for another catalogue
    bytes 5-8   CRC-32 of the numbers
    then        the numbers, float64 little endian

A row of an earlier release lacks columns; they get the values that they have in a new row. A row of another catalogue
raises Failure, one of a newer format NewerRecord; both name the remedy. What has no valid checksum is no row of ours.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from schemas.errors import Failure, NewerRecord
from schemas.native import arrays
from schemas.texts import Texts

VERSION = 1
HEADER = struct.Struct("<BII")
SUM = slice(5, 9)  # the checksum in it


class RowFormat:
    """Rows of this release's columns, and what earlier releases have written."""

    def __init__(self, columns: Sequence[str], empty: Array, added: Sequence[Sequence[str]] = ()) -> None:
        """empty: (columns,), a new row; added: the columns that came with a release, the newest release first."""
        self.width, self._signature, self._empty = len(columns), _signature(columns), empty
        self._head = HEADER.pack(VERSION, self._signature, 0)[: SUM.start]
        self._there: dict[tuple[int, int], NDArray[np.intp]] = {}  # signature and width of a release -> its columns
        known = list(columns)
        for names in ((), *added):
            known = [name for name in known if name not in names]
            places = np.array([i for i, name in enumerate(columns) if name in known], np.intp)
            self._there[_signature(known), len(known)] = places

    def pack(self, rows: Array) -> list[bytes]:
        """Returns n values of the changelog. rows: (n, columns)."""
        numbers, size = np.ascontiguousarray(rows, "<f8").tobytes(), self.width * 8
        packed = np.empty((len(rows), HEADER.size + size), np.uint8)
        packed[:, : SUM.start] = np.frombuffer(self._head, np.uint8)
        sums = _checksums(numbers, np.arange(0, len(numbers), size), size)
        packed[:, SUM] = sums.astype("<u4").view(np.uint8).reshape(-1, 4)
        packed[:, SUM.stop :] = np.frombuffer(numbers, np.uint8).reshape(-1, size)
        data = packed.tobytes()
        return [data[i : i + packed.shape[1]] for i in range(0, len(data), packed.shape[1])]

    def are_usual(self, values: Texts) -> NDArray[np.bool_]:
        """(values,): rows of this release, by their checksums. What others are says `is_row`."""
        usual: NDArray[np.bool_] = (values.begins >= 0) & (values.ends - values.begins == HEADER.size + self.width * 8)
        places = values.begins[usual]
        heads = np.frombuffer(values.buffer, np.uint8)[places[:, None] + np.arange(HEADER.size)]
        ours = (heads[:, : SUM.start] == np.frombuffer(self._head, np.uint8)).all(axis=1)
        sums = np.ascontiguousarray(heads[:, SUM]).view("<u4")[:, 0]
        usual[usual] = ours & (sums == _checksums(values.buffer, places + HEADER.size, self.width * 8))
        return usual

    def load(self, values: Texts, slots: NDArray[np.intp], rows: Array) -> None:
        """Writes usual values into the rows of slots, (all slots, columns); of several for one slot the last stays."""
        if not arrays.copy(values.buffer, values.begins + HEADER.size, rows, slots):
            rows[slots] = self.unpack(list(filter(None, values)))

    def unpack(self, values: Sequence[bytes]) -> Array:
        """Returns the rows, (n, columns), of values that `is_row` accepts."""
        rows = np.tile(self._empty, (len(values), 1))
        found = [(HEADER.unpack_from(value)[1], (len(value) - HEADER.size) // 8) for value in values]
        for written in dict.fromkeys(found):
            places = np.flatnonzero([one == written for one in found])
            rows[np.ix_(places, self._there[written])] = _numbers([values[i] for i in places.tolist()], written[1])
        return rows

    def is_row(self, value: bytes) -> bool:
        """Whether a value is a row of ours, by its checksum. Raises NewerRecord, and Failure for another catalogue."""
        if len(value) <= HEADER.size:
            return False
        version, found, checksum = HEADER.unpack_from(value)
        if zlib.crc32(memoryview(value)[HEADER.size :]) != checksum or version < VERSION:
            return False
        if version > VERSION:
            raise NewerRecord(
                f"a state row of format {version}, this release knows formats up to {VERSION}: a newer release wrote "
                "it; run that release"
            )
        if (found, (len(value) - HEADER.size) / 8) in self._there:
            return True
        raise Failure(
            f"a state row of another feature catalogue ({found:08x}, {len(value)} bytes; this release has "
            f"{self._signature:08x}, {HEADER.size + self.width * 8} bytes): run the release that wrote it, or delete "
            "the state topic and replay the inputs"
        )


def _signature(columns: Sequence[str]) -> int:
    return zlib.crc32("\n".join(columns).encode())


def _checksums(data: bytes, places: NDArray[np.int64], size: int) -> NDArray[np.uint32]:
    """Returns the CRC-32 of `size` bytes from each place on."""
    if (found := arrays.checksums(data, places, size)) is not None:
        return found
    view = memoryview(data)
    return np.array([zlib.crc32(view[place : place + size]) for place in places.tolist()], np.uint32)


def _numbers(values: Sequence[bytes], width: int) -> Array:
    table = np.frombuffer(b"".join(values), np.uint8).reshape(len(values), HEADER.size + width * 8)
    return np.ascontiguousarray(table[:, HEADER.size :]).view("<f8").astype(np.float64, copy=False)
