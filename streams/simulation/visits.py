"""Service visits: when each customer visits, and the effect on satisfaction."""

from __future__ import annotations

import numpy as np

from schemas.instants import DAY_US
from streams.simulation.blocks import VISIT, Rows, rows_of
from streams.simulation.churn import fading
from streams.simulation.customers import NEVER, Customers, Ints, seconds_of_a_day
from streams.simulation.rules import Rules

SHARES = np.cumsum([0.5, 0.2, 0.1, 0.08, 0.05])  # of SERVICE_TYPES; the last takes the rest
MEDIAN_CNY = np.array([620.0, 1_150.0, 260.0, 1_700.0, 2_600.0, 90.0])
REPAIR = 1
OPEN_SECONDS = 11 * 3_600  # 08:00 to 19:00 in UTC+8, which is 00:00 to 11:00 UTC


def seasonality(day_us: int, rules: Rules) -> float:
    """Returns the visit rate of the day, about 1 on average: higher in January, in July and at weekends."""
    days = day_us // DAY_US
    weekend = rules.weekend if (days + 3) % 7 >= 5 else (7 - 2 * rules.weekend) / 5  # 1970-01-01: a Thursday
    return float(weekend * (1 + rules.season * np.cos(4 * np.pi * (days % 365.25 - 20) / 365.25)))


def visit(people: Customers, day: int, day_us: int, rules: Rules, rng: np.random.Generator) -> Rows:
    """Returns the visits of a day; updates progress and satisfaction, and plans surveys."""
    speed = np.where(people.lull_until >= day, rules.lull_speed, 1.0)
    speed[fading(people)] *= rules.fading_visit_speed
    people.progress += speed * seasonality(day_us, rules) / people.gap_days
    came = np.flatnonzero(people.present & (people.progress >= people.target))
    people.progress[came] = 0.0
    people.target[came] = rng.gamma(rules.gap_shape, 1 / rules.gap_shape, len(came))
    rows = _visits(people, came, day_us, rules, rng)
    _record_visits(people, rows, day)
    _update_satisfaction(people, rows, rules, rng)
    asked = came[rng.random(len(came)) < rules.survey_share]
    people.survey_day[asked] = day + rng.integers(1, 6, len(asked))
    return rows


def _visits(people: Customers, came: Ints, day_us: int, rules: Rules, rng: np.random.Generator) -> Rows:
    n = len(came)
    service = np.searchsorted(SHARES, rng.random(n), side="right")
    elsewhere = rng.random(n) < rules.other_store_share
    store = np.where(elsewhere, rng.integers(0, rules.stores, n), people.store[came])
    slowness = 0.7 + 0.6 * store / max(rules.stores - 1, 1)  # waits are longest at the last store
    amount = MEDIAN_CNY[service] * people.spend[came] * np.exp(rng.normal(0, 0.4, n))
    return rows_of(
        VISIT,
        time_us=day_us + seconds_of_a_day(rng, OPEN_SECONDS, n),
        customer=came,
        service=service,
        store=store,
        amount=np.round(amount, 2),
        items=1 + rng.poisson(1.2, n),
        wait_minutes=np.round(rng.gamma(2.5, rules.wait_mean_minutes / 2.5, n) * slowness),
    )


def _record_visits(people: Customers, rows: Rows, day: int) -> None:
    """Records joins, returns and saves at the time of the visit."""
    who, times = rows["customer"], rows["time_us"]
    new, persuaded = people.joined_us[who] == 0, people.contacted_us[who] != 0
    back = (people.return_day[who] == day) & ~persuaded
    saved = persuaded & (people.saved_us[who] == 0) & (times > people.contacted_us[who])
    people.joined_us[who[new]] = times[new]
    people.returned_us[who[back]] = times[back]
    people.saved_us[who[saved]] = times[saved]
    people.return_day[who[saved]] = NEVER


def _update_satisfaction(people: Customers, rows: Rows, rules: Rules, rng: np.random.Generator) -> None:
    who, n = rows["customer"], len(rows)
    dear = np.log(rows["amount"] / (MEDIAN_CNY[rows["service"]] * people.spend[who]))
    failed = (rows["service"] <= REPAIR) & (rng.random(n) < rules.bad_repair_share)
    people.satisfaction[who] += (
        rules.wait_weight * (rules.wait_mean_minutes - rows["wait_minutes"])
        - rules.price_weight * people.price_sensitivity[who] * dear
        - rules.bad_repair_shock * failed
        + rng.normal(0, rules.visit_noise, n)
    )
