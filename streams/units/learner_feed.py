"""The learner's feed: labelled examples and reports of all partitions, by complete grid instants, and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from online_model.examples import Examples
from online_model.instant_sample import InstantSample
from online_model.registry import KIND, Command
from schemas.errors import Failure
from streams.engine import observations
from streams.engine.reports import Report
from streams.inputs.schedule import grid_at_or_after
from streams.units.global_unit import InstantBatch, InstantFeed
from streams.units.strays import Strays
from streams.units.unit import Clock, Record

MOST_REFUSED = 1_000  # that are remembered until the next batch


@dataclass(frozen=True)
class LearnerBatch(InstantBatch):
    """A grid instant, or commands that are obeyed between two grid instants."""

    examples: list[Examples]
    report: Report | None  # of all partitions at the instant; None: between two grid instants
    commands: list[Command]  # obeyed from now on
    refused: list[str]  # commands that cannot be obeyed, with the reason

    @property
    def size(self) -> int:
        return sum(len(examples.customers) for examples in self.examples)


class LearnerFeed(InstantFeed[LearnerBatch]):
    """Blocks, reports and commands. A command is obeyed in event time from the first grid instant at or after its time,
    live as soon as its time has come.
    """

    def __init__(
        self,
        position: dict[str, int],
        partitions: int,
        clock: Clock,
        horizon_us: int,
        until_us: int,
        strays: Strays | None = None,
    ) -> None:
        super().__init__(position, partitions, until_us, strays or Strays())
        self.clock, self.horizon_us, self.now_us = clock, horizon_us, 0
        self.examples: dict[int, InstantSample] = {}
        self.commands: list[tuple[int, int, Command]] = []  # (grid instant from which it is obeyed, offset, command)
        self.refused: list[str] = []
        self.reports: dict[int, Report] = {}  # instant -> the sum of the partitions that have reported it

    def offer(self, source: str, base: int, records: Sequence[Record], now_us: int, latest_us: int = 0) -> None:
        """Adds records as InstantFeed does; now_us: of the clock."""
        self.now_us = now_us
        super().offer(source, base, records, now_us)

    def take(self) -> LearnerBatch | None:
        """Returns the commands that are due live, else the next complete grid instant."""
        due = [one for one in self.commands if self.clock == "wall" and one[2].event_us <= self.now_us]
        if not due and not (self.clock == "wall" and self.refused):
            return super().take()
        self.commands = [one for one in self.commands if one[2].event_us > self.now_us]
        base, self.position = self.position, {self.source: min(self._untaken(), default=self.read)}
        return LearnerBatch(
            self, base, self.position, self.until_us, [], None, [command for _, _, command in due], self._take_refused()
        )

    def _batch(self, base: dict[str, int], instant_us: int) -> LearnerBatch:
        commands = [command for at, _, command in self.commands if at <= self.until_us]
        self.commands = [one for one in self.commands if one[0] > self.until_us]
        examples = self.examples.pop(instant_us, InstantSample()).parts
        report = self.reports.pop(instant_us, Report.empty())
        return LearnerBatch(self, base, self.position, instant_us, examples, report, commands, self._take_refused())

    def _take_refused(self) -> list[str]:
        refused, self.refused = self.refused, []
        return refused

    def _untaken(self) -> list[int]:
        """Also commands of later instants, which stay after the end."""
        return super()._untaken() + [offset for at, offset, _ in self.commands if at > self.until_us]

    @property
    def _complete_us(self) -> int:
        """The last instant that every partition has reported, learned or not: so a late command is obeyed from the same
        instant on, however records are split into reads.
        """
        return max([self.until_us, *(at for at in self.instants if at <= self._reported_us)])

    def _take(self, body: dict[str, Any], record: Record) -> None:
        if body["kind"] == KIND:
            try:
                command = Command.loads(record.value or b"")
            except Failure as error:  # such as a command of another release: it must not stop the learner
                self._refuse(f"a command to the model at offset {record.offset} was not carried out: {error}")
                return
            instant_us = grid_at_or_after(max(command.event_us, self._complete_us + 1))
            self.commands.append((instant_us, record.offset, command))
        elif body["kind"] == "labelled_examples":
            examples = observations.examples_of(body)
            instant_us = grid_at_or_after(examples.observed_us + self.horizon_us)
            if self._accept(instant_us, record.offset):
                self.examples.setdefault(instant_us, InstantSample()).add(examples)
        else:
            super()._take(body, record)

    def _refuse(self, sentence: str) -> None:
        """Keeps the first sentences: whoever may write there may write many."""
        if len(self.refused) < MOST_REFUSED:
            self.refused.append(sentence)

    def _report(self, body: dict[str, Any], instant_us: int) -> None:
        self.reports[instant_us] = self.reports.get(instant_us, Report.empty()) + Report.unpacked(body)
