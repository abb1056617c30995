"""Bounds of a mean that hold however often one looks: by what bets against lower means would have won.

Whoever bets a share s of his wealth at fair odds that a round x in [0, 1] lies above p, has 1 + s(x / p - 1) times it.
If no round was expected to lie above p, he reaches 1 / alpha with a probability of at most alpha, ever (Ville). So a
mean against which so much has been won is refused, at any look (Waudby-Smith and Ramdas 2024, 10.1093/jrsssb/qkad009).

Rounds whose horizons overlap are no bets one after another: when the next is made, the last is not decided yet. So they
are dealt to streams, of which none overlaps itself, and the mean of the streams' wealth is taken (Henzi and Ziegel
2022, 10.1093/biomet/asab047). That mean is fair only with the bets that are open when somebody looks, and their end may
show already in other streams. So an open bet counts as lost, and whoever has won enough bets no more until all are
decided.
"""

from __future__ import annotations

import numpy as np

from features.portable_math import Array

SHARES = np.array([0.1, 0.3, 0.5, 0.7, 0.9])  # of the wealth; bet is their mean, by what each would have won so far
MEANS = np.arange(1, 100) / 100.0  # p that are tried for the bounds
MOST_WEALTH = 1e100


class BettingWealth:
    """What bets that rounds lie above p have come to, for any number of p at once."""

    def __init__(self, streams: int, p: Array, enough: float) -> None:
        """p: any shape, in (0, 1); enough: what is to be reached."""
        self.p, self.enough = p, enough
        self.decided = np.ones((streams, *p.shape))
        self.open = np.full((streams, *p.shape), _total(SHARES) / len(SHARES))  # the share that each has bet
        self.tried = np.ones((len(SHARES), *p.shape))
        self.evidence = np.zeros(p.shape)  # ever at 1 / alpha with a probability of at most alpha

    def decide(self, stream: int, x: Array | float) -> None:
        """A round of a stream, and its next bet. x: in [0, 1], a number or of the shape of p; rounds in their order."""
        odds = x / self.p - 1.0
        self.decided[stream] = np.minimum(self.decided[stream] * (1.0 + self.open[stream] * odds), MOST_WEALTH)
        for tried, share in zip(self.tried, SHARES.tolist(), strict=True):
            np.minimum(tried * (1.0 + share * odds), MOST_WEALTH, out=tried)
        self.open[stream] = 0.0  # the next is made after this look
        self.evidence = _total(self.decided * (1.0 - self.open)) / len(self.open)
        bet = _total((self.tried.T * SHARES).T) / _total(self.tried)
        self.open[stream] = np.where(_total(self.decided) / len(self.open) >= self.enough, 0.0, bet)


class BoundedMean:
    """The mean of rounds within +-most, with bounds of which each holds with 1 - alpha."""

    def __init__(self, streams: int, most: float, least: float, alpha: float) -> None:
        """streams: rounds whose numbers differ by so much do not overlap; least: what the mean is to be above."""
        self.streams, self.most, self.total, self.rounds = streams, most, 0.0, 0
        self._above = BettingWealth(streams, np.append(MEANS, self._scaled(least)), 1.0 / alpha)
        self._below = BettingWealth(streams, MEANS, 1.0 / alpha)

    def add(self, number: int, value: float) -> None:
        """The next round, in the order of their numbers."""
        x = self._scaled(value)
        self._above.decide(number % self.streams, x)
        self._below.decide(number % self.streams, 1.0 - x)
        self.total, self.rounds = self.total + value, self.rounds + 1

    @property
    def mean(self) -> float | None:
        """None: there was no round."""
        return self.total / self.rounds if self.rounds else None

    @property
    def low(self) -> float:
        """The bound from below."""
        return self.most * (2.0 * _reach(self._above) - 1.0)

    @property
    def high(self) -> float:
        """The bound from above."""
        return self.most * (1.0 - 2.0 * _reach(self._below))

    @property
    def evidence(self) -> float:
        """Against a mean of at most `least`, as of `Wealth`: surely above it at 1 / alpha."""
        return float(self._above.evidence[-1])

    def _scaled(self, value: float) -> float:
        return (value + self.most) / (2.0 * self.most)


def _reach(wealth: BettingWealth) -> float:
    """The mean up to which all are refused."""
    refused = np.append(wealth.evidence[: len(MEANS)] >= wealth.enough, False)
    first_kept = int(refused.argmin())
    return float(MEANS[first_kept - 1]) if first_kept else 0.0


def _total(rows: Array) -> Array:
    """One row after another."""
    total = np.zeros(rows.shape[1:])
    for row in rows:
        total = total + row
    return total
