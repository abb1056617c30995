"""The promises of the statistics on cases, in simulated years that are looked at daily.

A case crosses with a churn probability, returns or not by a share that depends on it and on the season, and closes
`CLOSES_AFTER` days later. The worlds differ in how arms are drawn and in what the arms do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from benchmarks.measure import Measure, Scale, at_least, at_most
from features.portable_math import Array
from streams.experiments.fatigue import Fatigue
from streams.experiments.lift import Estimate, Lift
from streams.experiments.sample_ratio import SampleRatio
from streams.experiments.weights import best_shares, with_floor

RUNS = {"small": 100, "full": 1000}
AT_A_TIME = 100  # runs whose arrays stay in the processor's cache
DAYS, CASES_A_DAY, CLOSES_AFTER, HOLDOUT = 365, 100, 7, 0.1
FLOOR, STRATEGIES = 0.05, 3
BEST = (0.30, 0.32, 0.35, 0.38, 0.42)
NORMAL = float(norm.ppf(0.975))


@dataclass(frozen=True, slots=True)
class World:
    """How arms are drawn, and by how much each raises the share that returns by the closing."""

    name: str
    effect: float = 0.0
    changes_shares: bool = False
    adaptive: bool = False
    only_faster: bool = False
    blind: bool = False  # the churn probability says nothing


def run(scale: Scale, seed: int) -> list[Measure]:
    """Returns all measures."""
    runs = RUNS[scale]
    return [
        *_lifts(runs, seed),
        *_sample_ratio(runs, seed),
        *_bandits(runs, seed),
        *_fatigue(runs, seed),
    ]


def _lifts(runs: int, seed: int) -> Iterator[Measure]:
    worlds = [
        World("no effect"),
        World("no effect, share changed three times", changes_shares=True),
        World("no effect, adaptive weights", adaptive=True),
        World("no effect, only faster", only_faster=True),
        World("no effect, blind covariate", blind=True),
        *(World(f"+{100 * effect:.0f} points", effect) for effect in (0.02, 0.05, 0.10)),
    ]
    for number, world in enumerate(worlds):
        parts = [_year(world, AT_A_TIME, [seed, number, i]) for i in range(runs // AT_A_TIME)]
        missed, found, ratio, narrower = (np.concatenate([part[i] for part in parts]) for i in range(4))
        wrong = float(missed.mean())
        if world.effect:
            claim = at_least(1.0 - wrong, 0.95, "truth inside at every look in at least 95 %")
            yield Measure(f"{world.name}: inside at every look", 1.0 - wrong, "of runs", claim=claim)
        else:
            claim = at_most(wrong, 0.064, "0 is ever excluded in at most 6.4 %")
            yield Measure(f"{world.name}: ever excludes 0", wrong, "of runs", claim=claim)
        if world.blind:
            claim = at_most(float(narrower.max()), 1.02, "at most 1.02 in any run")
            yield Measure("half-width with a blind covariate to that without", float(narrower.max()), "x", claim=claim)
        if world.effect == 0.10:
            claim = at_least(float(found.mean()), 0.95, "found within 90 days in at least 95 %")
            yield Measure("+10 points: found within 90 days", float(found.mean()), "of runs", claim=claim)
            claim = at_most(float(ratio.mean()), 1.6, "at most 1.6 times as wide at the planned end")
            yield Measure("half-width to that of a fixed-horizon z interval", float(ratio.mean()), "x", claim=claim)
            yield Measure("half-width with the covariate to that without", float(narrower.mean()), "x")


def _year(world: World, runs: int, seed: list[int]) -> tuple[Array, Array, Array, Array]:
    """Returns of each run: whether the truth was ever outside, whether an effect was found within 90 days, and the
    half-width at the end against a z interval and against the same without the covariate.
    """
    rng = np.random.default_rng(seed)
    lift, plain = (Lift(DAYS * CASES_A_DAY, 1.0 - HOLDOUT, HOLDOUT, (runs,)) for _ in range(2))
    shares, closed = _Shares(world, runs), []
    missed, found = np.zeros(runs, bool), np.zeros(runs, bool)
    for day in range(DAYS + CLOSES_AFTER):
        if day < DAYS:
            closed.append(_open(world, rng, day, shares.of(day)))
        if day < CLOSES_AFTER:
            continue
        x, outcome, arm, propensity = closed[day - CLOSES_AFTER]
        held, p_held = arm == 0, propensity[:, :1]
        if world.adaptive:  # the first strategy against the holdout
            drawn, p = (arm == 1, held), (propensity[:, 1:2], p_held)
        else:
            drawn, p = (~held, held), (1.0 - p_held, p_held)
        lift.add(x, outcome, drawn, p)
        plain.add(np.zeros_like(x), outcome, drawn, p)
        shares.learn(day - CLOSES_AFTER, arm, outcome)
        closed[day - CLOSES_AFTER] = ()
        estimate = lift.estimate()
        missed |= (estimate.low > world.effect) | (estimate.high < world.effect)
        if day < 90:
            found |= estimate.low > 0.0
    return missed, found, _ratio(lift, estimate.high - estimate.value), _ratio_to(estimate, plain)


def _open(world: World, rng: np.random.Generator, day: int, propensity: Array) -> tuple[Array, ...]:
    """Draws the cases of a day: churn probability, outcome at the closing, arm, (runs, cases), and propensities."""
    shape = len(propensity), CASES_A_DAY
    x = rng.uniform(0.5, 0.95, shape)
    arm = (rng.random(shape)[..., None] >= propensity.cumsum(-1)[:, None, :-1]).sum(-1)
    share = 1.05 - x + 0.05 * np.sin(2.0 * np.pi * day / 365.0) + world.effect * (arm > 0)
    chance = rng.random(shape)
    outcome = (chance < share).astype(np.float64)
    if world.blind:
        x = rng.permuted(x, axis=-1)
    if world.only_faster:  # days until the return: halved by a contact, but never brought in from beyond the closing
        returns = CLOSES_AFTER * chance / share
        returns = np.where((arm > 0) & (returns <= CLOSES_AFTER), returns / 2.0, returns)
        outcome = (returns <= CLOSES_AFTER).astype(np.float64)
    return x, outcome, arm, propensity


class _Shares:
    """The propensities of a world, day by day; adaptive ones are frozen for a week."""

    def __init__(self, world: World, runs: int) -> None:
        self.world, self.runs = world, runs
        weeks = DAYS // 7 + 1
        self.n, self.hits = np.zeros((runs, weeks, STRATEGIES)), np.zeros((runs, weeks, STRATEGIES))
        self.now = np.full((runs, STRATEGIES), 1.0 / STRATEGIES)

    def of(self, day: int) -> Array:
        """Returns (runs, arms)."""
        if self.world.changes_shares:
            held = (0.1, 0.2, 0.05, 0.1)[min(day * 4 // DAYS, 3)]
            return np.tile([held, 1.0 - held], (self.runs, 1))
        if not self.world.adaptive:
            return np.tile([HOLDOUT, 1.0 - HOLDOUT], (self.runs, 1))
        if day % 7 == 0:
            self.now = with_floor(best_shares(self.n, self.hits), FLOOR)
        return np.concatenate([np.full((self.runs, 1), HOLDOUT), (1.0 - HOLDOUT) * self.now], -1)

    def learn(self, opened: int, arm: Array, outcome: Array) -> None:
        """Adds the cases that opened on a day and have closed."""
        for strategy in range(STRATEGIES if self.world.adaptive else 0):
            self.n[:, opened // 7, strategy] += (arm == strategy + 1).sum(-1)
            self.hits[:, opened // 7, strategy] += (outcome * (arm == strategy + 1)).sum(-1)


def _ratio(lift: Lift, half: Array) -> Array:
    shares = [hits / n for hits, n in zip(lift.hits, lift.cases, strict=True)]
    return half / (NORMAL * np.sqrt(sum(p * (1.0 - p) / n for p, n in zip(shares, lift.cases, strict=True))))


def _ratio_to(estimate: Estimate, plain: Lift) -> Array:
    other = plain.estimate()
    return (estimate.high - estimate.low) / (other.high - other.low)


def _sample_ratio(runs: int, seed: int) -> Iterator[Measure]:
    for share, name in ((0.08, "8 % for 10 %"), (0.10, "healthy")):
        rng, alarm, raised = np.random.default_rng([seed, 20]), SampleRatio((runs,)), np.zeros(runs, bool)
        for _ in range(200):
            drawn = rng.random((runs, 100)) < share
            alarm.add(drawn, np.full((runs, 100), 0.1))
            raised |= alarm.is_wrong()
        part = float(raised.mean())
        claim = (
            at_least(part, 0.95, "alarm within 20,000 in at least 95 %")
            if share < 0.1
            else at_most(part, 0.01, "alarm within 20,000 in at most 1 %")
        )
        yield Measure(f"splitter, {name}: alarm", part, "of runs", claim=claim)


def _bandits(runs: int, seed: int) -> Iterator[Measure]:
    for after, most in ((7, 0.06), (30, 0.07)):
        rng, arms, weeks = np.random.default_rng([seed, 30, after]), len(BEST), DAYS // 7 + 1
        n, hits, saves = np.zeros((runs, weeks, arms)), np.zeros((runs, weeks, arms)), np.zeros(runs)
        drawn: list[Array] = []
        shares = np.full((runs, arms), 1.0 / arms)
        for day in range(DAYS):
            if day >= after:
                opened = day - after
                n[:, opened // 7] += drawn[opened][0]
                hits[:, opened // 7] += drawn[opened][1]
            if day % 7 == 0:
                shares = with_floor(best_shares(n, hits), FLOOR)
            cases = rng.multinomial(CASES_A_DAY, shares)
            drawn.append(np.stack([cases, rng.binomial(cases, BEST)]))
            saves += drawn[-1][1].sum(-1)
        lost = 1.0 - float(saves.mean()) / (DAYS * CASES_A_DAY * BEST[-1])
        claim = at_most(lost, most, f"at most {most:.0%} below the best arm")
        yield Measure(f"five arms, outcomes after {after} days: saves lost in a year", lost, "of the best", claim=claim)


def _fatigue(runs: int, seed: int) -> Iterator[Measure]:
    """Three strategies and a holdout, 1,000 cases a day; the first strategy tires or does not."""
    shares = np.array([0.1, 0.3, 0.3, 0.3])
    for tires in (True, False):
        rng, alarm, raised = np.random.default_rng([seed, 40]), Fatigue((runs,)), np.zeros(runs, bool)
        for week in range(26 if tires else 52):
            lift = 0.03 + 0.09 * 0.5 ** (week / 6.0) if tires else 0.12
            base = 0.35 + 0.05 * np.sin(2.0 * np.pi * week / 52.0)
            n = rng.multinomial(7000, shares, runs)
            hits = rng.binomial(n, base + np.array([0.0, lift, 0.06, 0.06]))
            alarm.add(1, n.astype(np.float64), hits.astype(np.float64))
            raised |= alarm.is_tired()
        part = float(raised.mean())
        if tires:
            claim = at_least(part, 0.95, "alarm within 26 weeks in at least 95 %")
            yield Measure("12 to 3 points, half-life 6 weeks: alarm", part, "of runs", claim=claim)
        else:
            claim = at_most(part, 0.05, "alarm within 52 weeks in at most 5 %")
            yield Measure("stationary lift, with season: alarm", part, "of runs", claim=claim)
