"""App activity: sessions, and complaints of dissatisfied customers."""

from __future__ import annotations

import numpy as np

from schemas.instants import HOUR_US, SECOND_US
from streams.simulation.blocks import ACTIVITY, Rows, rows_of
from streams.simulation.churn import fading
from streams.simulation.customers import NEVER, Customers, Ints, seconds_of_a_day
from streams.simulation.rules import Rules

OPEN, BROWSE, CART, PURCHASE, CONSULT, COUPON, CAMPAIGN, REVIEW, COMPLAINT, RESOLVED = range(10)
STEPS = np.array([BROWSE, CONSULT, CART, PURCHASE, CAMPAIGN, REVIEW])
STEP_SHARES = np.cumsum([0.58, 0.13, 0.09, 0.05, 0.09])  # the last has the rest; coupons replace some of all
APP_SECONDS = 15 * 3_600  # 08:00 to 23:00 in UTC+8
SESSION_SECONDS = 1_200


def sessions(people: Customers, day: int, day_us: int, rules: Rules, rng: np.random.Generator) -> Rows:
    """Returns the sessions of a day: an app_open and the steps after it, at most one session a customer."""
    mood = people.satisfaction - people.base_satisfaction
    rate = people.sessions_a_day * people.use * np.exp(rules.mood_weight * mood)
    rate[people.lull_until >= day] *= rules.lull_speed
    rate[(people.joined_us == 0) | (people.joined_us >= day_us)] = 0.0  # customers use the app after their first visit
    who = np.flatnonzero(rng.random(len(people)) < rate)
    opened = day_us + seconds_of_a_day(rng, APP_SECONDS, len(who))
    lasts = rng.integers(20, SESSION_SECONDS, len(who))
    opens = rows_of(ACTIVITY, time_us=opened, customer=who, code=OPEN, count=1, duration_seconds=lasts)
    steps = rng.poisson(rules.extra_steps_mean, len(who))
    later = np.repeat(opened, steps) + rng.integers(1, np.repeat(lasts, steps)) * SECOND_US
    return np.concatenate([opens, _steps(people, np.repeat(who, steps), later, rng)])


def _steps(people: Customers, who: Ints, times_us: Ints, rng: np.random.Generator) -> Rows:
    n = len(who)
    code = STEPS[np.searchsorted(STEP_SHARES, rng.random(n), side="right")]
    code = np.where(rng.random(n) < 0.25 * people.price_sensitivity[who], COUPON, code)
    count = np.where(code == BROWSE, 1 + rng.poisson(2.0, n), 1)
    return rows_of(ACTIVITY, time_us=times_us, customer=who, code=code, count=count, duration_seconds=-1)


def complaints(people: Customers, visits: Rows, day: int, day_us: int, rules: Rules, rng: np.random.Generator) -> Rows:
    """Returns complaints opened (hours after a visit, or while fading) and resolved; some are never resolved."""
    resolved = np.flatnonzero(people.complaint_open & (people.complaint_ends == day))
    people.satisfaction[resolved] += rules.resolved_relief
    settled_us = day_us + seconds_of_a_day(rng, APP_SECONDS, len(resolved))
    who, times_us = _complainants(people, visits, day_us, rules, rng)
    people.complaint_open[resolved] = False  # only now: no customer complains again on the day of the resolution
    people.complaint_open[who] = True
    wait = 1 + rng.geometric(1 / rules.resolved_mean_days, len(who))
    forgotten = rng.random(len(who)) < rules.never_resolved_share
    people.complaint_ends[who] = np.where(forgotten, NEVER, day + wait)
    return np.concatenate([_complaint_rows(resolved, settled_us, RESOLVED), _complaint_rows(who, times_us, COMPLAINT)])


def _complaint_rows(who: Ints, times_us: Ints, code: int) -> Rows:
    return rows_of(ACTIVITY, time_us=times_us, customer=who, code=code, count=1, duration_seconds=-1)


def _complainants(
    people: Customers, visits: Rows, day_us: int, rules: Rules, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Returns who opens a complaint today, and when: at most one a customer, none while one is open."""
    who = visits["customer"]
    anger = rules.complaint_after_visit * np.exp(-0.9 * people.satisfaction[who])
    visited = (rng.random(len(who)) < np.minimum(anger, 0.5)) & ~people.complaint_open[who]
    hours_later = visits["time_us"][visited] + rng.integers(900, 4 * 3_600, visited.sum()) * SECOND_US
    upset = fading(people) & ~people.complaint_open & (rng.random(len(people)) < rules.fading_complaint)
    upset[who] = False
    fuming = np.flatnonzero(upset)
    some_time = day_us + HOUR_US + rng.integers(0, APP_SECONDS - 3_600, len(fuming)) * SECOND_US
    return np.concatenate([who[visited], fuming]), np.concatenate([hours_later, some_time])
