"""A unit, its feed and its batches, as the worker and the lease see them; this package has the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

POSITION = b"\0position"  # key of the row that says where the state stands
LEASE_KEY = b"\0lease"  # key of the mark of a new owner
RESERVED = b"\0"  # the first byte of keys that are no customer's row

Pair = tuple[bytes | None, bytes | None]
Clock = Literal["event", "wall"]


class Record(Protocol):
    """A record of a topic, as a consumer gives it."""

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
    """Whole ticks of a unit: read from `base`, up to `position` (next offset of each source)."""

    @property
    def feed(self) -> Any: ...
    @property
    def base(self) -> dict[str, int]: ...
    @property
    def position(self) -> dict[str, int]: ...
    @property
    def size(self) -> int: ...


class Feed(Protocol):
    """Merges what was read into batches; a new one for each incarnation."""

    def offer(self, source: str, base: int, records: Sequence[Any], now_us: int) -> None:
        """Records of a source, read from offset `base` on; raises Hole when that is beyond what was read
        before.
        """

    def caught_up(self, source: str, now_us: int) -> None:
        """Live: the source was read to its end at `now_us`."""

    def wants(self, source: str) -> bool:
        """More of this source may be fetched."""

    def take(self) -> Batch | None:
        """The next batch, when there is one."""


class Unit(Protocol):
    """What a lease owns: state, position, outputs. All calls are synchronous, so none of them is ever half
    done.
    """

    name: str
    partition: int
    position: dict[str, int]
    steps: int

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
    def alerts(self) -> Sequence[str]: ...

    def load(self, records: Iterable[Any]) -> None:
        """Records of the changelog, committed, in order."""

    def loaded(self) -> None:
        """The changelog has been read to its end."""

    def open_feed(self) -> Feed:
        """A feed that starts at `position`."""

    def apply(self, batch: Any) -> bool:
        """Takes a batch in; True when somebody waits for what it led to."""

    def take(self) -> Sequence[Output]:
        """All that changed since the last call."""


@dataclass(frozen=True)
class Blueprint:
    """A unit that a worker of this group may come to own, and how it is made anew."""

    name: str
    partition: int
    sources: tuple[str, ...]
    make: Callable[[], Unit]

    @classmethod
    def of(cls, make: Callable[[], Unit]) -> Blueprint:
        """The blueprint of the unit that `make` makes."""
        unit = make()
        return cls(unit.name, unit.partition, unit.sources, make)
