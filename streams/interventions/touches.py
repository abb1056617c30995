"""Automated touches: messages without an agent and without a case, for touch points and for the medium tier.

A touch point is a published sign of leaving: something did not happen in time. Its instant is a function of the
customer's row, so a replay has the same; it takes effect at the first scoring at or after it, at the latest in a sweep.

That something did not happen can be known only where the company publishes such events at all. A partition may see
none of them while another does, so partitions report at each grid instant what they have seen, and the model of the
instant carries what all of them have: `Snapshot.published`, by activity type the instant from which it counts. A sign
holds only for what is published, and silence from before that instant proves nothing.

One touch answers all signs that hold at its instant: of these the one with the highest published risk is sent. Signs
that begin within `touches.cool_down` of a touch, whatever its reason, wait until that is over, if they still hold. So
do those that begin while a complaint of the customer is open, but for that of the complaint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from features.aggregates import Aggregate, First, Last, Layout, Total
from features.catalogue import NAMES
from features.computed import complaints_open
from features.portable_math import Array
from features.signals import CAMPAIGNS, COMPLAINTS, KNOWN, RESOLVED, RETAINED, REVIEWS
from features.table import Table
from features.view import View
from schemas.instants import format_instant
from streams.interventions import shop_signs
from streams.interventions.actions import Plan
from streams.interventions.gate import Recipient
from streams.profile.contact_sections import TouchPoint
from streams.profile.profile import Profile
from streams.profile.values import AUTOMATED

# uuid5(NAMESPACE_DNS, "touches.keepline"). Never change it: a touch keeps its id.
NAMESPACE = UUID("24fd2243-ecbb-58d7-8c28-f0dbecd83a3c")
Flags = NDArray[np.bool_]
Bits = NDArray[np.int64]
# view, instant from which missing events count -> since when the sign has been there, in us; +inf where it is not
Since = Callable[[View, float], Array]
Published = Mapping[str, int]  # activity type -> the grid instant from which the company is known to publish it, in us

SEEN: dict[str, Aggregate] = {  # activity type -> the aggregate that shows that a customer has had one
    "review_posted": Last(REVIEWS),
    "campaign_joined": Last(CAMPAIGNS),
    "complaint_resolved": Total(RESOLVED),
}


@dataclass(frozen=True, slots=True)
class ActivePoint:
    """A touch point that holds for a customer, with its contribution to the score in log-odds."""

    name: str
    risk: float
    contribution: float
    scene: str
    scene_zh: str


@dataclass(frozen=True, slots=True)
class Automated:
    """A touch that could be sent. risk: published one of a touch point, None for the medium tier."""

    trigger: str
    plan: Plan
    budget: float
    risk: float | None = None
    scene: str | None = None


def seen(table: Table, layout: Layout) -> frozenset[str]:
    """Returns which of the activity types that touch points rest on some customer of the partition has had."""
    rows, empty = table.rows[: len(table)], layout.empty
    columns = {name: layout.column[aggregate] for name, aggregate in SEEN.items()}
    return frozenset(name for name, i in columns.items() if bool((rows[:, i] > empty[i]).any()))


def _first_purchase_without(view: View, seen: Flags) -> Array:
    only_one = view.get(Total(RETAINED)) == 1.0
    return np.where(only_one & ~seen, view.get(First(RETAINED)), np.inf)


def _not_reviewed(view: View, counts_us: float) -> Array:
    since_us = _first_purchase_without(view, view.get(Last(REVIEWS)) >= view.get(First(RETAINED)))
    return np.where(since_us >= counts_us, since_us, np.inf)  # else it may have been reviewed before reviews came


def _no_second(view: View, counts_us: float) -> Array:
    return _first_purchase_without(view, np.zeros(len(view.at_us), np.bool_))


def _no_activity(view: View, counts_us: float) -> Array:
    joined = view.get(Last(CAMPAIGNS))
    return np.maximum(np.where(joined > -np.inf, joined, view.get(First(KNOWN))), counts_us)


def _complaint(view: View, counts_us: float) -> Array:
    opened_us = np.where(complaints_open(view) > 0, view.get(Last(COMPLAINTS)), np.inf)
    return np.where(opened_us >= counts_us, opened_us, np.inf)  # else it may have been resolved before that came


def _no_purchase(view: View, counts_us: float) -> Array:
    last = view.get(Last(RETAINED))
    return np.where(last > -np.inf, last, np.inf)


# the sign of a touch point, and the activity type whose absence it is; None: of retention events, which a customer has
SIGNS: dict[str, tuple[Since, str | None]] = {
    "first-not-reviewed": (_not_reviewed, "review_posted"),
    "no-second-purchase": (_no_second, None),
    "no-activity-joined": (_no_activity, "campaign_joined"),
    "complaint-open": (_complaint, "complaint_resolved"),
    "no-purchase": (_no_purchase, None),
    "cart-not-paid": (shop_signs.cart_not_paid, None),
    "three-coupons": (shop_signs.three_coupons, None),
    "refund": (shop_signs.refund, None),
    "late-delivery": (shop_signs.late_delivery, None),
}


def points_due(profile: Profile, view: View, published: Published) -> Array:
    """Returns (n,): the touch points that hold for each customer, as bits in the order of the profile."""
    bits = np.zeros(len(view.at_us))
    for i, point in enumerate(profile.touch_points):
        since, missing = SIGNS[point.name]
        if missing is None or missing in published:
            counts_us = -np.inf if missing is None else float(published[missing])
            since_us = since(view, counts_us)
            holds = view.at_us >= since_us + point.after_us
            if point.within_us is not None:
                holds &= view.at_us <= since_us + point.within_us
            np.add(bits, float(1 << i), out=bits, where=holds)
    return bits


def points_of(profile: Profile, bits: float) -> list[tuple[int, TouchPoint]]:
    """Returns the touch points in `bits`, each with its bit."""
    return [(1 << i, point) for i, point in enumerate(profile.touch_points) if int(bits) >> i & 1]


def held_by_complaint(profile: Profile, begins: Bits, complaints_open: Array) -> Bits:
    """Returns (n,): which of the touch points that begin wait, as bits: while a complaint is open, it alone is spoken
    of. complaints_open: (n,), how many are.
    """
    others = sum(1 << i for i, point in enumerate(profile.touch_points) if point.name != "complaint-open")
    return np.where(complaints_open > 0, begins & others, 0)


def active_points(profile: Profile, bits: float, contributions: Array) -> list[ActivePoint]:
    """Returns the touch points in `bits` whose risk is published, with their contributions: (features,) in log-odds."""
    return [
        ActivePoint(point.name, point.risk, _share(point, contributions), point.scene, profile.chinese(point.scene))
        for _, point in points_of(profile, bits)
        if point.risk is not None
    ]


def automated(profile: Profile, bits: float) -> list[Automated]:
    """Returns the touches of the touch points in `bits`, the highest published risk first, those without one last."""
    points = sorted((point for _, point in points_of(profile, bits)), key=lambda point: -(point.risk or 0.0))
    return [
        Automated(
            point.name,
            Plan(AUTOMATED, point.channels, point.offer, point.script),
            point.budget,
            point.risk,
            point.scene,
        )
        for point in points
    ]


def compose_touch(
    profile: Profile, recipient: Recipient, touch: Automated, channel: str, probability: float
) -> dict[str, Any]:
    """Returns the message of a touch, for the CRM's automation."""
    trigger = touch.trigger
    touched_at = format_instant(recipient.at_us)
    return {
        "touch_id": str(uuid5(NAMESPACE, f"{recipient.customer_id}|{trigger}|{touched_at}")),
        "customer_id": recipient.customer_id,
        "touched_at": touched_at,
        "trigger": trigger,
        "channel": channel,
        "scene": touch.scene,
        "scene_zh": None if touch.scene is None else profile.chinese(touch.scene),
        "offer": touch.plan.offer,
        "offer_zh": profile.chinese(touch.plan.offer),
        "script": touch.plan.script,
        "script_zh": profile.chinese(touch.plan.script),
        "budget": {"amount": touch.budget, "currency": profile.currency},
        "scope": recipient.attributes.scope,
        "segments": list(recipient.segmentation.segments),
        "lifecycle": recipient.segmentation.lifecycle,
        "probability": probability,
        "risk": touch.risk,
        "policy_version": profile.version,
    }


def _share(point: TouchPoint, contributions: Array) -> float:
    places: Sequence[int] = [NAMES.index(name) for name in point.features]
    return sum(float(contributions[place]) for place in places)
