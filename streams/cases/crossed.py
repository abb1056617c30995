"""When a customer crossed about whom nothing was decided at the time, since a producer was not heard. Live only.

The instant at which a sweep finds the crossing meanwhile is kept. What the producer sends later may move it on: by the
events known now, the customer may still have been below the threshold then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.aggregates import Last
from features.matrix import values
from features.portable_math import Array
from features.signals import RETAINED
from features.view import View
from schemas.instants import HOUR_US
from streams.cases.columns import NEVER, PENDING, SENT
from streams.cases.decision import Scored

Flags = NDArray[np.bool_]


def noted(scored: Scored, rows: Array, above: Flags) -> Array:
    """Returns the new column PENDING of customers who are not heard: when each was first found above the threshold, a
    customer without a score at the last retention event. rows: (WIDTH, n); above: (n,).
    """
    first_us = np.where(np.isnan(rows[SENT]), scored.view.get(Last(RETAINED)), scored.at_us)
    since_us = np.where(np.isfinite(rows[PENDING]), rows[PENDING], first_us)
    return np.where(above, since_us, NEVER)


def crossed_us(scored: Scored, i: NDArray[np.intp], noted_us: Array, threshold: float) -> Array:
    """Returns when customers `i`, who are above the threshold now, crossed: not before `noted_us`, nor before the last
    retention event; to the hour (windows are days), by the events that are known now.
    """
    low_us, high_us = np.maximum(noted_us, scored.view.get(Last(RETAINED))[i]), scored.at_us[i]
    high_us = np.where(_is_above(scored, i, low_us, threshold), low_us, high_us)
    while (high_us - low_us).max() > HOUR_US:
        middle_us = np.floor((low_us + high_us) / 2)
        above = _is_above(scored, i, middle_us, threshold)
        low_us, high_us = np.where(above, low_us, middle_us), np.where(above, middle_us, high_us)
    return high_us


def _is_above(scored: Scored, i: NDArray[np.intp], at_us: Array, threshold: float) -> Flags:
    raw = values(View(scored.view.layout, scored.view.block[:, i], at_us))
    scored.scorer.complete(raw)
    above: Flags = scored.scorer.score(raw) > threshold
    return above
