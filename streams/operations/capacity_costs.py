"""The costs that `keepline capacity` reckons with, as measured; docs/capacity.md says how."""

from __future__ import annotations

from streams.operations.capacity import Costs

ON = "2026-11-30"
MEASURED = Costs(
    event_us=59.9,
    broker_us=4.5,
    row_us=3.6,
    row_bytes=700.0,
    score_bytes=201.5,
    restore_us=8.2,
    sweep_us=8.5,
    monday_us=17.3,
    monday_bytes=663.4,
    learn_us=5.0,
    customer_bytes=1_200.0,
    base_bytes=250e6,
)
