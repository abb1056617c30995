"""Engines and their learner over records in memory: the work of a worker without broker and checkpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.profile.profile import Profile
from streams.units.engine_unit import EngineUnit
from streams.units.learner_unit import LearnerUnit
from streams.units.sources import INPUTS
from streams.units.unit import Output

RECORDS_AT_ONCE = 2_000  # of a partition: what a fetch of the worker brings


class Record(NamedTuple):
    """A record as a consumer returns it."""

    offset: int
    key: bytes | None
    value: bytes | None


@dataclass
class Group:
    """All units of a group in one thread. records: of the inputs, by (topic, partition)."""

    profile: Profile
    partitions: int
    records: Mapping[tuple[str, int], list[Record]]
    now_us: int
    topics: dict[tuple[str, int], list[Record]] = field(default_factory=dict)  # written, not yet read back
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)
    applied: int = 0

    def run(self) -> None:
        """Runs to the end markers."""
        engines = [EngineUnit(self.profile, p, "event") for p in range(self.partitions)]
        units: list[EngineUnit | LearnerUnit] = [*engines, LearnerUnit(self.profile, self.partitions, "event")]
        working = [self._work(unit) for unit in units]
        while not all(unit.done for unit in units):
            if not sum([next(one) for one in working]):
                raise RuntimeError(f"no unit makes progress: {[(unit.name, unit.frontier) for unit in units]}")

    def _work(self, unit: EngineUnit | LearnerUnit) -> Iterator[int]:
        """Reads and applies what is available; yields how much that was."""
        unit.position = dict.fromkeys(unit.sources, 0)
        feed, read = unit.open_feed(), dict(unit.position)
        while True:
            done = 0
            for source in unit.sources:
                records = self._next(source, unit.partition, read[source]) if feed.wants(source) else []
                if records:
                    feed.offer(source, read[source], records, self.now_us)
                    read[source] = records[-1].offset + 1
                    done += len(records)
            while (batch := feed.take()) is not None:
                self.applied += batch.size if isinstance(unit, EngineUnit) else 0
                unit.apply(batch)  # type: ignore[arg-type]  # a feed of its own
                done += 1
            self._send(unit.outputs())
            yield done

    def _next(self, source: str, partition: int, first: int) -> list[Record]:
        if source in READ_BACK:
            return self.topics.pop((source, partition), [])
        return self.records[source, partition][first : first + RECORDS_AT_ONCE]

    def _send(self, outputs: list[Output]) -> None:
        for output in outputs:
            place = output.topic, output.partition
            if output.topic in READ_BACK and output.pairs:
                first = self.ends[place]
                self.ends[place] += len(output.pairs)
                new = [Record(first + i, key, value) for i, (key, value) in enumerate(output.pairs)]
                self.topics.setdefault(place, []).extend(new)


READ_BACK = {source for make in (EngineUnit, LearnerUnit) for source in make.sources} - set(INPUTS)
