"""A measure: a figure, the peer's figure, and whether a claim holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

Scale = Literal["small", "full"]
ROUNDS = 3


class Skipped(Exception):
    """The benchmark cannot run here; the message names what is missing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim and whether it holds."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table; claim None: reported only."""

    figure: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    claim: Claim | None = None

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's."""
        return self.value / self.peer_value if self.peer_value else None


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall time and processor time of this process, in seconds."""

    wall_s: float
    cpu_s: float


def timed(work: Callable[[], object]) -> Timing:
    """Runs `work` once and returns its time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, Timing]:
    """Runs each of `works` once a round, alternately; returns medians over the rounds, by name."""
    return medians([{name: timed(work) for name, work in works.items()} for _ in range(rounds)])


def medians(rounds: list[dict[str, Timing]]) -> dict[str, Timing]:
    """Returns the medians of wall and processor time by name."""
    return {name: middle([one[name] for one in rounds]) for name in rounds[0]}


def middle(times: list[Timing]) -> Timing:
    """Returns the medians of wall and processor time."""
    return Timing(median(one.wall_s for one in times), median(one.cpu_s for one in times))


def at_least(value: float, least: float, text: str) -> Claim:
    """Returns the claim that `value` is at least `least`."""
    return Claim(text, value >= least)


def at_most(value: float, most: float, text: str) -> Claim:
    """Returns the claim that `value` is at most `most`."""
    return Claim(text, value <= most)
