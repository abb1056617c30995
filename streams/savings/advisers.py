"""Credit by adviser: outcomes of her cases less those of the holdout of the same tier and cause, shrunk to the team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streams.experiments.credit import Credit, credits
from streams.savings.opened_cases import OpenedCase

NOBODY = ""  # cases that no agent has had


@dataclass(frozen=True, slots=True)
class Adviser:
    """An adviser's credit. ranked: her interval overlaps no other's."""

    agent_id: str
    credit: Credit
    ranked: bool


def advisers(closed: Sequence[OpenedCase]) -> list[Adviser]:
    """Returns all advisers, by agent id; [] without a holdout to compare with."""
    held = [case for case in closed if case.held]
    if not held:
        return []
    expected = _Expected(held)
    sums: dict[str, tuple[int, float, float]] = {}
    for case in closed:
        if case.held:
            continue
        share, variance = expected.of(case)
        n, gain, spread = sums.get(case.agent or NOBODY, (0, 0.0, 0.0))
        sums[case.agent or NOBODY] = n + 1, gain + case.returned - share, spread + variance
    found = credits(sums)
    return [Adviser(name, one, _stands_alone(name, found)) for name, one in sorted(found.items())]


class _Expected:
    """The holdout's share by tier and cause, drawn towards that of all where it has few cases."""

    def __init__(self, held: Sequence[OpenedCase]) -> None:
        self.all = sum(case.returned for case in held) / len(held)
        self.groups: dict[tuple[str, str | None], list[int]] = {}
        for case in held:
            counts = self.groups.setdefault((case.tier, case.cause), [0, 0])
            counts[0] += 1
            counts[1] += case.returned

    def of(self, case: OpenedCase) -> tuple[float, float]:
        """Returns the expected outcome of the case and the variance of its difference to it."""
        n, returned = self.groups.get((case.tier, case.cause), (0, 0))
        share = (returned + FEW * self.all) / (n + FEW)
        return share, max(share * (1.0 - share), 0.01)


FEW = 10.0  # cases of the holdout that the share of all counts for


def _stands_alone(name: str, found: dict[str, Credit]) -> bool:
    def rates(one: Credit) -> tuple[float, float]:
        return one.low / one.cases, one.high / one.cases

    low, high = rates(found[name])
    return all(other == name or rates(one)[0] > high or rates(one)[1] < low for other, one in found.items())
