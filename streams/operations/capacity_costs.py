"""The costs that `keepline capacity` reckons with, as measured; docs/capacity.md says how."""

from __future__ import annotations

from streams.operations.capacity import Costs

ON = "2026-11-30"
MEASURED = Costs(
    event_us=48.1,
    row_bytes=846.0,
    score_bytes=202.0,
    restore_us=5.8,
    sweep_us=8.3,
    monday_us=16.0,
    monday_bytes=663.0,
    learn_us=79.5,
    customer_bytes=1_537.0,
    base_bytes=173e6,
)
