"""Byte strings that lie in one buffer, as a sequence: without an object for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Texts(Sequence[bytes | None]):
    """The bytes between begins and ends, both (n,) and contiguous; a begin of -1 is None."""

    buffer: bytes
    begins: Ints
    ends: Ints

    @staticmethod
    def of(values: Sequence[bytes | None]) -> Texts:
        """Returns the same values, joined; those that are joined already as they are."""
        if isinstance(values, Texts):
            return values
        if None not in values:
            ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))  # type: ignore[arg-type]  # no None
            return Texts(b"".join(values), np.concatenate([[0], ends[:-1]])[: len(ends)], ends)  # type: ignore[arg-type]
        known = Texts.of([value or b"" for value in values])
        missing = np.array([value is None for value in values])
        return Texts(known.buffer, np.where(missing, -1, known.begins), np.where(missing, -1, known.ends))

    def __len__(self) -> int:
        return len(self.begins)

    @overload
    def __getitem__(self, place: int) -> bytes | None: ...
    @overload
    def __getitem__(self, place: slice) -> Texts: ...
    def __getitem__(self, place: int | slice) -> bytes | Texts | None:
        if isinstance(place, slice):
            begins, ends = np.ascontiguousarray(self.begins[place]), np.ascontiguousarray(self.ends[place])
            return Texts(self.buffer, begins, ends)
        begin = int(self.begins[place])
        return None if begin < 0 else self.buffer[begin : int(self.ends[place])]

    def __iter__(self) -> Iterator[bytes | None]:
        buffer = self.buffer
        for begin, end in zip(self.begins.tolist(), self.ends.tolist(), strict=True):
            yield None if begin < 0 else buffer[begin:end]
