"""Records of one partition of a topic, by columns, as a sequence of records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np

from schemas.texts import Ints


class TopicRecord(NamedTuple):
    """One of them. timestamp: in ms, -1 if unknown."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Records(Sequence[TopicRecord]):
    """Ascending offsets, timestamps, both (n,); keys and values: n each, perhaps where they lie in fetched bytes."""

    offsets: Ints
    timestamps: Ints
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]

    @staticmethod
    def of(records: Sequence[Any]) -> Records:
        """Returns the same records by columns; each needs an offset, a key and a value."""
        if isinstance(records, Records):
            return records
        return Records(
            np.array([one.offset for one in records], np.int64),
            np.array([getattr(one, "timestamp", -1) for one in records], np.int64),
            [one.key for one in records],
            [one.value for one in records],
        )

    def since(self, offset: int) -> Records:
        """Returns those from an offset on."""
        first = int(np.searchsorted(self.offsets, offset))
        return self[first:] if first else self

    def __iter__(self) -> Iterator[TopicRecord]:
        columns = self.offsets.tolist(), self.timestamps.tolist(), self.keys, self.values
        return map(TopicRecord._make, zip(*columns, strict=True))

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, place: int) -> TopicRecord: ...
    @overload
    def __getitem__(self, place: slice) -> Records: ...
    def __getitem__(self, place: int | slice) -> TopicRecord | Records:
        if isinstance(place, slice):
            return Records(self.offsets[place], self.timestamps[place], self.keys[place], self.values[place])
        return TopicRecord(int(self.offsets[place]), int(self.timestamps[place]), self.keys[place], self.values[place])
