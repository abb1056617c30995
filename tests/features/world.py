"""Random events for tests of the features, applied tick by tick as in the engine."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from features.aggregates import Layout
from features.catalogue import AGGREGATES
from features.matrix import values
from features.view import View
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, CAUSES, SERVICE_VISIT, SURVEY, Rows, empty_rows
from schemas.instants import DAY_US

START_US = 1_700_006_400_000_000  # a midnight
LAYOUT = Layout(AGGREGATES, ("service_visit",))


@st.composite
def events(draw: st.DrawFn, most: int = 30) -> Rows:
    """Draws rows of one customer over about a year, with distinct ids."""
    n = draw(st.integers(1, most))
    rows = empty_rows(n)
    number = st.floats(0, 1e4).map(lambda x: round(x, 2))
    for i, row in enumerate(rows):
        row["id"], row["kind"] = i + 1, draw(st.sampled_from([APP_ACTIVITY, SERVICE_VISIT, SURVEY]))
        row["time_us"] = START_US + draw(st.integers(0, 365 * 24)) * DAY_US // 24
        if row["kind"] == APP_ACTIVITY:
            row["code"], row["count"] = draw(st.integers(0, len(ACTIVITY_TYPES) - 1)), draw(st.integers(1, 50))
            row["duration_seconds"] = draw(number | st.just(np.nan))
        elif row["kind"] == SERVICE_VISIT:
            row["amount"], row["items"] = draw(number | st.just(np.nan)), draw(st.integers(0, 9))
            row["wait_minutes"] = draw(number | st.just(np.nan))
        else:
            row["code"] = draw(st.integers(0, 1))
            row["score"], row["causes"] = draw(st.integers(0, 10)), draw(st.integers(0, 2 ** len(CAUSES) - 1))
    return rows


def applied(batches: list[Rows]) -> np.ndarray:
    """Returns the customer's block after the batches; each is a tick that ends at the last event so far."""
    block, due_us = LAYOUT.empty[:, None].copy(), 0
    for rows in batches:
        if len(rows):
            due_us = max(due_us, int(rows["time_us"].max()))
            ordered = rows[np.lexsort((rows["id"], rows["kind"], rows["time_us"]))]
            LAYOUT.update(block, ordered, np.zeros(len(rows), np.intp), np.array([float(due_us)]))
    return block


def features_at(block: np.ndarray, at_us: int) -> np.ndarray:
    """Returns all features of the block's customers at an instant."""
    return values(View(LAYOUT, block, np.full(block.shape[1], float(at_us))))
