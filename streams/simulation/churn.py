"""Why and when customers leave, and which of them return without a call."""

from __future__ import annotations

import numpy as np

from schemas.columns import CAUSES
from schemas.instants import SECOND_US
from streams.simulation.customers import NEVER, Customers, Flags, Floats, Ints
from streams.simulation.rules import Rules

DAYS_A_MONTH = 365.25 / 12
DISTANCE, PRICE, SERVICE = CAUSES.index("distance"), CAUSES.index("price"), CAUSES.index("service")
SOLD = CAUSES.index("vehicle_sold")


def hazard_by_traits(people: Customers, rules: Rules) -> Floats:
    """Returns the monthly rate of deciding to leave at the customer's base satisfaction: constant over the run.

    It must not depend on the customer's history: leavers complain before they leave, so a hazard with complaints would
    reveal who left.
    """
    return _monthly_hazard(people, people.base_satisfaction, np.zeros(len(people), np.bool_), rules)


def _monthly_hazard(people: Customers, satisfaction: Floats, complaining: Flags, rules: Rules) -> Floats:
    """Returns the rate per customer, without sold vehicles. Waits and prices act through `satisfaction`."""
    return rules.monthly_hazard * np.exp(
        -rules.satisfaction_weight * satisfaction
        + rules.distance_weight * _distance(people, rules)
        + rules.price_sensitivity_weight * _price(people)
        + rules.open_complaint_weight * complaining
    )


def decide(people: Customers, day: int, rules: Rules, rng: np.random.Generator) -> None:
    """Draws who decides to leave: with signs, after weeks of fading; without, on the same day."""
    sold_rate = rules.vehicle_sold_monthly
    rate = sold_rate + _monthly_hazard(people, people.satisfaction, people.complaint_open, rules)
    free = people.present & (people.cause < 0) & (people.joined_us != 0)
    draw = rng.random(len(people)) * DAYS_A_MONTH
    sold = np.flatnonzero(free & (draw < sold_rate))
    tired = np.flatnonzero(free & (draw >= sold_rate) & (draw < rate))
    people.cause[sold] = SOLD
    people.with_signs[sold] = False  # dissatisfaction is not the reason
    people.leave_day[sold] = day
    people.cause[tired] = _causes(people, tired, rules, rng)
    fading = rng.integers(rules.fading_least_days, rules.fading_most_days, len(tired))
    people.leave_day[tired] = day + np.where(people.with_signs[tired], fading, 0)


def leave(people: Customers, day: int, day_us: int, rules: Rules, rng: np.random.Generator) -> None:
    """Lets customers leave whose day it is; of those without signs and with a vehicle, a share will return."""
    gone = np.flatnonzero(people.present & (people.leave_day == day))
    people.present[gone] = False
    people.left_us[gone] = day_us + rng.integers(0, 86_400, len(gone)) * SECOND_US
    people.use[gone] *= rules.left_use_drop
    silent = ~people.with_signs[gone] & (people.cause[gone] != SOLD)
    back = silent & (rng.random(len(gone)) < rules.return_share)
    after = rng.integers(rules.return_least_days, rules.return_most_days, len(gone))
    people.return_day[gone] = np.where(back, day + after, NEVER)


def come_back(people: Customers, day: int) -> None:
    """Lets customers return whose day it is: they visit today and do not leave a second time."""
    back = people.return_day == day
    people.present |= back
    people.use[back] = 1.0
    people.progress[back] = people.target[back]


def fading(people: Customers) -> Flags:
    """Returns who has decided to leave and is still present."""
    decided: Flags = people.present & (people.leave_day != NEVER) & (people.left_us == 0)
    return decided


def _distance(people: Customers, rules: Rules) -> Floats:
    return np.log(people.distance_km / rules.distance_median_km) / rules.distance_sigma


def _price(people: Customers) -> Floats:
    return (people.price_sensitivity - 0.5) / 0.2236  # the standard deviation of Beta(2, 2)


def _causes(people: Customers, rows: Ints, rules: Rules, rng: np.random.Generator) -> Ints:
    """Draws the cause of each leaver, with probability proportional to exp(burden)."""
    burdens = [_distance(people, rules)[rows], _price(people)[rows], -people.satisfaction[rows]]
    burdens = [burden + rng.gumbel(0, 1, len(rows)) for burden in burdens]
    heaviest: Ints = np.array([DISTANCE, PRICE, SERVICE])[np.argmax(burdens, axis=0)]
    return heaviest
