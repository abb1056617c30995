"""A unit small enough to check by hand, and a worker process that runs it.

It counts each key of two sources and writes a message at every tenth: the final output does not depend on batches.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.alerts import Alert

SOURCES = ("app-activity", "service-visits")
POSITION, RESERVED = b"\0position", b"\0"
END = b"end"
EVERY = 10


class OffsetGap(RuntimeError):
    """Records were lost."""


@dataclass
class Output:
    topic: str
    partition: int
    pairs: Sequence[tuple[bytes | None, bytes | None]]


@dataclass
class Batch:
    feed: object
    base: dict[str, int]
    position: dict[str, int]
    events: list[tuple[str, bytes]]
    ended: int

    @property
    def size(self) -> int:
        return len(self.events)


class CountingFeed:
    """A feed that returns every record at once."""

    def __init__(self, position: dict[str, int]) -> None:
        self.position, self.read = dict(position), dict(position)
        self.events: list[tuple[str, bytes]] = []
        self.ended = 0

    def offer(self, source: str, base: int, records: Sequence[Any], now_us: int, latest_us: int = 0) -> None:
        if base > self.read[source]:
            raise OffsetGap(f"{source}: {base} > {self.read[source]}")
        for record in records:
            if record.offset >= self.read[source]:
                if record.value == END:
                    self.ended += 1
                else:
                    self.events.append((source, record.key))
        self.read[source] = max(self.read[source], records[-1].offset + 1)

    def caught_up(self, source: str, now_us: int) -> None:
        pass

    def wants(self, source: str) -> bool:
        return len(self.events) < 20_000

    def take(self) -> Batch | None:
        if self.read == self.position:
            return None
        base, self.position = self.position, dict(self.read)
        events, self.events, ended, self.ended = self.events, [], self.ended, 0
        return Batch(self, base, self.position, events, ended)


class CountingUnit:
    sources = SOURCES
    waiting = False
    partitions = None
    frontier: str | None = None

    def __init__(self, partition: int) -> None:
        self.name, self.partition, self.changelog = f"engine-{partition}", partition, ("state", partition)
        self.position: dict[str, int] = {}
        self.topics: dict[str, str] = {}
        self.steps = self.ended = 0
        self.seen: Counter[bytes] = Counter()
        self.dirty: set[bytes] = set()
        self.messages: list[bytes] = []

    @property
    def alerts(self) -> list[Alert]:
        return []

    @property
    def unknown_fields(self) -> dict[str, int]:
        return {}

    @property
    def counts(self) -> dict[str, int]:
        return {"applied": self.seen.total()}

    @property
    def done(self) -> bool:
        return self.ended >= len(SOURCES)

    def load(self, records: Iterable[Any]) -> None:
        for record in records:
            if record.key == POSITION:
                body = json.loads(record.value)
                self.position, self.ended, self.topics = body["position"], body["ended"], body["topics"]
            elif not record.key.startswith(RESERVED):
                self.seen[record.key] = int(record.value)

    def loaded(self) -> None:
        pass

    def start_over(self, source: str, offset: int) -> None:
        self.position[source] = offset

    def open_feed(self) -> CountingFeed:
        return CountingFeed(self.position)

    def apply(self, batch: Batch) -> bool:
        """Raises OffsetGap when a batch before this one is missing."""
        if batch.base != self.position:
            raise OffsetGap(f"batch from {batch.base}, state at {self.position}")
        for source, key in batch.events:
            name = source.encode() + b"/" + key
            self.seen[name] += 1
            self.dirty.add(name)
            if self.seen[name] % EVERY == 0:
                self.messages.append(b"%s:%d" % (name, self.seen[name]))
        self.position, self.steps, self.ended = batch.position, self.steps + 1, self.ended + batch.ended
        return False

    def take(self) -> list[Output]:
        rows = [(key, b"%d" % self.seen[key]) for key in sorted(self.dirty)]
        rows.append(
            (POSITION, json.dumps({"position": self.position, "topics": self.topics, "ended": self.ended}).encode())
        )
        messages, self.messages, self.dirty = self.messages, [], set()
        return [
            Output("state", self.partition, rows),
            Output("interventions", self.partition, [(None, line) for line in messages]),
        ]


class Sleeper(CountingUnit):
    """Stops its process once inside a checkpoint: with everything `taken`, or with everything `sent`, not committed."""

    asleep: Path
    where = "taken"

    def take(self) -> list[Output]:
        outputs = super().take()
        if outputs[1].pairs:
            self.sleep("taken")
        return outputs

    @classmethod
    def sleep(cls, where: str) -> None:
        if where == cls.where and not cls.asleep.exists():
            cls.asleep.write_text("")
            os.kill(os.getpid(), signal.SIGSTOP)

    @classmethod
    def before_commits(cls) -> None:
        """Sleeps after the group's offsets, the last request before a commit."""
        plain = AIOKafkaProducer.send_offsets_to_transaction

        async def send(producer: AIOKafkaProducer, offsets: Any, group: str) -> None:
            await plain(producer, offsets, group)
            cls.sleep("sent")

        AIOKafkaProducer.send_offsets_to_transaction = send


class Raiser(CountingUnit):
    """Raises once, after half of a batch."""

    raised: Path

    def apply(self, batch: Batch) -> bool:
        if not self.raised.exists():
            self.raised.write_text("")
            batch.events = batch.events[: batch.size // 2]
            super().apply(batch)
            raise ValueError("once")
        return super().apply(batch)


class Poisoned(CountingUnit):
    """Partition 1 cannot apply its records while a file is there."""

    poison: Path

    def apply(self, batch: Batch) -> bool:
        if self.partition == 1 and self.poison.exists():
            raise ValueError("this record cannot be applied")
        return super().apply(batch)


class Reporter(CountingUnit):
    """Writes a file when it has applied a batch."""

    applied: Path

    def apply(self, batch: Batch) -> bool:
        super().apply(batch)
        self.applied.write_text("")
        return False


class Hanger(CountingUnit):
    """Hangs in its first batch."""

    hanging: Path

    def apply(self, batch: Batch) -> bool:
        self.hanging.write_text("")
        while True:
            time.sleep(0.01)


def forget_ids() -> None:
    """Brokers before 2.8 do not know ids of topics."""
    from streams.kafka import lease

    async def none(*_: object) -> dict[str, str]:
        return {}

    lease.topic_ids = none  # type: ignore[assignment]


def name_no_group() -> None:
    """Releases before wrote no mark of their group."""
    from streams.kafka.lease import Lease

    async def nothing(*_: object) -> None: ...

    Lease._refuse_other_group = nothing  # type: ignore[method-assign]


def seem_idle() -> None:
    """A member that fetches nothing seems to have done so for hours."""
    from aiokafka.consumer.subscription_state import SubscriptionState

    SubscriptionState.fetcher_idle_time = property(lambda self: 0.0 if self._fetch_count else 10_000.0)


def lose_a_batch(worker: Any, lost: Path) -> None:
    """Drops the first batch, as Faust may do."""
    original = worker._apply

    def apply(self: Any, lease: Any, batch: Any) -> None:
        if lost.exists():
            original(self, lease, batch)
        lost.write_text("")

    worker._apply = apply


KINDS: dict[str, type[CountingUnit]] = {"hanging": Hanger, "applied": Reporter, "raised": Raiser, "poison": Poisoned}
PATCHES = {"without_ids": forget_ids, "without_group": name_no_group, "idle": seem_idle}


def main(arguments: dict[str, Any]) -> None:
    from streams.kafka.settings import from_environment
    from streams.kafka.worker import Options, Worker
    from streams.units.unit import Blueprint

    kind: type[CountingUnit] = CountingUnit
    if arguments.get("asleep"):
        kind, Sleeper.asleep, Sleeper.where = Sleeper, Path(arguments["asleep"]), arguments["where"]
        Sleeper.before_commits()
    if arguments.get("lost"):
        lose_a_batch(Worker, Path(arguments["lost"]))
    for name, with_file in KINDS.items():
        if arguments.get(name):
            kind = with_file
            setattr(kind, name, Path(arguments[name]))
    for name, patch in PATCHES.items():
        if arguments.get(name):
            patch()
    blueprints = [Blueprint.of(partial(kind, p)) for p in range(arguments["partitions"])]
    pace = {"session_s": arguments.get("session_s", 6.0), "checkpoint_s": arguments.get("checkpoint_every_s", 1.0)}
    options = Options(False, arguments.get("instance"), exit_at_end=not arguments.get("forever"), **pace)

    async def run() -> None:
        await Worker(from_environment(), blueprints, options).run()

    asyncio.run(run())


if __name__ == "__main__":
    import logging

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(name)s %(message)s")
    main(json.loads(sys.argv[1]))
