"""ADWIN (Bifet and Gavalda 2007, 10.1137/1.9781611972771.42) with a bucket for each instant.

River's keeps its buckets where they cannot be stored and restored to the bit; and observations of one instant are not
independent, so here an instant counts for at most so many. There are few instants, so every split is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.portable_math import Array, log

MOST_OF_AN_INSTANT = 1000.0  # observations that one instant counts for: those of an instant share its weather
MOST_INSTANTS = 520  # ten years of weeks


class Adwin:
    """A window of instants whose mean has not changed."""

    def __init__(self, delta: float) -> None:
        self.delta = delta
        self.window: list[tuple[float, float, float]] = []  # effective observations, mean, mean square

    def update(self, values: Array, fresh: float) -> tuple[float, float] | None:
        """Of an instant, in [0, 1]; fresh: the share that is new. -> means before and after, where it changed."""
        sums = np.cumsum([values, values * values], axis=1)[:, -1] / len(values)
        weight = min(len(values) * fresh, MOST_OF_AN_INSTANT)
        self.window = [*self.window, (weight, float(sums[0]), float(sums[1]))][-MOST_INSTANTS:]
        change = None
        while (found := self._split()) is not None:
            place, *means = found
            self.window, change = self.window[place:], change or (means[0], means[1])
        return change

    def state(self) -> list[list[float]]:
        """For `load`."""
        return [list(one) for one in self.window]

    def load(self, state: Sequence[Sequence[float]]) -> None:
        """What `state` gave."""
        self.window = [(weight, mean, square) for weight, mean, square in state]

    def _split(self) -> tuple[int, float, float] | None:
        """The clearest place at which the mean changes, with the means before and after."""
        if len(self.window) < 2:
            return None
        weight, mean, square = np.array(self.window).T
        n, s = np.cumsum(weight), np.cumsum(weight * mean)
        variance = max(float(np.cumsum(weight * square)[-1] / n[-1] - (s[-1] / n[-1]) ** 2), 0.0)
        before, after = s[:-1] / n[:-1], (s[-1] - s[:-1]) / (n[-1] - n[:-1])
        inverse = 1.0 / n[:-1] + 1.0 / (n[-1] - n[:-1])
        sure = float(log(2.0 * np.maximum(log(n[-1:]), 1.0) / self.delta)[0])
        bound = np.sqrt(2.0 * inverse * variance * sure) + 2.0 / 3.0 * inverse * sure
        excess = np.abs(before - after) - bound
        place = int(np.argmax(excess))
        return (place + 1, float(before[place]), float(after[place])) if excess[place] > 0.0 else None
