"""Bias by treatment: predictions of a learner in a city where cases are worked on, against one where none is called.

Each seed has a city without calls, which shows who leaves if left alone, and the same city with calls. Learners of both
predict for customers of the first city, each instant before it is learned, in late weeks. Customers are at risk when
the untreated learner of another seed puts them above the threshold, so that no learner is selected by its own errors.
The untreated learner is biased too: after a year with few labels predictions are shrunk towards the mean. The effect of
treatment is therefore the difference to the untreated learner.

    python -m benchmarks.treatment
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.closed_loop import IDLE, PERSUASIVE, PROMPT, PUBLISHED, START_US, run_city
from features.matrix import scaled
from features.portable_math import Array
from online_model.examples import Examples
from online_model.learner import Learner, Rules
from online_model.treatment import weights
from schemas.instants import DAY_US
from streams.simulation.crm import Habits

CUSTOMERS, DAYS, SEEDS = 700, 800, (1, 2, 3, 4)
LATE_US = START_US + 400 * DAY_US
AT_RISK = 0.5
STUDENT = 3.182  # two-sided 95 % with one degree of freedom less than there are seeds
WORLDS = {"published rates": (PUBLISHED, Habits()), "9 of 10 saved": (PERSUASIVE, PROMPT)}
UNTREATED = "untreated"

Log = dict[int, Examples]
Key = tuple[str, int]  # learner or city, seed


class Comparison:
    """All learners side by side. errors: by learner and seed, prediction minus label of each observation."""

    def __init__(self, cities: dict[Key, Log], rules: Rules) -> None:
        self.cities = cities
        self.learners: dict[Key, tuple[str, Learner]] = {}  # with the name of its city
        for world, seed in cities:
            treated = {f"{world}, naive": False, f"{world}, weighted": True}
            for name, leaves_out in ({UNTREATED: False} if world == UNTREATED else treated).items():
                self.learners[name, seed] = world, Learner(replace(rules, leaves_out_treated=leaves_out))
        self.errors: dict[Key, list[Array]] = defaultdict(list)
        self.left: dict[Key, list[Array]] = defaultdict(list)  # (2, n): weight and label of examples at risk
        self.customers: dict[int, list[str]] = defaultdict(list)

    def run(self) -> None:
        """Predicts, then learns, instant by instant."""
        for at_us in sorted(set.intersection(*(set(log) for log in self.cities.values()))):
            if at_us >= LATE_US:
                for world, seed in self.cities:
                    self._ask(world, seed, at_us)
            for (_, seed), (world, learner) in self.learners.items():
                learner.learn(at_us, [self.cities[world, seed][at_us]])

    def _ask(self, world: str, seed: int, at_us: int) -> None:
        examples, referee = self.cities[world, seed][at_us], SEEDS[SEEDS.index(seed) - 1]
        x = scaled(examples.features)
        risky = np.flatnonzero(self.learners[UNTREATED, referee][1].model.probability(x) > AT_RISK)
        x, label = np.ascontiguousarray(x[:, risky]), examples.label[risky].astype(np.float64)
        if world != UNTREATED:
            weight = weights(examples.treatment[risky], examples.propensity[risky])
            self.left[f"{world}, naive", seed].append(np.stack([np.ones(len(label)), label]))
            self.left[f"{world}, weighted", seed].append(np.stack([weight, label]))
            return
        self.left[UNTREATED, seed].append(np.stack([np.ones(len(label)), label]))
        self.customers[seed] += [f"{seed} {examples.customers[i]}" for i in risky.tolist()]
        for (name, of), (_, learner) in self.learners.items():
            if of == seed:
                self.errors[name, seed].append(learner.model.probability(x) - label)

    def lines(self) -> Iterator[str]:
        """Yields the lines of the table."""
        who = [customer for seed in SEEDS for customer in self.customers[seed]]
        yield f"{len(who):,} observations at risk of {len(set(who)):,} untreated customers, {len(SEEDS)} seeds; 95 %"
        yield f"{'':28} {'predicted - label':>18} {'less untreated':>18} {'share left':>18} {'less untreated':>18}"
        for name in dict.fromkeys(name for name, _ in self.learners):
            errors, left = [np.concatenate(self.errors[name, seed]) for seed in SEEDS], self._left(name)
            bias = self._bias(name) - self._bias(UNTREATED)
            cells = [by_customer(np.concatenate(errors), who), over_seeds(bias)]
            cells += [over_seeds(left), over_seeds(left - self._left(UNTREATED))]
            yield f"{name:28} " + " ".join(f"{mean:+10.3f} ± {wide:.3f}" for mean, wide in cells)

    def _bias(self, name: str) -> Array:
        return np.array([np.concatenate(self.errors[name, seed]).mean() for seed in SEEDS])

    def _left(self, name: str) -> Array:
        pairs = [np.concatenate(self.left[name, seed], axis=1) for seed in SEEDS]
        return np.array([(weight * label).sum() / weight.sum() for weight, label in pairs])


def by_customer(error: Array, names: Sequence[str]) -> tuple[float, float]:
    """Returns the mean and half of its interval, clustered by customer."""
    _, who = np.unique(np.array(names), return_inverse=True)
    mean = float(error.mean())
    return mean, float(1.96 * np.sqrt((np.bincount(who, error - mean) ** 2).sum()) / len(error))


def over_seeds(values: Array) -> tuple[float, float]:
    """Returns the mean over seeds and half of its interval."""
    return float(values.mean()), float(STUDENT * values.std(ddof=1) / np.sqrt(len(values)))


def main() -> None:
    """Simulates all cities, then compares the learners."""
    cities: dict[Key, Log] = {}
    for seed in SEEDS:
        for world, (rules, habits) in {UNTREATED: (PUBLISHED, IDLE), **WORLDS}.items():
            cities[world, seed], learning = run_city(CUSTOMERS, DAYS, seed, rules, habits)
    comparison = Comparison(cities, learning)
    comparison.run()
    print("\n".join(comparison.lines()))


if __name__ == "__main__":
    main()
