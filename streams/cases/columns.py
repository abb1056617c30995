"""The columns of a customer's row that are about cases: beside the aggregates, at the end of the row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.aggregates import column_name
from features.facts import KEPT_FOR_FACTS
from features.portable_math import Array
from features.touch_signals import KEPT_FOR_TOUCHES

# Columns of a customer's row beside the aggregates. `sent_probability` is the last published score: it changes with
# every change of tier, so the next score is compared with it. The first six are those of interventions/opening.py.
# `drawn_us`: when the draw of the holdout last decided alone whether a case is sent;
# `held_share`: the holdout's share at that draw, if the customer was held out; 0: not held out.
# `speakers`: bits of the producers that sent the customer's events (inputs/producers.py); 0 in event time.
# `cut_us`: when the customer was last erased, or withdrew consent.
CASE_COLUMNS = (
    "sent_probability", "armed", "case_opened_us", "pending_crossed_us", "retry_us",
    "upgrade_above", "touched_us", "touch_points", "drawn_us", "held_share", "contacted_us", "speakers", "persona",
    "profile_us", "value", "cut_us",
)  # fmt: skip
SENT, ARMED, OPENED, PENDING, RETRY, UPGRADE, TOUCHED = range(7)
POINTS, DRAWN, HELD, CONTACTED, SPEAKERS, ATTRIBUTES, PROFILE_US, VALUE, CUT = range(7, len(CASE_COLUMNS))
NEVER = -np.inf
NO_CASE = np.array(
    [np.nan, 1.0, NEVER, NEVER, NEVER, np.inf, NEVER, 0.0, NEVER, 0.0, NEVER, 0.0, 0.0, NEVER, np.nan, NEVER]
)
# the columns that came with a release, the newest first: rows from before it are read
ADDED = (tuple(map(column_name, (*KEPT_FOR_FACTS, *KEPT_FOR_TOUCHES))), ("speakers",))
WIDTH, DECIDED = len(CASE_COLUMNS), CONTACTED  # the first DECIDED columns may change when a customer is scored
KEPT = WIDTH - ATTRIBUTES  # the last KEPT columns come from the customer profile


def waits_for_turn(pending_us: Array, retry_us: Array) -> NDArray[np.bool_]:
    """Returns (n,): pending crossings that wait for no instant and no grant: a hold or a producer made them wait."""
    waits: NDArray[np.bool_] = np.isfinite(pending_us) & (retry_us == NEVER)
    return waits
