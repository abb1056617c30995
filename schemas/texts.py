"""Byte strings that lie in one buffer, as a sequence: without an object for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import Structure, c_char_p, c_void_p
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Places(Structure):
    """Texts as compiled code takes them (native/texts.h)."""

    _fields_ = (("bytes", c_char_p), ("begins", c_void_p), ("ends", c_void_p))


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
            sizes = np.fromiter(map(len, values), np.int64, len(values))  # type: ignore[arg-type]  # no None
            return Texts.ending_at(b"".join(values), np.cumsum(sizes))  # type: ignore[arg-type]
        known = Texts.of([value or b"" for value in values])
        missing = np.array([value is None for value in values])
        return Texts(known.buffer, np.where(missing, -1, known.begins), np.where(missing, -1, known.ends))

    @staticmethod
    def ending_at(joined: bytes, ends: Ints) -> Texts:
        """Returns values that lie one after another."""
        return Texts(joined, np.concatenate([[0], ends[:-1]])[: len(ends)].astype(np.int64, copy=False), ends)

    def places(self) -> Places:
        """Returns what compiled code takes, as long as this is alive."""
        return Places(self.buffer, self.begins.ctypes.data, self.ends.ctypes.data)

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


@dataclass(frozen=True, slots=True)
class Strings(Sequence[str]):
    """Texts in UTF-8, none of them None, as strings."""

    texts: Texts

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Strings: ...
    def __getitem__(self, place: int | slice) -> str | Strings:
        if isinstance(place, slice):
            return Strings(self.texts[place])
        return (self.texts[place] or b"").decode()

    def __iter__(self) -> Iterator[str]:
        return map(bytes.decode, self.texts)  # type: ignore[arg-type]  # none of them is None


def texts_of(strings: Sequence[str]) -> Texts:
    """Returns strings in UTF-8."""
    if isinstance(strings, Strings):
        return strings.texts
    if not (joined := "".join(strings)).isascii():
        return Texts.of([one.encode() for one in strings])
    sizes = np.fromiter(map(len, strings), np.int64, len(strings))
    return Texts.ending_at(joined.encode(), np.cumsum(sizes))


def places_of(values: Sequence[bytes | None], value: bytes) -> list[int]:
    """Returns where a value stands."""
    some: Sequence[int] = range(len(values))
    if isinstance(values, Texts):
        some = np.flatnonzero(values.ends - values.begins == len(value)).tolist()
    return [i for i in some if values[i] == value]
