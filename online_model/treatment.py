"""Treatment: what was done to a customer between an observation and its label, and the label's weight because of it.

The model predicts who leaves if left alone, but contacts change the label. A case is either sent to the CRM or held
out, by an independent draw. So the customers left alone represent all customers, once each held-out one is weighted by
the inverse of its propensity (Horvitz and Thompson 1952, 10.1080/01621459.1952.10483446).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array

WEIGHT_STEP = 2.0**-10  # sums of weights are exact
MOST_WEIGHT = 64.0  # the bound that the exact sums of `estimator` allow; reached by a holdout of 1 in 64

ACTING_US = 13 * 7 * 86_400_000_000  # a CRM without a reported contact for a quarter counts as disconnected
CONTACTED_ONE_IN = 20  # fewer contacts bias the labels of cases less than the weights spread them

NO_LABEL = 2  # in place of 0 and 1: the horizon was cut, by erasure or withdrawal

Codes = NDArray[np.uint8]


class Treatment(IntEnum):
    """By the end of an observation's horizon."""

    LEFT_ALONE = 0  # no case, or a case that was withheld for another reason than the draw
    HELD_OUT = 1  # a case that the draw kept from the CRM
    SENT = 2  # a case that was sent; no contact is reported
    CONTACTED = 3  # a contact is reported


class ReportedContacts:
    """Whether a CRM contacts so many of the cases sent to it that their labels say little of customers left alone."""

    def __init__(self) -> None:
        self.counts: dict[int, tuple[int, int]] = {}  # observed at us -> (contacted, sent): of the newest quarter

    def update(self, observed_us: int, treatment: Codes) -> None:
        """Adds an instant's examples, and drops those that are too old."""
        contacted, sent = int((treatment == Treatment.CONTACTED).sum()), int((treatment >= Treatment.SENT).sum())
        self.counts[observed_us] = (contacted, sent)
        self.counts = {at: counts for at, counts in self.counts.items() if observed_us - at <= ACTING_US}

    @property
    def matter(self) -> bool:
        """Whether of the newest quarter's cases at least one in CONTACTED_ONE_IN was contacted."""
        contacted, sent = (sum(column) for column in zip(*self.counts.values(), strict=True)) if self.counts else (0, 0)
        return contacted > 0 and contacted * CONTACTED_ONE_IN >= sent

    def state(self) -> list[tuple[int, int, int]]:
        """Returns what `load` reads."""
        return [(at, *counts) for at, counts in self.counts.items()]

    def load(self, state: list[tuple[int, int, int]]) -> None:
        """Restores what `state` returned."""
        self.counts = {at: (contacted, sent) for at, contacted, sent in state}


def treatment_codes(drawn: NDArray[np.bool_], held_out: NDArray[np.bool_], contacted: NDArray[np.bool_]) -> Codes:
    """(n,) each -> (n,) of `Treatment`. drawn: whether there was a case that the draw alone sent or held out."""
    of_case = np.where(held_out, Treatment.HELD_OUT, Treatment.SENT)
    code = np.where(drawn, of_case, Treatment.LEFT_ALONE)
    return np.where(contacted, Treatment.CONTACTED, code).astype(np.uint8)


def weights(treatment: Codes, propensity: Array) -> Array:
    """(n,): 0 for cases sent to the CRM, else 1 / propensity. propensity: (n,) of being left alone, above 0."""
    inverse = np.minimum(np.rint(1.0 / propensity / WEIGHT_STEP) * WEIGHT_STEP, MOST_WEIGHT)
    return np.where(treatment <= Treatment.HELD_OUT, inverse, 0.0)


def weights_or_ones(y: Array, weight: Array | None) -> Array:
    """(n,): the weights given, or 1 each."""
    return np.ones(len(y)) if weight is None else weight


def effective_sample_size(weight: Array) -> float:
    """Returns the number of examples of equal weight with the same information (Kish 1965)."""
    total = float(weight.sum())
    return total * total / float((weight * weight).sum()) if total else 0.0
