"""The effect of a contact: the published save rates for leavers with a vehicle, none for other customers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import cache

import numpy as np
import pytest

from schemas.instants import DAY_US, HOUR_US, parse_instant
from streams.simulation import City
from streams.simulation.blocks import Block
from streams.simulation.churn import SOLD, fading
from streams.simulation.contacts import Reaction, can_be_saved
from streams.simulation.customers import Flags, Ints

START_US = parse_instant("2023-01-02T00:00:00Z")
PUBLISHED = {7: 0.62, 14: 0.55, 21: 0.38, 30: 0.22}
LATE = 31
LIVED_DAYS = 300
PATIENCE_DAYS = 31  # a saved customer comes within a month


def grown(customers: int = 3_000) -> City:
    """Returns a copy of a city after some time."""
    return deepcopy(_grown(customers))


@cache
def _grown(customers: int) -> City:
    city = City(customers, START_US, seed=11)
    for _ in range(LIVED_DAYS):
        city.next_day()
    return city


def call(city: City, who: Ints, delay_days: float) -> Reaction:
    """Calls customers today, `delay_days` after their crossing."""
    now_us = np.full(len(who), START_US + city.day * DAY_US + 9 * HOUR_US)
    return city.contact(who, now_us - int(delay_days * DAY_US), now_us, ["default"] * len(who))


def leavers(city: City) -> Ints:
    return np.flatnonzero(can_be_saved(city.people))


def lived_on(city: City, days: int) -> bytes:
    return bytes_of(city.next_day() for _ in range(days))


def bytes_of(blocks: Iterable[Block]) -> bytes:
    return b"".join(rows.tobytes() for day in blocks for rows in (day.visits, day.activity, day.surveys))


def state(city: City) -> Sequence[bytes]:
    return [column.tobytes() for column in vars(city.people).values()]


def came(city: City, days: int) -> Flags:
    """Returns which customers visit within the next days."""
    visitors = np.concatenate([city.next_day().visits["customer"] for _ in range(days)])
    return np.isin(np.arange(len(city.people)), visitors)


@pytest.mark.parametrize("delay_days", PUBLISHED)
def test_leavers_come_back_at_the_published_rate_of_the_delay(delay_days: int) -> None:
    city = grown(12_000)
    who = np.flatnonzero(can_be_saved(city.people) & ~fading(city.people) & (city.people.return_day > 10**6))
    call(city, who, delay_days)
    share, rate = came(city, PATIENCE_DAYS)[who].mean(), PUBLISHED[delay_days]
    assert abs(share - rate) < 4 * math.sqrt(rate * (1 - rate) / len(who)) < 0.07


def test_a_contact_past_the_last_window_changes_nothing() -> None:
    called, alone = grown(), grown()
    call(called, leavers(called), LATE)
    assert lived_on(called, PATIENCE_DAYS) == lived_on(alone, PATIENCE_DAYS)


def test_a_contact_with_a_customer_who_is_not_leaving_changes_nothing() -> None:
    called, alone = grown(), grown()
    call(called, np.flatnonzero(~can_be_saved(called.people)), 1)
    assert lived_on(called, PATIENCE_DAYS) == lived_on(alone, PATIENCE_DAYS)


def test_a_customer_without_a_vehicle_is_not_saved() -> None:
    city = grown()
    sold = np.flatnonzero(~city.people.present & (city.people.cause == SOLD))
    assert len(sold) > 50
    call(city, sold, 1)
    assert not came(city, PATIENCE_DAYS)[sold].any()


def test_a_later_call_never_saves_a_customer_whom_an_earlier_one_would_not() -> None:
    early, late = grown(), grown()
    who, opened_us = leavers(early), np.full(len(leavers(early)), START_US + (LIVED_DAYS - 20) * DAY_US)
    for city, days in ((early, 4), (late, 16)):
        city.contact(who, opened_us, opened_us + days * DAY_US, ["default"] * len(who))
    saved_early, saved_late = (city.people.contacted_us[who] != 0 for city in (early, late))
    assert saved_late.sum() > 50
    assert not (saved_late & ~saved_early).any()


def test_a_second_call_about_the_same_crossing_changes_nothing() -> None:
    once, twice = grown(), grown()
    call(once, leavers(once), 5)
    now_us = call(twice, leavers(twice), 5)
    assert now_us.saved.any()
    assert not call(twice, leavers(twice), 5).saved.any()
    assert state(once) == state(twice)


def test_the_order_of_calls_does_not_matter() -> None:
    together, apart = grown(), grown()
    who = leavers(together)
    call(together, who, 5)
    call(apart, who[::-2], 5)
    call(apart, who[-2::-2], 5)
    assert state(together) == state(apart)


def test_a_saved_customer_visits_again_and_again() -> None:
    city = grown()
    who = leavers(city)
    saved = who[call(city, who, 5).saved]
    came(city, PATIENCE_DAYS)
    assert came(city, 180)[saved].mean() > 0.85


def test_a_fading_customer_who_is_saved_does_not_leave() -> None:
    city = grown()
    who = np.flatnonzero(can_be_saved(city.people) & fading(city.people))
    saved = who[call(city, who, 5).saved]
    came(city, 250)
    assert len(saved) > 20
    assert not city.people.left_us[saved].any()


def test_the_truth_knows_the_visit_that_a_call_led_to() -> None:
    city = grown()
    who = leavers(city)
    call_us, reaction = START_US + city.day * DAY_US, call(city, who, 5)
    came(city, PATIENCE_DAYS)
    waited_days = (city.people.saved_us[who] - call_us) / DAY_US
    assert np.all((waited_days[reaction.saved] > 0) & (waited_days[reaction.saved] <= PATIENCE_DAYS))
    assert not city.people.saved_us[who[~reaction.saved]].any()
