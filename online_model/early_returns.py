"""Early returns: what customers do before their labels are known says how many of today's will leave.

A cohort is the customers observed at a grid instant. A week later some have come back, long before the last label of
the cohort is known. So the level of today's probabilities need not wait for a horizon:

- before the model has learned, the share that leaves is a life table: the share of a cohort that comes back in each
  week of its age, over the cohorts so far; beyond the oldest age silence goes on as a power of time (constant rates
  that differ among customers, a gamma distribution, give that);
- afterwards, returns seen over returns expected by the model in cohorts without labels, by the shares of the returns
  that came at each age in cohorts with labels, are a change of log-odds. How much of it is served is what would have
  had the least loss at past instants, from nothing: where it never helped, nothing is.

Counts are whole numbers that add up over partitions, so neither order nor number of partitions changes a bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features.portable_math import Array, log
from online_model.array_codec import pack, unpack
from online_model.expert_weights import mean_loss
from schemas.instants import DAY_US, WEEK_US

STAYS = 1 << 20  # expected stays are counted in this part of a customer
RECENT = 26  # cohorts with labels
LEAST_COHORT = 30  # customers of a cohort without labels
LEAST_LABELLED = 4  # cohorts
LEAST_SHARE = 0.02  # of the returns; a younger cohort says nothing yet
FADES = 0.8  # weight of a cohort relative to the next one: the newest say most of today's level
AS_EXPECTED = 20.0  # returns that are taken as expected before any is seen
AS_BEFORE = 20.0  # customers of an age who come back at the rate of the age before: eight of one cohort prove little
MOST_MOVED = 1.5  # log-odds
STRENGTHS = np.arange(6) / 5.0
FIRST_COST = 0.01  # of full strength, in nats of mean loss
MOST_COUNTED = 0.05  # nats of mean loss that an instant counts at most: of strengths that gain more the least is served
LEAST_RATE = 0.02  # of those who leave, and of those who stay

Returns = Mapping[int, tuple[int, int, int]]  # observed at, us -> customers, expected stays (of STAYS), back so far


@dataclass(slots=True)
class Cohort:
    """The customers of a grid instant. back: by grid instants since, how many have come back; labels, left: customers
    with a label, and of those with label 1; moved: change of log-odds computed at the instant, of full strength.
    """

    customers: int = 0
    stays: int = 0
    back: list[int] = field(default_factory=list)
    labels: int = 0
    left: int = 0
    moved: float = 0.0

    @property
    def returns(self) -> float:
        """How many came back within the horizon, those without a label in proportion."""
        return self.customers * (self.labels - self.left) / self.labels if self.labels else 0.0


class EarlyReturns:
    """Cohorts and the strength of the correction. `state` and `load` keep every bit."""

    def __init__(self, horizon_days: float) -> None:
        self.horizon_us = int(horizon_days * DAY_US)
        self.new_share = min(WEEK_US / self.horizon_us, 1.0)
        self.cohorts: dict[int, Cohort] = {}
        self.costs: Array = FIRST_COST * STRENGTHS

    @property
    def strength(self) -> float:
        """The strength of least loss so far."""
        return float(STRENGTHS[int(self.costs.argmin())])

    def report(self, at_us: int, returns: Returns) -> None:
        """Adds what all partitions counted at a grid instant, once for each instant, in order."""
        for observed_us, (customers, stays, back) in sorted(returns.items()):
            cohort = self.cohorts.setdefault(observed_us, Cohort())
            cohort.customers, cohort.stays = customers, stays
            missing = _age(at_us - observed_us) - 1 - len(cohort.back)
            cohort.back += [cohort.back[-1] if cohort.back else 0] * missing + [back]
        labelled = sorted(us for us in self.cohorts if us + self.horizon_us <= at_us)
        for observed_us in labelled[:-RECENT]:
            del self.cohorts[observed_us]

    def learn(self, observed_us: int, z: Array | None, y: Array, weight: Array) -> None:
        """Judges the strengths by the labels of an instant. z: (n,) log-odds of the time without the correction; None:
        the model had not learned then; y: (n,) of 0 and 1; weight: (n,).
        """
        if (cohort := self.cohorts.get(observed_us)) is None:
            return
        cohort.labels, cohort.left = len(y), int(y.sum())
        if z is None or not cohort.moved:
            return
        spoke = ~np.isnan(z)  # live, a partition may have a model before another has
        z, y, weight = z[spoke], y[spoke], weight[spoke]
        if len(y):
            losses = np.array([mean_loss(z + strength * cohort.moved, y, weight) for strength in STRENGTHS.tolist()])
            self.costs = self.costs + self.new_share * np.clip(losses - losses[0], -MOST_COUNTED, MOST_COUNTED)

    def shift(self, at_us: int) -> float:
        """Returns what is added to the log-odds of an instant by the model that has learned."""
        cohort = self.cohorts.setdefault(at_us, Cohort())
        cohort.moved = self._moved(at_us)
        return self.strength * cohort.moved

    def outlook(self, at_us: int, customers: int) -> tuple[float, float]:
        """Returns the log-odds that a customer of today leaves, by the life table, and how much evidence there is, 0 to
        1: the customers of cohorts so far, as a share of them and today's. customers: of today.
        """
        share = self._leaving_share(at_us)
        if share is None:
            return 0.0, 0.0
        seen = sum(one.customers for us, one in self.cohorts.items() if us < at_us)
        return _log_odds_of_leaving(1.0 - share), seen / (seen + customers)

    def _leaving_share(self, at_us: int) -> float | None:
        """Returns the share of today's customers who will leave; None before any cohort has aged."""
        away, last = 1.0, (0.0, 0)
        came, awaited = _life_table([one for us, one in self.cohorts.items() if us < at_us], _age(self.horizon_us))
        for age, (those, of) in enumerate(zip(came, awaited, strict=True), 1):
            width = min(self.horizon_us / WEEK_US - (age - 1), 1.0)
            if of:
                as_before = AS_BEFORE if last[1] else 0.0
                expected = as_before * last[0] * last[1] / age
                last = (those + expected + 0.5) / (of + as_before + 1.0), age
            if not last[1]:
                return None
            away *= (1.0 - last[0] * last[1] / age) ** width
        return away

    def state(self) -> dict[str, Any]:
        """Returns the state for JSON."""
        cohorts = [
            [us, one.customers, one.stays, one.back, one.labels, one.left, one.moved]
            for us, one in sorted(self.cohorts.items())
        ]
        return {"cohorts": cohorts, "costs": pack(self.costs)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned."""
        self.cohorts = {us: Cohort(*fields) for us, *fields in state["cohorts"]}
        self.costs = unpack(state["costs"])

    def _moved(self, at_us: int) -> float:
        before = sorted((us, one) for us, one in self.cohorts.items() if us < at_us and one.customers)
        labelled = [one for _, one in before if one.labels][-RECENT:]
        if len(labelled) < LEAST_LABELLED:
            return 0.0
        by_age = _shares(labelled)
        seen = expected = AS_EXPECTED
        weight, newest = 1.0, before[-1][1]
        for us, one in reversed(before):
            age = _age(at_us - us)
            if us + self.horizon_us <= at_us:
                break
            if one.customers >= LEAST_COHORT and len(one.back) >= age and by_age[age - 1] > LEAST_SHARE:
                seen += weight * one.back[age - 1]
                expected += weight * by_age[age - 1] * one.stays / STAYS
            weight *= FADES
        stays = newest.stays / STAYS / newest.customers
        moved = _log_odds_of_leaving(stays * seen / expected) - _log_odds_of_leaving(stays)
        return min(max(moved, -MOST_MOVED), MOST_MOVED)


def _age(us: int) -> int:
    """In weeks, begun ones included."""
    return -(-us // WEEK_US)


def _life_table(cohorts: Sequence[Cohort], ages: int) -> tuple[list[int], list[int]]:
    """Returns by age how many came back in the week that ends at it, and how many were awaited at its beginning."""
    came, awaited = [0] * ages, [0] * ages
    for one in cohorts:
        before = 0
        for place, back in enumerate(one.back[:ages]):
            came[place] += back - before
            awaited[place] += one.customers - before
            before = back
    return came, awaited


def _shares(labelled: Sequence[Cohort]) -> list[float]:
    """Returns by age in weeks, from 1 on, the share of the returns that had come by then."""
    ages = max(len(one.back) for one in labelled)
    returns = max(sum(one.returns for one in labelled), 1.0)
    back = [sum(one.back[min(age, len(one.back) - 1)] for one in labelled if one.back) for age in range(ages)]
    return [min(count / returns, 1.0) for count in back]


def _log_odds_of_leaving(stays: float) -> float:
    share = min(max(stays, LEAST_RATE), 1.0 - LEAST_RATE)
    odds = log(np.array([1.0 - share, share]))
    return float(odds[0] - odds[1])
