"""Labelled examples of all partitions to complete grid instants: what the learner may learn next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from online_model.examples import Examples
from online_model.registry import KIND, Command
from streams.engine import blocks
from streams.engine.common import InstantBatch, InstantFeed
from streams.engine.feeds import Record
from streams.engine.reports import Report
from streams.engine.schedule import grid_at_or_after


@dataclass(frozen=True)
class LearnerBatch(InstantBatch):
    """A grid instant."""

    examples: list[Examples]
    report: Report  # of all partitions at the instant
    commands: list[Command]  # that are obeyed from the instant on

    @property
    def size(self) -> int:
        return sum(len(examples.customers) for examples in self.examples)


class LearnerFeed(InstantFeed[LearnerBatch]):
    """Blocks, reports and commands."""

    def __init__(self, position: dict[str, int], partitions: int, horizon_us: int, until_us: int) -> None:
        super().__init__(position, partitions, until_us)
        self.horizon_us = horizon_us
        self.examples: dict[int, list[Examples]] = {}
        self.commands: list[tuple[int, int, Command]] = []  # (instant from which on it is obeyed, offset, command)
        self.reports: dict[int, Report] = {}  # instant -> the sum of the partitions that have reported it

    def _batch(self, base: dict[str, int], instant_us: int) -> LearnerBatch:
        commands = [command for at, _, command in self.commands if at <= self.until_us]
        self.commands = [one for one in self.commands if one[0] > self.until_us]
        examples = self.examples.pop(instant_us, [])
        report = self.reports.pop(instant_us, Report.empty())
        return LearnerBatch(self, base, self.position, instant_us, examples, report, commands)

    def _untaken(self) -> list[int]:
        """Commands for later outlast the end."""
        return super()._untaken() + [offset for at, offset, _ in self.commands if at > self.until_us]

    @property
    def _complete_us(self) -> int:
        """The last instant that every partition had reported, whether it has been learned meanwhile or not: so a
        command that comes late is obeyed from the same instant on however records are read.
        """
        return max([self.until_us, *(at for at in self.instants if at <= self._reported_us)])

    def _take(self, body: dict[str, Any], record: Record) -> None:
        if body["kind"] == KIND:
            command = Command.loads(record.value or b"")
            instant_us = grid_at_or_after(max(command.event_us, self._complete_us + 1))
            self.commands.append((instant_us, record.offset, command))
        elif body["kind"] == "labelled_examples":
            examples = blocks.examples_of(body)
            instant_us = grid_at_or_after(examples.observed_us + self.horizon_us)
            if self._is_new(instant_us, record.offset):
                self.examples.setdefault(instant_us, []).append(examples)
        else:
            super()._take(body, record)

    def _report(self, body: dict[str, Any], instant_us: int) -> None:
        self.reports[instant_us] = self.reports.get(instant_us, Report.empty()) + Report.unpacked(body)
