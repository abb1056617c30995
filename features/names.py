"""Customers' names by the numbers in which they came, found by their bytes.

Compiled code keeps them one after another in one array, 42 bytes each with their place in a hash table, where a list
and a dict of texts take 190. Its reference is that list and dict. Compiled: schemas/native/names.c.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from ctypes import POINTER, Structure, byref, c_int64, c_uint64, c_void_p
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.native.arrays import at
from schemas.native.loading import compiled_code
from schemas.texts import Ints, Places, Texts, texts_of

FIRST_SIZE = 1 << 12
GROWTH = 1.0625  # the kernel moves the pages of a large array without copying, so small steps cost nothing


class ListedNames(Sequence[str]):
    """Distinct names."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}

    def find(self, names: Sequence[str]) -> Ints:
        """Returns the number of each; -1: it is not known."""
        return np.fromiter((self._numbers.get(name, -1) for name in names), np.int64, len(names))

    def add(self, names: Sequence[str]) -> Ints:
        """Returns the number of each; an unknown one gets the next."""
        for name in names:
            if self._numbers.setdefault(name, len(self._names)) == len(self._names):
                self._names.append(name)
        return self.find(names)

    def encoded(self, numbers: Ints) -> list[bytes]:
        """Returns names as UTF-8."""
        return [self._names[number].encode() for number in numbers.tolist()]

    def of(self, numbers: Ints) -> list[str]:
        """Returns names."""
        return [self._names[number] for number in numbers.tolist()]

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number: Any) -> Any:
        return self._names[number]


class _Names(Structure):
    _fields_ = (
        ("bytes", c_void_p), ("ends", c_void_p), ("table", c_void_p), ("n", c_int64), ("most", c_int64),
        ("room", c_int64), ("size", c_int64), ("seed", c_uint64),
    )  # fmt: skip


class CompiledNames(Sequence[str]):
    """The same."""

    def __init__(self, library: Any) -> None:
        self._library, self._n = library, 0
        self._bytes, self._ends = np.zeros(FIRST_SIZE, np.uint8), np.zeros(FIRST_SIZE, np.int64)
        self._text, self._at = memoryview(self._bytes), memoryview(self._ends)  # type: ignore[arg-type]  # as bytes are
        self._table = np.zeros(FIRST_SIZE, np.uint64)
        self._seed = int.from_bytes(os.urandom(8), "little")  # who makes up names cannot know their places

    def find(self, names: Sequence[str]) -> Ints:
        """Returns the number of each; -1: it is not known."""
        return self._find(texts_of(names))[0]

    def add(self, names: Sequence[str]) -> Ints:
        """Returns the number of each; an unknown one gets the next."""
        texts = texts_of(names)
        numbers, unknown = self._find(texts)
        if unknown:
            new = numbers < 0
            self._reserve(unknown, int((texts.ends - texts.begins)[new].sum()))
            self._n = self._library.add_names(self._struct(), texts.places(), len(texts), at(numbers))
            assert self._n >= 0, "the room that was reserved does not suffice"
        return numbers

    def encoded(self, numbers: Ints) -> list[bytes]:
        """Returns names as UTF-8."""
        joined, ends = self._joined(numbers)
        return [joined[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def _joined(self, numbers: Ints) -> tuple[bytes, list[int]]:
        """Returns names as UTF-8, one after another, and where each ends."""
        numbers = np.ascontiguousarray(numbers, np.int64)
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < self._n:
            raise IndexError(f"names of {numbers.min()} to {numbers.max()}, there are {self._n}")
        sizes = self._ends[numbers + 1] - self._ends[numbers]
        joined, ends = np.empty(int(sizes.sum()), np.uint8), np.empty(len(numbers), np.int64)
        self._library.copy_names(self._struct(), at(numbers), len(numbers), at(joined), len(joined), at(ends))
        return joined.tobytes(), ends.tolist()

    def of(self, numbers: Ints) -> list[str]:
        """Returns names."""
        joined, ends = self._joined(numbers)
        if not joined.isascii():
            return list(map(bytes.decode, self.encoded(numbers)))
        text = joined.decode()
        return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.find([name])[0] >= 0

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, number: Any) -> Any:
        place = range(self._n)[number]
        if isinstance(place, range):
            return self.of(np.array(place, np.int64))
        return str(self._text[self._at[place] : self._at[place + 1]], "utf-8")

    def __iter__(self) -> Iterator[str]:
        return iter(self.of(np.arange(self._n)))

    def _find(self, texts: Texts) -> tuple[Ints, int]:
        numbers = np.empty(len(texts), np.int64)
        return numbers, self._library.find_names(self._struct(), texts.places(), len(texts), at(numbers))

    def _reserve(self, more: int, more_bytes: int) -> None:
        n = self._n + more
        grow(self._ends, n + 1)
        grow(self._bytes, int(self._ends[self._n]) + more_bytes)
        self._text, self._at = memoryview(self._bytes), memoryview(self._ends)  # type: ignore[arg-type]
        if 4 * n > 3 * len(self._table):
            self._table = np.zeros(1 << (2 * n).bit_length(), np.uint64)
            self._library.enter_names(self._struct())

    def _struct(self) -> Any:
        return byref(
            _Names(
                at(self._bytes), at(self._ends), at(self._table), self._n, len(self._ends) - 1, len(self._bytes),
                len(self._table), self._seed,
            )
        )  # fmt: skip


Names = ListedNames | CompiledNames


def new_names() -> Names:
    """Returns names, by compiled code if there is some."""
    library = _library()
    return ListedNames() if library is None else CompiledNames(library)


def grow(array: NDArray[Any], n: int) -> None:
    """Gives an array room for n, in place; nothing else may refer to its memory."""
    if n > len(array):
        array.resize((max(n, int(len(array) * GROWTH)), *array.shape[1:]), refcheck=False)


@cache
def _library() -> Any:
    """The compiled code; None: there is none."""
    library = compiled_code()
    if library is not None:
        names, of_each = POINTER(_Names), (POINTER(Places), c_int64, c_void_p)
        library.find_names.argtypes = library.add_names.argtypes = [names, *of_each]
        library.copy_names.argtypes = [names, c_void_p, c_int64, c_void_p, c_int64, c_void_p]
        library.enter_names.argtypes, library.enter_names.restype = [names], None
        library.find_names.restype = library.add_names.restype = library.copy_names.restype = c_int64
    return library
