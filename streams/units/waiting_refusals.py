"""Refusals that only the engine decides on: of events that are behind `time.latest`, and of market signals, of which
there may be too many. Their dead letters wait as long as their rows, and the engine refuses in their tick: so refusal
and position are one, whatever is read again after a crash.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.columns import CUSTOMER_PROFILE, MARKET_SIGNAL, Rows
from schemas.instants import DAY_US, format_duration, format_instant
from schemas.refusals import Refused
from streams.inputs.details import WaitingDetails
from streams.inputs.merge import behind_us
from streams.interventions.market_signals import MOST
from streams.units.engine_batch import Letter, LetterOf
from streams.units.refusal_counts import TOO_LATE


class WaitingRefusals:
    """The dead letters, by the number in their rows' column `letter`."""

    def __init__(self, latest_us: int, tick_us: int) -> None:
        """latest_us: `time.latest`."""
        self._latest_us, self._tick_us, self._letters = latest_us, tick_us, WaitingDetails("letter")

    def keep(self, rows: Rows, index: NDArray[np.intp], letter: LetterOf) -> None:
        """Keeps the letters of those rows that may be refused. index: (rows,) their records in the batch; letter: makes
        the dead letter of one of them.
        """
        is_signal = rows["kind"] == MARKET_SIGNAL
        is_late = (behind_us(rows, self._tick_us) >= self._latest_us) & (rows["kind"] != CUSTOMER_PROFILE)
        (places,) = np.nonzero(is_late | is_signal)
        letters = [
            letter((_too_many if is_signal[place] else self._too_late)(int(index[place]), rows[place]))
            for place in places.tolist()
        ]
        rows["letter"][places] = np.arange(1, len(places) + 1)
        self._letters.keep(rows, letters)

    def take(self, rows: Rows) -> dict[int, Letter]:
        """Removes and returns the letters of these rows, by their numbers."""
        return self._letters.take(rows)

    def _too_late(self, index: int, row: Any) -> Refused:
        at_us, latest = int(row["time_us"]), format_duration(self._latest_us)
        reached_us = int(row["due_us"]) - self._tick_us
        return Refused(
            index, "event_time", TOO_LATE,
            f"event_time is {format_instant(at_us)}, {(reached_us - at_us) / DAY_US:.1f} days behind "
            f"{format_instant(reached_us)}, up to which its source had been read; less than {latest} is accepted "
            "(time.latest): publish history in time order, or into topics with another prefix",
        )  # fmt: skip


def _too_many(index: int, row: Any) -> Refused:
    said = f"{MOST:,} market signals are known already, and this is another one; withdraw those that are over"
    return Refused(index, "name", "too_many", said)
