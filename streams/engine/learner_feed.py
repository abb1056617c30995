"""Labelled examples of all partitions to complete grid instants: what the learner may learn next."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from online_model.examples import Examples
from online_model.registry import KIND, Command
from schemas.instants import parse_instant
from streams.engine import blocks
from streams.engine.feeds import LABELLED, Record
from streams.engine.merge import Hole
from streams.engine.reports import Report
from streams.engine.schedule import grid_at_or_after

NEVER_US = (1 << 63) - 1


@dataclass(frozen=True)
class LearnerBatch:
    """One grid instant with its examples, or the end."""

    feed: object
    base: dict[str, int]
    position: dict[str, int]
    instant_us: int
    examples: list[Examples]
    report: Report  # of all partitions at the instant
    commands: list[Command]  # that are obeyed from the instant on
    ended: bool

    @property
    def size(self) -> int:
        return sum(len(examples.customers) for examples in self.examples)


class LearnerFeed:
    """Labelled examples of all partitions; an instant is complete when every partition has reported it or a
    later one.
    """

    def __init__(self, position: dict[str, int], partitions: int, horizon_us: int, learned_us: int) -> None:
        self.position, self.read = dict(position), position[LABELLED]
        self.partitions, self.horizon_us, self.learned_us = partitions, horizon_us, learned_us
        self.examples: dict[int, list[Examples]] = {}
        self.offsets: deque[tuple[int, int]] = deque()  # (instant it belongs to, offset) of what is not learned yet
        self.reported: dict[int, int] = {}  # partition -> last instant it has reported
        self.instants: set[int] = set()
        self.commands: list[tuple[int, int, Command]] = []  # (instant from which on it is obeyed, offset, command)
        self.reports: dict[int, Report] = {}  # instant -> the sum of the partitions that have reported it

    def offer(self, source: str, base: int, records: Sequence[Record], now_us: int) -> None:
        """Blocks and marks; those of instants that were learned already are cut. Raises Hole."""
        if base > self.read:
            raise Hole(f"{source} was read from {base}, expected {self.read}: records were lost on the way")
        for record in records:
            if record.offset >= self.read:
                self.read = record.offset + 1
                self._take(record.value or b"null", record.offset)

    def caught_up(self, source: str, now_us: int) -> None:
        """Nothing depends on it."""

    def wants(self, source: str) -> bool:
        """Always: an instant has to be complete before it can be learned."""
        return True

    def take(self) -> LearnerBatch | None:
        """The next complete instant, or the end of all."""
        reported = [self.reported.get(partition, -1) for partition in range(self.partitions)]
        instant_us = min(self.instants, default=NEVER_US)
        if min(reported) < instant_us or not self.reported:
            return None
        self.instants.discard(instant_us)
        ended = instant_us == NEVER_US
        if ended:
            self.reported = {}
        self.learned_us = self.learned_us if ended else instant_us
        commands = [command for at, _, command in self.commands if at <= self.learned_us]
        self.commands = [one for one in self.commands if one[0] > self.learned_us]
        waiting = {offset for _, offset, _ in self.commands}
        self.offsets = deque(
            (at, offset) for at, offset in self.offsets if at > instant_us or (ended and offset in waiting)
        )
        base = self.position
        self.position = {LABELLED: self.offsets[0][1] if self.offsets else self.read}
        examples = self.examples.pop(instant_us, [])
        report = self.reports.pop(instant_us, Report.empty())
        return LearnerBatch(self, base, self.position, instant_us, examples, report, commands, ended)

    @property
    def _complete_us(self) -> int:
        """The last instant that every partition had reported, whether it has been learned meanwhile or not: so a
        command that comes late is obeyed from the same instant on however records are read.
        """
        reported_us = min(self.reported.get(partition, -1) for partition in range(self.partitions))
        return max([self.learned_us, *(at for at in self.instants if at <= reported_us)])

    def _take(self, value: bytes, offset: int) -> None:
        body: dict[str, Any] = orjson.loads(value)
        if body["kind"] == KIND:
            command = Command.loads(value)
            instant_us = grid_at_or_after(max(command.event_us, self._complete_us + 1))
            self.commands.append((instant_us, offset, command))
            self.offsets.append((instant_us, offset))
            return
        if body["kind"] == "labelled_examples":
            examples = blocks.examples_of(body)
            instant_us = grid_at_or_after(examples.observed_us + self.horizon_us)
            if instant_us > self.learned_us:
                self.examples.setdefault(instant_us, []).append(examples)
                self.offsets.append((instant_us, offset))
            return
        instant_us = NEVER_US if body["kind"] == "end" else parse_instant(body["instant"])
        if instant_us > self.learned_us:
            self.reported[body["partition"]] = instant_us
            self.offsets.append((instant_us, offset))
            if instant_us < NEVER_US:
                self.instants.add(instant_us)
                self.reports[instant_us] = self.reports.get(instant_us, Report.empty()) + Report.unpacked(body)
