"""The costs that `keepline capacity` reckons with, as measured; docs/capacity.md says how."""

from __future__ import annotations

from streams.operations.capacity import Costs

ON = "2026-12-01"
MEASURED = Costs(
    event_us=3.6,
    row_bytes=780.0,
    score_bytes=202.0,
    restore_us=2.7,
    sweep_us=0.4,
    monday_us=3.1,
    monday_bytes=781.0,
    learn_us=15.3,
    learn_bytes=21_200.0,
    customer_bytes=962.0,
    id_bytes=34.0,
    id_restore_us=0.15,
    worker_cores=0.2,
    base_bytes=446e6,
)
