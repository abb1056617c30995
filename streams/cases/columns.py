"""The columns of a customer's row that are about cases: beside the aggregates, at the end of the row."""

from __future__ import annotations

import numpy as np

# Columns of a customer's row beside the aggregates. `sent_probability` is the last published score: it moves with every
# change of tier, so it is also what the next score is compared with. The first five are those of cases.py.
# `drawn_us`: when it was last for the draw of the holdout alone to say whether the CRM is told of a case;
# `held_share`: the share that was held out then, if the customer was; 0: the CRM was to be told.
# `speakers`: bits of the producers from which the customer's events have come (inputs/producers.py), live.
# `cut_us`: when the customer was last erased, or withdrew.
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
LACKED = SPEAKERS  # the column that the release before had not
WIDTH, DECIDED = len(CASE_COLUMNS), CONTACTED  # the first DECIDED columns may change when a customer is scored
KEPT = WIDTH - ATTRIBUTES  # the last ones are of the customer's profile
