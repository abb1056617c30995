"""Accepted events as columns: a structured array with a row for each event, and lists of customers and producers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The number of a kind is also its rank among a customer's events of equal event time: the alphabetical order of topic
# names. A market signal is no event of a customer.
APP_ACTIVITY, CUSTOMER_PROFILE, INTERVENTION_OUTCOME, SERVICE_VISIT, SURVEY, MARKET_SIGNAL = range(6)
KINDS = ("app_activity", "customer_profile", "intervention_outcome", "service_visit", "survey", "market_signal")
CUSTOMER_ACTION_KINDS = ("app_activity", "service_visit", "survey")  # caused by the customer; other kinds have details

ACTIVITY_TYPES = (
    "app_open", "browse", "add_to_cart", "purchase", "consult", "coupon_claimed",
    "campaign_joined", "review_posted", "complaint_opened", "complaint_resolved",
    "other",  # every unknown type; what is added stands behind it, since states of customers have these numbers
    "refund_requested", "delivery_late",
)  # fmt: skip
OTHER_ACTIVITY = ACTIVITY_TYPES.index("other")
SURVEY_TYPES = ("nps", "csat")
CAUSES = ("distance", "price", "service", "product", "vehicle_sold", "other")

EVENT = np.dtype(
    [
        ("time_us", "<i8"),
        ("due_us", "<i8"),  # end of the tick in which it is applied; the feed sets it
        ("id", "<u8"),  # xxh3_64 of kind, customer and event id; duplicates are found by it
        ("slot", "<i4"),  # the customer's row in the partition's table; the feed sets it
        ("kind", "i1"),
        ("code", "i1"),  # activity type or survey type
        ("causes", "u1"),  # bit i is set: the survey names CAUSES[i]
        ("producer", "<u2"),  # the number of the producer's name; the feed sets it
        ("details", "<i4"),  # i > 0: further fields in Decoded.details[i - 1]; 0: none
        ("letter", "<i4"),  # i > 0: behind time.latest, waits with its dead letter; the feed sets it
        ("amount", "<f8"),
        ("items", "<f8"),
        ("wait_minutes", "<f8"),
        ("count", "<f8"),
        ("duration_seconds", "<f8"),
        ("score", "<f8"),
    ]
)
NUMBERS = ("amount", "items", "wait_minutes", "count", "duration_seconds", "score")
Rows = NDArray[np.void]
Details = dict[str, Any]  # fields of an outcome, a customer profile or a market signal that have no column


def empty_rows(n: int) -> Rows:
    """Returns `n` rows: numbers are NaN, no slot and no tick is set."""
    rows = np.zeros(n, EVENT)
    rows["slot"] = -1
    for name in NUMBERS:
        rows[name] = np.nan
    return rows


@dataclass(frozen=True, slots=True)
class Events:
    """`rows[i]` is an event of `customers[i]`, sent by `producers[i]`. A market signal has its key as customer."""

    rows: Rows
    customers: Sequence[str]
    producers: Sequence[str]

    @staticmethod
    def empty() -> Events:
        """Returns no events."""
        return Events(empty_rows(0), (), ())

    @staticmethod
    def concatenate(parts: Iterable[Events]) -> Events:
        """Returns the events of all parts in order."""
        known = [part for part in parts if len(part)]
        if not known:
            return Events.empty()
        if len(known) == 1:
            return known[0]
        return Events(
            np.concatenate([p.rows for p in known]),
            [c for p in known for c in p.customers],
            [c for p in known for c in p.producers],
        )

    def __len__(self) -> int:
        return len(self.rows)
