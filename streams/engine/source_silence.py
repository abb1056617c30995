"""Whether a source is silent for longer than usual: a dead publisher must not look like a wave of churn.

The usual pause of a source is its longest one between two events of the partition, nights and Sundays included. It
fades with a half-life of four weeks, and a pause can at most double it, so that one outage does not become usual.
Live only: in event time the log is complete, and a pause within one partition must not change the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.columns import KINDS, Rows
from schemas.instants import DAY_US, SECOND_US

HALF_LIFE_US = 28 * DAY_US
LEAST_PAUSE_US = 15 * 60 * SECOND_US  # pauses below this are never unusual
ENOUGH_PAUSES = 50  # with fewer pauses none is unusual


@dataclass
class PauseStatistics:
    """The pauses of one source."""

    last_us: int
    longest_us: float = 0.0
    pauses: int = 0

    def add(self, at_us: NDArray[np.int64]) -> None:
        """Adds events at these instants, ascending and without repeats."""
        pauses = np.diff(at_us, prepend=self.last_us)
        longest_us, last_us = float(pauses.max()), int(at_us[-1])
        if self.pauses >= ENOUGH_PAUSES:
            longest_us = min(longest_us, 2.0 * max(self.longest_us, LEAST_PAUSE_US))
        faded_us = self.longest_us * 0.5 ** ((last_us - self.last_us) / HALF_LIFE_US)
        self.longest_us, self.last_us, self.pauses = max(longest_us, faded_us), last_us, self.pauses + len(at_us)

    def is_quiet(self, now_us: int, factor: float) -> bool:
        """Whether the pause up to now is longer than `factor` times the usual one."""
        usual_us = max(self.longest_us, LEAST_PAUSE_US)
        return self.pauses >= ENOUGH_PAUSES and now_us - self.last_us > factor * usual_us


class SourceSilence:
    """The pauses of all sources of a partition."""

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.sources: dict[str, PauseStatistics] = {}

    def add(self, rows: Rows) -> None:
        """Adds events that are applied now, at the ends of their ticks."""
        for kind in np.unique(rows["kind"]).tolist():
            at_us = np.unique(rows["due_us"][rows["kind"] == kind])
            source = self.sources.setdefault(KINDS[kind], PauseStatistics(int(at_us[0])))
            at_us = at_us[at_us > source.last_us]
            if len(at_us):
                source.add(at_us)

    def quiet_sources(self, now_us: int) -> list[str]:
        """Returns the sources that are silent for longer than usual."""
        return [name for name, source in sorted(self.sources.items()) if source.is_quiet(now_us, self.factor)]

    def state(self) -> dict[str, dict[str, Any]]:
        """Returns what `load` takes."""
        return {name: asdict(source) for name, source in self.sources.items()}

    def load(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Restores what `state` returned."""
        self.sources = {name: PauseStatistics(**source) for name, source in state.items()}
