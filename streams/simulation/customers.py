"""The customers of the city: constant traits and changing state, an array each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.instants import SECOND_US
from streams.simulation.rules import Rules

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
NEVER = np.int64(2**31)  # a day after the end of any run


@dataclass
class Customers:
    """Columns of length `customers`; days count from the start, `_us` are event times, 0 = not yet."""

    # traits
    gap_days: Floats
    distance_km: Floats
    price_sensitivity: Floats  # 0 to 1
    sessions_a_day: Floats
    base_satisfaction: Floats
    spend: Floats  # multiplies every amount
    store: Ints
    with_signs: Flags  # would leave with signs
    join_day: Ints
    # state
    joined_us: Ints
    present: Flags
    satisfaction: Floats
    progress: Floats  # towards the next visit, in own mean gaps
    target: Floats
    use: Floats  # of the app, 1 = as usual
    lull_until: Ints
    complaint_open: Flags
    complaint_ends: Ints
    survey_day: Ints
    leave_day: Ints
    left_us: Ints
    return_day: Ints
    returned_us: Ints
    contacted_us: Ints  # the contact that will bring a leaver back
    saved_us: Ints  # the visit that it led to
    cause: Ints  # index into schemas.columns.CAUSES, -1 = has not decided

    def __len__(self) -> int:
        return len(self.gap_days)


def seconds_of_a_day(rng: np.random.Generator, seconds: int, n: int) -> Ints:
    """Returns (n,) us after midnight, below `seconds`; never midnight itself, which belongs to the day before."""
    return np.maximum(rng.integers(0, seconds, n), 1) * SECOND_US


def create_customers(customers: int, start_us: int, rules: Rules, rng: np.random.Generator) -> Customers:
    """Draws the customers of a city just before `start_us`; newcomers have a join_day from 0 on."""
    base = rng.normal(0, 1, customers)
    newcomer = rng.random(customers) < rules.newcomers_share
    join_day = np.where(newcomer, rng.integers(0, rules.newcomers_over_days, customers), -1)
    tenure_seconds = rng.integers(1, rules.tenure_before_days * 86_400, customers)
    gap = rules.gap_median_days * np.exp(rng.normal(0, rules.gap_sigma, customers))
    target = rng.gamma(rules.gap_shape, 1 / rules.gap_shape, customers)
    sessions = rules.sessions_median * np.exp(rng.normal(0, rules.sessions_sigma, customers) + 0.3 * base)
    no_app = rng.random(customers) < rules.without_app_share
    return Customers(
        gap_days=np.clip(gap, rules.gap_least_days, rules.gap_most_days),
        distance_km=rules.distance_median_km * np.exp(rng.normal(0, rules.distance_sigma, customers)),
        price_sensitivity=rng.beta(2, 2, customers),
        sessions_a_day=np.where(no_app, 0.0, np.minimum(sessions, 0.5)),
        base_satisfaction=base,
        spend=np.exp(rng.normal(0, 0.35, customers)),
        store=rng.integers(0, rules.stores, customers),
        with_signs=rng.random(customers) < rules.with_signs_share,
        join_day=join_day,
        joined_us=np.where(newcomer, 0, start_us - tenure_seconds * SECOND_US),
        present=~newcomer,
        satisfaction=base.copy(),
        progress=target * np.where(newcomer, 1.0, rng.random(customers)),  # a newcomer joins by a visit
        target=target,
        use=np.ones(customers),
        lull_until=np.full(customers, -1, np.int64),
        complaint_open=np.zeros(customers, np.bool_),
        complaint_ends=np.full(customers, NEVER),
        survey_day=np.full(customers, -1, np.int64),
        leave_day=np.full(customers, NEVER),
        left_us=np.zeros(customers, np.int64),
        return_day=np.full(customers, NEVER),
        returned_us=np.zeros(customers, np.int64),
        contacted_us=np.zeros(customers, np.int64),
        saved_us=np.zeros(customers, np.int64),
        cause=np.full(customers, -1, np.int64),
    )
