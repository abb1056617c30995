"""Whether the figures can be trusted: the split, leaks, and the precision of the warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import numpy as np

from streams.experiments.intervals import ALPHA, share_bounds
from streams.experiments.leaks import LeakCorrection, corrected
from streams.experiments.sample_ratio import SampleRatio
from streams.savings.comparison import DIGITS, Compared
from streams.savings.opened_cases import Cases, OpenedCase


@dataclass(frozen=True, slots=True)
class Split:
    """The first draw of each customer. expected: how many were to be held out; odds: evidence against the split."""

    customers: int
    held: int
    expected: float
    evidence: float
    wrong: bool


@dataclass(frozen=True, slots=True)
class Leaks:
    """Held-out cases whose customer somebody contacted: ids, and the lift without them."""

    ids: list[str]
    correction: LeakCorrection | None


@dataclass(frozen=True, slots=True)
class Precision:
    """Of closed cases without a contact: the share that left, with its interval; threshold: the lowest at which the
    goal would be met, and the share of the leavers that it would leave; None: no threshold meets it.
    """

    cases: int
    left: int
    share: float | None
    low: float
    high: float
    goal: float
    threshold: float | None
    recall: float | None

    @property
    def alert(self) -> bool:
        """Whether the share is below the goal."""
        return self.share is not None and self.share < self.goal


def split(cases: Cases) -> Split:
    """Returns the evidence on the draw of the holdout, one draw a customer."""
    draws = sorted(cases.drawn.values())
    test = SampleRatio()
    if draws:
        test.add(np.array([held for _, held, _ in draws]), np.array([share for _, _, share in draws]))
    evidence = exp(min(float(test.log_evidence), 700.0)) if draws else 1.0
    held = sum(held for _, held, _ in draws)
    return Split(len(draws), held, round(float(test.expected), 2), round(evidence, DIGITS), bool(test.is_wrong()))


def leaks(closed: Sequence[OpenedCase], overall: Compared) -> Leaks:
    """Returns the leaks of the closed cases and what they hide."""
    held = [case for case in closed if case.held]
    found = [case.intervention_id for case in held if case.leaked]
    if overall.lift is None or overall.low is None or overall.high is None or not found:
        return Leaks(found, None)
    sent = [case for case in closed if not case.held]
    contacted = sum(case.contacted_us is not None for case in sent) / len(sent)
    bounds = overall.lift, overall.low, overall.high
    return Leaks(found, corrected(bounds, contacted, len(found) / len(held)))


def precision(closed: Sequence[OpenedCase], goal: float) -> Precision:
    """Returns how many of the warned left, of those whom nobody contacted."""
    alone = sorted(
        (case for case in closed if case.held or case.contacted_us is None),
        key=lambda case: (-case.probability, case.intervention_id),
    )
    left, n = sum(not case.returned for case in alone), len(alone)
    low, high = (round(float(one), DIGITS) for one in share_bounds(np.array(float(left)), np.array(float(n)), ALPHA))
    threshold, recall = _threshold(alone, left, goal)
    share = round(left / n, DIGITS) if n else None
    return Precision(n, left, share, low, high, goal, threshold, recall)


def _threshold(alone: Sequence[OpenedCase], left: int, goal: float) -> tuple[float | None, float | None]:
    found: tuple[float | None, float | None] = (None, None)
    gone = 0
    for n, case in enumerate(alone, 1):
        gone += not case.returned
        is_last = n == len(alone) or alone[n].probability < case.probability
        if is_last and gone / n >= goal and left:
            found = (round(case.probability, DIGITS), round(gone / left, DIGITS))
    return found
