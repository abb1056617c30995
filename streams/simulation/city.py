"""The simulation day by day: the order of a day's processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from schemas.instants import DAY_US
from streams.simulation import app_activity, churn, contacts, surveys, visits
from streams.simulation.blocks import Block, in_order
from streams.simulation.customer_profiles import CustomerProfiles
from streams.simulation.customers import Ints, create_customers
from streams.simulation.rules import Rules


class City:
    """The customers and the day. `next_day()` may be called without end; memory depends on `customers` only.

    `start_us` is the first midnight, UTC. Each day has a generator of its own, seeded by (seed, day): a shorter run is
    the beginning of a longer one.
    """

    def __init__(self, customers: int, start_us: int, seed: int, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.start_us, self.seed, self.day = start_us, seed, 0
        self.people = create_customers(customers, start_us, self.rules, np.random.default_rng([seed, 0]))
        self.profiles = CustomerProfiles(self.people, self.rules, np.random.default_rng([seed, 0, 1]))

    def contact(self, who: Ints, crossed_us: Ints, contacted_us: Ints, strategies: Sequence[str]) -> contacts.Reaction:
        """Applies contacts with customers on the next day, about cases that opened at `crossed_us`. strategies: of the
        cases.
        """
        return contacts.react(self.people, who, crossed_us, contacted_us, strategies, self.day, self.seed, self.rules)

    def next_day(self) -> Block:
        """Returns the events of the next day."""
        people, rules, day = self.people, self.rules, self.day
        rng, day_us = np.random.default_rng([self.seed, 1 + day]), self.start_us + day * DAY_US
        self.day += 1
        people.present |= people.join_day == day
        self._drift(day, rng)
        churn.come_back(people, day)
        churn.decide(people, day, rules, rng)
        churn.leave(people, day, day_us, rules, rng)
        visited = visits.visit(people, day, day_us, rules, rng)
        complained = app_activity.complaints(people, visited, day, day_us, rules, rng)
        active = app_activity.sessions(people, day, day_us, rules, rng)
        answered = surveys.answers(people, day, day_us, rules, rng)
        written = self.profiles.written(people, day, day_us)
        return Block(day, *map(in_order, ([visited], [complained, active], [answered], [written])))

    def _drift(self, day: int, rng: np.random.Generator) -> None:
        """Moves satisfaction and app use: satisfaction returns to its base, open complaints and fading lower it."""
        people, rules, n = self.people, self.rules, len(self.people)
        fading, gone = churn.fading(people), ~people.present & (people.left_us != 0)
        people.satisfaction += (people.base_satisfaction - people.satisfaction) / rules.calming_days
        people.satisfaction += rng.normal(0, rules.mood_noise, n)
        people.satisfaction[people.complaint_open] -= rules.open_complaint_drift
        people.satisfaction[fading] -= rules.fading_drift
        people.use[fading] *= rules.fading_use_factor
        people.use[gone] *= rules.left_use_factor
        busy = np.flatnonzero(rng.random(n) < rules.lull)
        people.lull_until[busy] = day + rng.integers(rules.lull_least_days, rules.lull_most_days, len(busy))


def city(customers: int, days: int, start_us: int, seed: int) -> Iterator[Block]:
    """Yields the events of a simulated city, a block of columns a day."""
    simulated = City(customers, start_us, seed)
    for _ in range(days):
        yield simulated.next_day()
