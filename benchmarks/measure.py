"""What a benchmark says: a figure, the peer's beside it, and whether a claim holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

Scale = Literal["small", "full"]
ROUNDS = 3


class Skipped(Exception):
    """The benchmark cannot run here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`text` is what was promised; `holds` whether it is so."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table. ratio: ours to the peer's, in the unit; claim None: reported only."""

    figure: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    claim: Claim | None = None

    @property
    def ratio(self) -> float | None:
        """Ours / peer's."""
        return self.value / self.peer_value if self.peer_value else None


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds on the clock and of this process's processor time."""

    wall_s: float
    cpu_s: float


def timed(work: Callable[[], object]) -> Timing:
    """Does `work` once."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, Timing]:
    """Each of `works` once a round, one after another; medians over the rounds, by name."""
    return medians([{name: timed(work) for name, work in works.items()} for _ in range(rounds)])


def medians(rounds: list[dict[str, Timing]]) -> dict[str, Timing]:
    """Wall and processor time each have their own median."""
    return {name: middle([one[name] for one in rounds]) for name in rounds[0]}


def middle(times: list[Timing]) -> Timing:
    """The medians of wall and processor time."""
    return Timing(median(one.wall_s for one in times), median(one.cpu_s for one in times))


def at_least(value: float, least: float, text: str) -> Claim:
    """A claim that `value` reaches `least`."""
    return Claim(text, value >= least)


def at_most(value: float, most: float, text: str) -> Claim:
    """A claim that `value` stays within `most`."""
    return Claim(text, value <= most)
