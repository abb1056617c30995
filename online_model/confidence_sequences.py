"""Confidence sequences: bounds of a mean that hold at any stopping time, by betting.

A bettor stakes a share s of the wealth at fair odds that a round x in [0, 1] lies above p. The round multiplies the
wealth by 1 + s(x / p - 1). If no round has an expected value above p, the wealth ever reaches 1 / alpha with a
probability of at most alpha (Ville). So a mean p whose wealth reaches 1 / alpha is rejected, whenever the test is read
(Waudby-Smith and Ramdas 2024, 10.1093/jrsssb/qkad009).

Rounds whose horizons overlap are not sequential bets: the last round is not decided when the next bet is made. So
rounds are dealt to streams whose own rounds do not overlap, and the evidence is the mean wealth of the streams (Henzi
and Ziegel 2022, 10.1093/biomet/asab047). That mean is fair only with the open bets included, and other streams may
already show how an open bet will end. So an open bet counts as lost, and once the wealth is enough no new bet is made
until all bets are decided.
"""

from __future__ import annotations

import numpy as np

from features.portable_math import Array

SHARES = np.array([0.1, 0.3, 0.5, 0.7, 0.9])  # of the wealth; the bet is their mean, weighted by their wealth so far
MEANS = np.arange(1, 100) / 100.0  # grid of p for the bounds
MOST_WEALTH = 1e100


class BettingWealth:
    """The wealth of bets that rounds lie above p, for an array of p."""

    def __init__(self, streams: int, p: Array, enough: float) -> None:
        """p: any shape, in (0, 1); enough: the wealth at which p is rejected."""
        self.p, self.enough = p, enough
        self.decided = np.ones((streams, *p.shape))
        self.open = np.full((streams, *p.shape), _total(SHARES) / len(SHARES))  # share of wealth in each open bet
        self.tried = np.ones((len(SHARES), *p.shape))
        self.evidence = np.zeros(p.shape)  # reaches 1 / alpha with a probability of at most alpha, ever

    def decide(self, stream: int, x: Array | float) -> None:
        """Decides a stream's round and makes its next bet. x: in [0, 1], a number or of the shape of p; in order."""
        odds = x / self.p - 1.0
        self.decided[stream] = np.minimum(self.decided[stream] * (1.0 + self.open[stream] * odds), MOST_WEALTH)
        for tried, share in zip(self.tried, SHARES.tolist(), strict=True):
            np.minimum(tried * (1.0 + share * odds), MOST_WEALTH, out=tried)
        self.open[stream] = 0.0  # the next bet is made after the evidence is taken
        self.evidence = _total(self.decided * (1.0 - self.open)) / len(self.open)
        bet = _total((self.tried.T * SHARES).T) / _total(self.tried)
        self.open[stream] = np.where(_total(self.decided) / len(self.open) >= self.enough, 0.0, bet)


class BoundedMean:
    """The mean of rounds within +-most, with two bounds; each holds with a probability of 1 - alpha."""

    def __init__(self, streams: int, most: float, least: float, alpha: float) -> None:
        """streams: rounds whose numbers differ by this much do not overlap; least: the mean that is tested against."""
        self.streams, self.most, self.total, self.rounds = streams, most, 0.0, 0
        self._above = BettingWealth(streams, np.append(MEANS, self._scaled(least)), 1.0 / alpha)
        self._below = BettingWealth(streams, MEANS, 1.0 / alpha)

    def add(self, number: int, value: float) -> None:
        """Adds the next round; rounds are added in the order of their numbers."""
        x = self._scaled(value)
        self._above.decide(number % self.streams, x)
        self._below.decide(number % self.streams, 1.0 - x)
        self.total, self.rounds = self.total + value, self.rounds + 1

    @property
    def mean(self) -> float | None:
        """The mean of the rounds so far; None without a round."""
        return self.total / self.rounds if self.rounds else None

    @property
    def low(self) -> float:
        """The lower bound."""
        return self.most * (2.0 * _reach(self._above) - 1.0)

    @property
    def high(self) -> float:
        """The upper bound."""
        return self.most * (1.0 - 2.0 * _reach(self._below))

    @property
    def evidence(self) -> float:
        """The evidence (`BettingWealth`) against a mean of at most `least`: at 1 / alpha it is rejected."""
        return float(self._above.evidence[-1])

    def _scaled(self, value: float) -> float:
        return (value + self.most) / (2.0 * self.most)


def _reach(wealth: BettingWealth) -> float:
    """Returns the p up to which all p of the grid are rejected."""
    refused = np.append(wealth.evidence[: len(MEANS)] >= wealth.enough, False)
    first_kept = int(refused.argmin())
    return float(MEANS[first_kept - 1]) if first_kept else 0.0


def _total(rows: Array) -> Array:
    """Returns the sum of rows, added one after another."""
    total = np.zeros(rows.shape[1:])
    for row in rows:
        total = total + row
    return total
