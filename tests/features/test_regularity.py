"""The features of regularity are what counting the distinct days gives, whatever the order of the events."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, pstdev

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import NAMES
from features.day_rings import KEPT
from schemas.columns import SERVICE_VISIT, Rows
from schemas.instants import DAY_US
from tests.features.world import applied, events, features_at

REGULAR = NAMES[NAMES.index("gap_variation") :]
WINDOWS = (30, 60, 90, 182)


def expected(rows: Rows, at_us: int) -> dict[str, float]:
    """The features by their definitions, in plain Python."""
    times = sorted(int(one["time_us"]) for one in rows if one["kind"] == SERVICE_VISIT)
    if not times:
        first = int(rows["time_us"].min())
        tenure = (at_us - first) / DAY_US
        zero = {"gap_last": 0.0, "gap_longest": 0.0, "overdue_deviations": 0.0} | dict.fromkeys(
            [f"retained_days_{n}d" for n in WINDOWS], 0.0
        )
        return zero | {"gap_variation": 1.0, "weekday_share": 1 / 7, "beyond_longest_gap": math.log(1 + tenure)}
    days = sorted({us // DAY_US for us in times}, reverse=True)[:KEPT]
    gaps = [a - b for a, b in pairwise(days)]
    silent = (at_us - times[-1]) / DAY_US
    mean, deviation = (fmean(gaps), pstdev(gaps)) if gaps else (0.0, 0.0)
    few = len(gaps) < 2
    most = max(sum(day % 7 == one for day in days) for one in range(7))
    return {
        "gap_variation": 1.0 if few else min(deviation / max(mean, 1.0), 3.0),
        "gap_last": gaps[0] if gaps else 0.0,
        "gap_longest": max(gaps, default=0.0),
        "beyond_longest_gap": math.log((1 + silent) / (1 + max(gaps, default=0))),
        "overdue_deviations": 0.0 if few else min(max((silent - mean) / max(deviation, 3.0), -4.0), 12.0),
        "weekday_share": (most + 1) / (len(days) + 7),
    } | {f"retained_days_{n}d": float(sum(silent + days[0] - day <= n for day in days)) for n in WINDOWS}


@given(events(), st.integers(0, 24 * 400))
def test_each_is_what_counting_gives(rows: Rows, hours_later: int) -> None:
    at_us = int(rows["time_us"].max()) + hours_later * DAY_US // 24
    found = dict(zip(NAMES, features_at(applied([rows]), at_us)[:, 0].tolist(), strict=True))
    for name, value in expected(rows, at_us).items():
        assert math.isclose(found[name], value, rel_tol=1e-9, abs_tol=1e-6), name


@given(events(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_bits(rows: Rows, random: object) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    cut = random.randrange(len(rows) + 1)  # type: ignore[attr-defined]
    at_us = int(rows["time_us"].max()) + DAY_US
    places = [NAMES.index(name) for name in REGULAR]
    late = features_at(applied([rows[order[:cut]], rows[order[cut:]]]), at_us)[places]
    assert late.tobytes() == features_at(applied([rows]), at_us)[places].tobytes()


def test_a_customer_of_whom_no_event_is_known_has_finite_values() -> None:
    assert np.isfinite(features_at(applied([]), 20_000 * DAY_US)).all()
