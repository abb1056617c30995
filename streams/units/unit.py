"""The protocols of a unit, its feed, batches and outputs, as worker, lease and replay use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from schemas.alerts import Alert

POSITION = b"\0position"  # key of the row with the position of the state
LEASE_KEY = b"\0lease"  # key of the mark of a new owner
GROUP_KEY = b"\0group"  # key of the name of the consumer group whose state it is
CLOCK_KEY = b"\0clock"  # key of a record whose acknowledgement carries the broker's clock
STATUS = b"\0status"  # key of the row for `keepline status`; units ignore it
RESERVED = b"\0"  # first byte of all keys but those of customers' rows

Pair = tuple[bytes | None, bytes | None]
Clock = Literal["event", "wall"]


class Record(Protocol):
    """A record of a topic, as a consumer returns it."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Output:
    """Records for one partition of a topic (short name), in order."""

    topic: str
    partition: int
    pairs: Sequence[Pair]


class Batch(Protocol):
    """What a unit applies at once: read from `base` up to `position` (next offset of each source)."""

    @property
    def feed(self) -> Any: ...
    @property
    def base(self) -> dict[str, int]: ...
    @property
    def position(self) -> dict[str, int]: ...
    @property
    def size(self) -> int: ...


class Feed(Protocol):
    """Merges what was read into batches; a new one each time a worker becomes the owner."""

    def offer(self, source: str, base: int, records: Sequence[Any], now_us: int, latest_us: int = 0) -> None:
        """Adds records of a source, read from offset `base` on; raises OffsetGap when records before it are missing.
        now_us: by the clock; latest_us: not later than this, if the clock may be behind.
        """

    def caught_up(self, source: str, now_us: int) -> None:
        """Live: the source was read to its end at `now_us`."""

    def wants(self, source: str) -> bool:
        """Whether to fetch more of this source."""

    def take(self) -> Batch | None:
        """Returns the next batch, None while there is none."""


class Unit(Protocol):
    """What a lease owns: state, position, outputs. All calls are synchronous, so none is interrupted half-way."""

    name: str
    partition: int
    position: dict[str, int]
    topics: dict[str, str]  # short name -> id of the topic that `position` counts in; the changelog's too
    steps: int

    @property
    def partitions(self) -> int | None: ...
    @property
    def sources(self) -> tuple[str, ...]: ...
    @property
    def changelog(self) -> tuple[str, int]: ...
    @property
    def done(self) -> bool: ...
    @property
    def waiting(self) -> bool: ...
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def frontier(self) -> str | None: ...
    @property
    def alerts(self) -> Sequence[Alert]: ...
    @property
    def unknown_fields(self) -> Mapping[str, int]: ...

    def load(self, records: Sequence[Any]) -> None:
        """Loads committed records of the changelog, in order."""

    def loaded(self) -> None:
        """The changelog has been read to its end."""

    def start_over(self, source: str, offset: int) -> None:
        """The topic of a source was made again: moves its position to `offset`. Raises Failure where that cannot do."""

    def open_feed(self) -> Feed:
        """Returns a feed that starts at `position`."""

    def apply(self, batch: Any) -> bool:
        """Applies a batch; returns whether its outputs are urgent."""

    def take(self) -> Sequence[Output]:
        """Returns all that changed since the last call."""


@dataclass(frozen=True)
class Blueprint:
    """A unit that a worker of this group may own, and how to make one with an empty state."""

    name: str
    partition: int
    sources: tuple[str, ...]
    make: Callable[[], Unit]

    @classmethod
    def of(cls, make: Callable[[], Unit]) -> Blueprint:
        """Returns the blueprint of the unit that `make` returns."""
        unit = make()
        return cls(unit.name, unit.partition, unit.sources, make)
