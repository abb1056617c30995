"""What each adviser has added: outcomes of her cases less those of the holdout of the same tier and cause, shrunk
towards the team (James and Stein; DerSimonian and Laird 1986 for the variance between advisers).

Credits add up to the measured total: what shrinking takes from some it gives to others, by their cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.portable_math import Array

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Credit:
    """Customers whom an adviser's cases kept beyond what the holdout's would have, with a 95 % interval."""

    cases: int
    saved: float
    low: float
    high: float


def credits(cases: Mapping[str, tuple[int, float, float]]) -> dict[str, Credit]:
    """Returns the credit of each adviser. cases: by name, the number of cases, the sum of outcomes less the holdout's,
    and its variance.
    """
    names = sorted(cases)
    if not names:
        return {}
    n, total, variance = (np.array([cases[name][i] for name in names], np.float64) for i in range(3))
    rate, noise, team = total / n, variance / n**2, total.sum() / n.sum()
    between = _between(rate, noise)
    kept = between / (between + noise)  # of the adviser's own; the rest is the team's
    shrunk = team + kept * (rate - team)
    shrunk = shrunk + (total.sum() - (n * shrunk).sum()) / n.sum()
    half = Z_95 * n * np.sqrt(kept * noise + variance.sum() / n.sum() ** 2)
    saved = n * shrunk
    rows = zip(names, n, saved, saved - half, saved + half, strict=True)
    return {name: Credit(int(count), float(value), float(low), float(high)) for name, count, value, low, high in rows}


def _between(rate: Array, noise: Array) -> float:
    """Returns the variance between advisers beyond chance (DerSimonian and Laird); 0: the team's is the best guess."""
    weight = 1.0 / noise
    spread = weight.sum() - (weight**2).sum() / weight.sum()
    excess = (weight * (rate - (weight * rate).sum() / weight.sum()) ** 2).sum() - (len(rate) - 1)
    return max(0.0, float(excess / spread)) if spread > 0.0 else 0.0
