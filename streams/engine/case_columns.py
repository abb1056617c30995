"""The columns of a customer's row that are about cases: beside the aggregates, at the end of the row."""

from __future__ import annotations

import numpy as np

# Columns of a customer's row beside the aggregates. `sent_probability` is the last published score: it moves with every
# change of tier, so it is also what the next score is compared with. The first five are those of cases.py.
CASE_COLUMNS = (
    "sent_probability", "armed", "case_opened_us", "pending_crossed_us", "retry_us",
    "upgrade_above", "touched_us", "touch_points", "contacted_us", "persona", "profile_us", "value",
)  # fmt: skip
SENT, ARMED, OPENED, PENDING, RETRY, UPGRADE, TOUCHED, POINTS, CONTACTED, PERSONA, PROFILE_US, VALUE = range(
    len(CASE_COLUMNS)
)
NO_CASE = np.array([np.nan, 1.0, -np.inf, -np.inf, -np.inf, np.inf, -np.inf, 0.0, -np.inf, 0.0, -np.inf, np.nan])
WIDTH, DECIDED = len(CASE_COLUMNS), CONTACTED  # the first DECIDED columns may change when a customer is scored
KEPT = WIDTH - PERSONA  # the last ones are of the customer's profile
