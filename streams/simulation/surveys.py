"""Answers to surveys, some days after a visit; dissatisfied customers name causes."""

from __future__ import annotations

import numpy as np

from schemas.columns import CAUSES
from streams.simulation.blocks import SURVEY, Rows, rows_of
from streams.simulation.churn import DISTANCE, PRICE, SERVICE, SOLD
from streams.simulation.customers import Customers, Floats, Ints, seconds_of_a_day
from streams.simulation.rules import Rules

NPS, CSAT = 0, 1
PRODUCT, OTHER = CAUSES.index("product"), CAUSES.index("other")
ANSWER_SECONDS = 14 * 3_600


def answers(people: Customers, day: int, day_us: int, rules: Rules, rng: np.random.Generator) -> Rows:
    """Returns the surveys answered on a day."""
    who = np.flatnonzero(people.survey_day == day)
    n = len(who)
    felt = people.satisfaction[who] + rng.normal(0, 0.7, n)
    code = np.where(rng.random(n) < rules.nps_share, NPS, CSAT)
    score = np.where(code == NPS, np.clip(7.4 + 1.4 * felt, 0, 10), np.clip(75 + 11 * felt, 0, 100))
    return rows_of(
        SURVEY,
        time_us=day_us + seconds_of_a_day(rng, ANSWER_SECONDS, n),
        customer=who,
        code=code,
        score=np.round(score),
        causes=_causes(people, who, felt, rng),
    )


def _causes(people: Customers, who: Ints, felt: Floats, rng: np.random.Generator) -> Ints:
    """Returns bit masks of causes: the largest burden, of dissatisfied customers; a sold vehicle, of half of them."""
    noise = rng.gumbel(0, 0.7, (3, len(who)))
    burdens = np.stack([np.log(people.distance_km[who] / 8.0), 4 * people.price_sensitivity[who] - 2, -felt])
    named = 1 << np.array([DISTANCE, PRICE, SERVICE])[np.argmax(burdens + noise, axis=0)]
    named |= (rng.random(len(who)) < 0.08) * (1 << PRODUCT)
    named |= (rng.random(len(who)) < 0.05) * (1 << OTHER)
    unhappy = rng.random(len(who)) < 1 / (1 + np.exp(2 + 1.5 * felt))
    sold = (people.cause[who] == SOLD) & (rng.random(len(who)) < 0.5)
    masks: Ints = unhappy * named | sold * (1 << SOLD)
    return masks
