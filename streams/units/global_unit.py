"""Base of learner and dispatcher: one unit for all partitions. It applies an instant that all partitions have reported,
and keeps its state in a few rows of its changelog.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from schemas.errors import Failure
from schemas.instants import format_instant, parse_instant
from streams.inputs.merge import OffsetGap
from streams.units.seal import sealed_rows
from streams.units.sources import need_whole
from streams.units.strays import ChangelogRows, Strays
from streams.units.unit import POSITION, Clock, Output, Record

NEVER_US = (1 << 63) - 1


@dataclass(frozen=True)
class InstantBatch:
    """One instant with the partitions' reports, or the end."""

    feed: object
    base: dict[str, int]
    position: dict[str, int]
    instant_us: int

    @property
    def ended(self) -> bool:
        """Whether all partitions have ended."""
        return self.instant_us == NEVER_US


B = TypeVar("B", bound=InstantBatch)


class InstantFeed(ABC, Generic[B]):
    """An instant is complete when every partition has reported it or a later one. Without `waits` instants are taken as
    they come.
    """

    def __init__(
        self, position: dict[str, int], partitions: int, until_us: int, strays: Strays, *, waits: bool = True
    ) -> None:
        """position: of the only source; until_us: the last instant that was taken; strays: counts what is not ours."""
        self.strays = strays
        ((self.source, self.read),) = position.items()
        self.position, self.partitions, self.until_us, self.waits = dict(position), partitions, until_us, waits
        self.instants: set[int] = set()
        self.offsets: list[tuple[int, int]] = []  # (instant, offset) of records that are not taken yet
        self.reported: dict[int, int] = {}  # partition -> last instant that it has reported

    def offer(self, source: str, base: int, records: Sequence[Record], now_us: int, latest_us: int = 0) -> None:
        """Adds records, without those of instants that were taken before. Raises OffsetGap."""
        if base > self.read:
            raise OffsetGap(f"{source} was read from {base}, expected {self.read}: records between them are missing")
        for record in records:
            if record.offset >= self.read:
                self.read = record.offset + 1
                body = self.strays.body(self.source, 0, record)
                if body is not None:
                    self._take(orjson.loads(body), record)

    def caught_up(self, source: str, now_us: int) -> None:
        """Does nothing: instants are complete by reports alone."""

    def wants(self, source: str) -> bool:
        """Always true: an instant has to be complete before it can be taken."""
        return True

    def take(self) -> B | None:
        """Returns the next complete instant, or the end of all partitions."""
        instant_us = min(self.instants, default=NEVER_US)
        ended = instant_us == NEVER_US
        if not self.reported or ((self.waits or ended) and self._reported_us < instant_us):
            return None
        if ended:
            self.reported = {}
        else:
            self.until_us = max(self.until_us, instant_us)
        self.instants.discard(instant_us)
        self.offsets = [(at, offset) for at, offset in self.offsets if at > instant_us]
        base, self.position = self.position, {self.source: min(self._untaken(), default=self.read)}
        return self._batch(base, instant_us)

    @property
    def _reported_us(self) -> int:
        """The last instant that every partition has reported or passed."""
        return min(self.reported.get(partition, -1) for partition in range(self.partitions))

    def _untaken(self) -> list[int]:
        """Offsets of records that the next owner has to read again."""
        return [offset for _, offset in self.offsets]

    def _accept(self, instant_us: int, offset: int) -> bool:
        """Returns whether a record's instant has not been taken yet, and keeps its offset."""
        if self.waits and instant_us <= self.until_us:
            return False
        self.offsets.append((instant_us, offset))
        return True

    def _take(self, body: dict[str, Any], record: Record) -> None:
        """Adds a partition's report of an instant, or its end."""
        instant_us = NEVER_US if body["kind"] == "end" else parse_instant(body["instant"])
        if self._accept(instant_us, record.offset):
            self.reported[body["partition"]] = instant_us
            if instant_us < NEVER_US:
                self.instants.add(instant_us)
                self._report(body, instant_us)

    @abstractmethod
    def _report(self, body: dict[str, Any], instant_us: int) -> None:
        """Adds a partition's report of an instant that has not been taken."""

    @abstractmethod
    def _batch(self, base: dict[str, int], instant_us: int) -> B: ...


class GlobalUnit(ABC, Generic[B]):
    """A unit that exists once, for all partitions."""

    sources: tuple[str, ...]
    clock: Clock

    def __init__(self, name: str, partitions: int) -> None:
        self.name, self.changelog = name, (f"{name}-state", 0)
        self.partitions, self.partition = partitions, 0
        self.position: dict[str, int] = {}
        self.topics: dict[str, str] = {}
        self.until_us = 0
        self.steps, self.done, self.waiting = 0, False, False
        self.strays = Strays()
        self._rows = ChangelogRows(self.strays, *self.changelog, self._row_of_the_release_before)
        self._keys: set[bytes] = set()  # of the rows in the changelog, without the position's
        self._to_seal: dict[bytes, bytes] = {}  # rows of the release before, written again with the first changes

    @property
    def frontier(self) -> str | None:
        """The last instant that was taken, as text."""
        return format_instant(self.until_us) if self.until_us else None

    def apply(self, batch: B) -> bool:
        """Applies an instant; its outputs are always urgent. Raises OffsetGap."""
        if batch.base != self.position:
            raise OffsetGap(f"{self.name}: a batch from {batch.base} came, expected one from {self.position}")
        if not batch.ended:
            self._apply(batch)
            self.until_us = max(self.until_us, batch.instant_us)
        self.position, self.steps, self.done = batch.position, self.steps + 1, batch.ended
        return True

    def load(self, records: Sequence[Record]) -> None:
        """Loads rows of the changelog: the last one of a key is the state. Raises NewerRecord."""
        for record in records:
            self._rows.add(record)

    def loaded(self) -> None:
        """The changelog has been read to its end."""
        rows, is_older = self._rows.take()
        if POSITION in rows:
            body = orjson.loads(rows.pop(POSITION))
            if lost := sorted(set(body.get("rows", ())) - {key.decode() for key in rows}):
                raise Failure(_lost(self.changelog[0], lost))
            self._keys, self._to_seal = set(rows), dict(rows) if is_older else {}
            self._load(body, rows)
            self.position, self.done, self.until_us = body["position"], body["done"], body["until_us"]
            self.topics = body.get("topics", {})

    def start_over(self, source: str, offset: int) -> None:
        """Moves the source to the beginning of a topic that was made again; raises Failure in event time."""
        need_whole(source, self.clock)
        self.position[source] = offset

    def take(self) -> list[Output]:
        """Returns the state, and the outputs since the last call."""
        state, changed = self._state()
        rows, self._to_seal = self._to_seal | changed, {}
        self._keys |= rows.keys()
        position = {
            "position": self.position,
            "topics": self.topics,
            "rows": sorted(key.decode() for key in self._keys),
        }
        body = {**position, "done": self.done, "until_us": self.until_us, **state}
        pairs = sealed_rows(self.changelog[0], [*rows.items(), (POSITION, orjson.dumps(body))])
        return [Output(*self.changelog, pairs), *self.outputs()]

    @abstractmethod
    def outputs(self) -> list[Output]:
        """Returns the outputs since the last call, without the state."""

    @abstractmethod
    def _apply(self, batch: B) -> None: ...

    @abstractmethod
    def _state(self) -> tuple[dict[str, Any], dict[bytes, bytes]]:
        """Returns fields for the row of the position, and further rows that have changed."""

    @abstractmethod
    def _load(self, body: dict[str, Any], rows: dict[bytes, bytes]) -> None:
        """Restores what `_state` returned."""

    @abstractmethod
    def _row_of_the_release_before(self, key: bytes, value: bytes) -> None:
        """Raises unless that release wrote such a row under this key, without a seal."""


def _lost(topic: str, keys: list[str]) -> str:
    which = ", ".join(map(repr, keys))
    return (
        f"{topic}/0: rows of this state are lost ({which}): records that Keepline has not written had their keys, and "
        f"compaction kept those; stop the workers, delete {topic}, run `keepline topics create` and start them: "
        "everything is read and counted from the beginning"
    )
