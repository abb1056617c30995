"""Automated touches: messages without an agent and without a case, for touch points and for the medium tier.

A touch point is a published sign of leaving: something did not happen in time. Its instant is a function of the
customer's row, so a replay has the same; it takes effect at the first scoring at or after it, at the latest in a sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from features.aggregates import First, Last, Total
from features.catalogue import NAMES
from features.computed import complaints_open
from features.portable_math import Array
from features.signals import COMPLAINTS, KNOWN, RETAINED, activity
from features.view import View
from schemas.instants import format_instant
from streams.interventions.gate import Recipient
from streams.profile.contact_sections import TouchPoint
from streams.profile.profile import Profile

# uuid5(NAMESPACE_DNS, "touches.keepline"). Never change it: a touch keeps its id.
NAMESPACE = UUID("24fd2243-ecbb-58d7-8c28-f0dbecd83a3c")
REVIEWS, CAMPAIGNS = activity("review_posted"), activity("campaign_joined")
Flags = NDArray[np.bool_]
Since = Callable[[View], Array]  # since when the sign has been there, in us; +inf where it is not


@dataclass(frozen=True, slots=True)
class ActivePoint:
    """A touch point that holds for a customer, with its contribution to the score in log-odds."""

    name: str
    risk: float
    contribution: float
    scene: str


def _first_purchase_without(view: View, seen: Flags) -> Array:
    only_one = view.get(Total(RETAINED)) == 1.0
    return np.where(only_one & ~seen, view.get(First(RETAINED)), np.inf)


def _not_reviewed(view: View) -> Array:
    return _first_purchase_without(view, view.get(Last(REVIEWS)) >= view.get(First(RETAINED)))


def _no_second(view: View) -> Array:
    return _first_purchase_without(view, np.zeros(len(view.at_us), np.bool_))


def _no_activity(view: View) -> Array:
    joined = view.get(Last(CAMPAIGNS))
    return np.where(joined > -np.inf, joined, view.get(First(KNOWN)))


def _complaint(view: View) -> Array:
    return np.where(complaints_open(view) > 0, view.get(Last(COMPLAINTS)), np.inf)


def _no_purchase(view: View) -> Array:
    last = view.get(Last(RETAINED))
    return np.where(last > -np.inf, last, np.inf)


SIGNS: dict[str, Since] = {
    "first-not-reviewed": _not_reviewed,
    "no-second-purchase": _no_second,
    "no-activity-joined": _no_activity,
    "complaint-open": _complaint,
    "no-purchase": _no_purchase,
}


def points_due(profile: Profile, view: View) -> Array:
    """Returns (n,): the touch points that hold for each customer, as bits in the order of the profile."""
    bits = np.zeros(len(view.at_us))
    for i, point in enumerate(profile.touch_points):
        bits += np.where(view.at_us >= SIGNS[point.name](view) + point.after_us, float(1 << i), 0.0)
    return bits


def points_of(profile: Profile, bits: float) -> list[tuple[int, TouchPoint]]:
    """Returns the touch points in `bits`, each with its bit."""
    return [(1 << i, point) for i, point in enumerate(profile.touch_points) if int(bits) >> i & 1]


def active_points(profile: Profile, bits: float, contributions: Array) -> list[ActivePoint]:
    """Returns the touch points in `bits` with their contributions. contributions: (features,) in log-odds."""
    return [
        ActivePoint(point.name, point.risk, _share(point, contributions), point.scene)
        for _, point in points_of(profile, bits)
    ]


def compose_touch(
    profile: Profile, recipient: Recipient, trigger: str, channel: str, more: dict[str, Any]
) -> dict[str, Any]:
    """Returns the message of a touch, for the CRM's automation."""
    touched_at = format_instant(recipient.at_us)
    return {
        "touch_id": str(uuid5(NAMESPACE, f"{recipient.customer_id}|{trigger}|{touched_at}")),
        "customer_id": recipient.customer_id,
        "touched_at": touched_at,
        "trigger": trigger,
        "channel": channel,
        "offer": recipient.plan.offer,
        "script": recipient.plan.script,
        "scope": recipient.attributes.scope,
        "segments": list(recipient.segmentation.segments),
        "lifecycle": recipient.segmentation.lifecycle,
        **more,
        "policy_version": profile.version,
    }


def _share(point: TouchPoint, contributions: Array) -> float:
    places: Sequence[int] = [NAMES.index(name) for name in point.features]
    return sum(float(contributions[place]) for place in places)
