"""What warnings would have been worth at other thresholds: precision, recall and lead time.

A warning is the first prediction of a silence above the threshold. It was right if the customer did not return within
the horizon after it; a leaving was warned of if a warning came before its horizon of silence was over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.evaluation.lead_time import Cases, no_cases, seconds_of, silences_of, some_cases, timing
from streams.evaluation.observation_rows import Rows

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Threshold:
    """Warnings above a probability. judged: those whose horizon is over; median_days_early: before the horizon of
    silence was over, of the first warning of each leaving.
    """

    above: float
    warnings: int
    judged: int
    right: int
    leavings: int
    in_time: int
    median_days_early: float | None

    @property
    def precision(self) -> float:
        """Share of right warnings; NaN: none is judged."""
        return self.right / self.judged if self.judged else float("nan")

    @property
    def recall(self) -> float:
        """Share of leavings that were warned of in time; NaN: nobody left."""
        return self.in_time / self.leavings if self.leavings else float("nan")


def thresholds(rows: Rows) -> list[Threshold]:
    """Returns the figures of each threshold."""
    return [_threshold(rows, above) for above in THRESHOLDS]


def _threshold(rows: Rows, above: float) -> Threshold:
    warned = _warnings(rows, above)
    found = timing(warned, no_cases(), rows).segments[0]
    return Threshold(
        above, found.cases, found.judged, found.right, found.leavings or 0, found.in_time or 0, found.median_days_early
    )


def _warnings(rows: Rows, above: float) -> Cases:
    """Returns the first prediction above the threshold of each silence."""
    silences = silences_of(rows)
    high = np.flatnonzero(rows.probability[silences.order] > above)
    _, first = np.unique(silences.which(high), return_index=True)
    row = silences.order[high[first]]
    return some_cases(rows.customer[row], seconds_of(rows.instants_us)[rows.week[row]], rows.probability[row])
