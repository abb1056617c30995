"""A simulated population, week by week: some customers leave, a call wins some back for a while; the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.catalogue import NAMES
from features.portable_math import Array
from online_model.examples import Examples
from online_model.treatment import treatment_codes
from tests.online_model.worlds import WEEK_US

HORIZON, LAPSED, CROSSING, LOYAL = 8, 26, 10, 8  # weeks
NEVER, BEGINS = -10_000, 12  # weeks; before BEGINS no model is ready
VISITS, LEAVES, SAVED = 0.25, 0.02, 0.8  # a week; a week; share of called leavers who stay


@dataclass(frozen=True)
class World:
    """A share of the customers who cross is held out, the others are called; 1: no customer is called (the truth).

    memory: weeks before an observation for which a draw counts.
    """

    holdout_share: float
    customers: int = 1500
    weeks: int = 60
    memory: int = LOYAL + LAPSED

    def examples(self, seed: int) -> list[Examples]:
        """Returns examples of each week whose horizon is over; a lapsed customer is replaced by a new one."""
        rng, n = np.random.default_rng(seed), self.customers
        name, silent = np.arange(n), rng.integers(0, LAPSED, n)
        here, loyal = np.ones(n, np.bool_), np.zeros(n, np.bool_)
        held_out, drawn = rng.random(n) < self.holdout_share, np.full(n, NEVER)
        log = []
        for week in range(self.weeks):
            log.append((name.copy(), silent.copy(), drawn.copy(), held_out.copy()))
            loyal &= week - drawn < LOYAL  # after that a saved customer is like any other
            here &= loyal | (rng.random(n) > LEAVES)
            comes, luck = here & (rng.random(n) < VISITS), rng.random(n)
            silent = np.where(comes, 0, silent + 1)
            crosses = (silent == CROSSING) & (week >= BEGINS)
            drawn[crosses] = week
            back = crosses & ~held_out & ~here & (luck < SAVED)
            here, loyal = here | back, loyal | back
            silent[back] = 0  # a saved customer visits at once
            gone = silent > LAPSED
            name[gone] += n
            silent[gone], here[gone], loyal[gone], drawn[gone] = 0, True, False, NEVER
            held_out[gone] = rng.random(int(gone.sum())) < self.holdout_share
        return [self._labelled(week, log) for week in range(self.weeks - HORIZON)]

    def _labelled(self, week: int, log: list[tuple[Array, ...]]) -> Examples:
        name, silent, drawn, held_out = log[week]
        later, still, drawn_later, _ = log[week + HORIZON]
        n, drawn = len(name), np.where(later == name, drawn_later, drawn)
        raw = np.zeros((len(NAMES), n))
        raw[0] = silent
        # a customer who lapsed before the end of the horizon was silent until then
        left = (later != name) | (still >= silent + HORIZON)
        known = drawn > week - self.memory
        treatment = treatment_codes(known, held_out, known & ~held_out)
        return Examples(
            week * WEEK_US, week, [f"c{one:06d}" for one in name.tolist()], np.full(n, 0.5), {}, raw,
            left.astype(np.uint8), treatment, np.where(known & held_out, self.holdout_share, 1.0),
        )  # fmt: skip
