"""Cases against the truth that only the simulator knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from schemas.instants import DAY_US, parse_instant
from streams.demo.topic_watcher import TopicRecords

EARLY_DAYS, LATE_DAYS = 180, 240  # a case belongs to a departure from so long before to so long after it
TYPICAL_EARLY_DAYS, TYPICAL_LATE_DAYS = 60.0, 90.0
SHOWN_AFTER_US = 90 * DAY_US  # least part of the curve after the customer left


@dataclass(frozen=True)
class Customer:
    """A customer's true departure and return, and the cases that Keepline opened."""

    customer_id: str
    left_us: int | None
    returned_us: int | None  # without a call
    saved_us: int | None  # because of a call
    opened_us: list[int]

    @property
    def back_us(self) -> int | None:
        """When the customer was back, called or not."""
        return self.returned_us or self.saved_us

    @property
    def early_days(self) -> float | None:
        """Days from the case to the true departure (negative: after it); None without departure or case near it."""
        if self.left_us is None:
            return None
        days = [(self.left_us - at) / DAY_US for at in self.opened_us]
        near = [d for d in days if -LATE_DAYS <= d <= EARLY_DAYS]
        return max(near, default=None)


@dataclass(frozen=True)
class GroundTruth:
    """The truth and the cases of the whole city."""

    customers: dict[str, Customer]
    tiers: Counter[str]
    withheld: Counter[str]
    opens_us: int  # from when on cases could open
    end_us: int

    @property
    def leavers(self) -> list[Customer]:
        """Customers who left while cases could open."""
        left = [c for c in self.customers.values() if c.left_us is not None]
        return [c for c in left if c.left_us is not None and self.opens_us <= c.left_us < self.end_us]

    @property
    def gone(self) -> int:
        """How many had left before cases could open."""
        return sum(c.left_us is not None and c.left_us < self.opens_us for c in self.customers.values())

    @property
    def early(self) -> list[float]:
        """Days early of each leaver with a case."""
        return [days for c in self.leavers if (days := c.early_days) is not None]

    @property
    def precision(self) -> float:
        """The share of cases whose customer left within half a year, or had left already."""
        cases = [(c, at) for c in self.customers.values() for at in c.opened_us]
        return sum(_was_right(c, at) for c, at in cases) / max(len(cases), 1)

    @property
    def saved(self) -> int:
        """The number of customers who visited because of a call."""
        return sum(c.saved_us is not None for c in self.customers.values())

    @property
    def kept(self) -> int:
        """The number of saved customers who had decided to leave, but had not left."""
        return sum(c.saved_us is not None and c.left_us is None for c in self.customers.values())

    def sentences(self) -> list[str]:
        """Returns the results as sentences, misses and false alarms included."""
        before = [days for days in self.early if days > 0]
        after = [-days for days in self.early if days <= 0]
        lines = [
            f"{sum(self.tiers.values()):,} interventions: "
            + ", ".join(f"{n:,} {t}" for t, n in self.tiers.most_common()),
            f"{self.gone:,} customers had left before the history ended. Of the {len(self.leavers):,} who have left "
            f"since, {len(before):,} had a case before they did"
            + (f" (median {median(before):.0f} days)" if before else "")
            + f", {len(after):,} after"
            + (f" (median {median(after):.0f} days: they left without a sign)" if after else "")
            + f", {len(self.leavers) - len(self.early):,} none yet.",
            f"{self.precision:.0%} of the cases were right: the customer left within half a year or had left already.",
            f"{self.saved:,} leavers came back because of a call, {self.kept:,} of them before they had left.",
        ]
        if self.withheld:
            lines.append(
                "Withheld: " + ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in sorted(self.withheld.items()))
            )
        return lines


def read_truth(folder: Path, records: TopicRecords, opens_us: int, end_us: int) -> GroundTruth:
    """Joins sent and withheld cases with truth.jsonl of the city."""
    opened: dict[str, list[int]] = {}
    for body in records.interventions:
        opened.setdefault(body["customer_id"], []).append(parse_instant(body["crossed_at"]))
    lines = (folder / "truth.jsonl").read_bytes().splitlines()
    customers = {c.customer_id: c for c in (_customer(orjson.loads(line), opened) for line in lines)}
    tiers = Counter(body["tier"] for body in records.interventions)
    withheld = Counter(body["withheld_reason"] for body in records.withheld)
    return GroundTruth(customers, tiers, withheld, opens_us, end_us)


def example_customers(truth: GroundTruth, records: TopicRecords) -> list[tuple[str, Customer]]:
    """Returns up to six typical customers, each with a title."""
    ready_us = min((at for c in truth.customers.values() for at in c.opened_us), default=0)
    known = [c for c in truth.customers.values() if len(records.scores.get(c.customer_id, ())) > 20]
    stayed = [c for c in known if c.left_us is None and c.saved_us is None]
    gone = [c for c in known if c.left_us is not None and ready_us < c.left_us < truth.end_us - SHOWN_AFTER_US]
    lost = [c for c in gone if not c.saved_us]
    early = [c for c in lost if c.early_days is not None and c.early_days > 0]
    late = [c for c in lost if c.early_days is not None and c.early_days < 0]
    saved = [c for c in gone if c.saved_us]
    picks = [
        ("Early: the case was open before the customer left", _nearest(early, TYPICAL_EARLY_DAYS)),
        ("Late: left without a sign, the case followed the silence", _nearest(late, -TYPICAL_LATE_DAYS)),
        ("Missed: left, and no case was opened", _first(c for c in gone if not c.opened_us)),
        ("False alarm: a case, and the customer stayed", _first(c for c in stayed if len(c.opened_us) == 1)),
        ("Saved: called in time, and came back", _nearest(saved, -TYPICAL_LATE_DAYS) or _first(saved)),
        ("Loyal: never a case", _first(c for c in stayed if not c.opened_us)),
    ]
    return [(title, customer) for title, customer in picks if customer is not None]


def _nearest(customers: Iterable[Customer], days: float) -> Customer | None:
    """Returns the customer whose case was opened closest to `days` before the departure."""
    known = ((abs(c.early_days - days), c.customer_id, c) for c in customers if c.early_days is not None)
    return min(known, default=(0.0, "", None))[2]


def _first(customers: Iterable[Customer]) -> Customer | None:
    return min(customers, key=lambda c: c.customer_id, default=None)


def _customer(body: dict[str, Any], opened: dict[str, list[int]]) -> Customer:
    name = body["customer_id"]
    left, back, saved = (body[at] and parse_instant(body[at]) for at in ("left_at", "returned_at", "saved_at"))
    return Customer(name, left, back, saved, opened.get(name, []))


def _was_right(customer: Customer, at_us: int) -> bool:
    left_us, back_us = customer.left_us, customer.back_us
    if left_us is None:  # a kept customer would have left at an unknown time
        return customer.saved_us is not None and at_us < customer.saved_us
    return left_us <= at_us + EARLY_DAYS * DAY_US and (back_us is None or at_us < back_us)
