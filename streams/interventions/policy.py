"""The message of an intervention: who acts, how, with what, within which window, and what that is worth.

`expected_saved` is the tier's expected saved share, scaled by how the window's save rate stands to the
first's: a contact in a second window of 55 % after a first of 62 % is worth 55/62 of what the tier promises.
`expected_net_value` = customer value * probability * expected_saved - budget, in the profile's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import orjson

from online_model.reasons import Reason
from schemas.instants import format_instant
from streams.interventions.cases import Withheld
from streams.interventions.profile import Profile, Tier, Window

# uuid5(NAMESPACE_DNS, "interventions.keepline"). Never change it: a crossing keeps its id.
NAMESPACE = UUID("71e67f7e-bd81-5cbd-91a7-f09f4e19b127")
SHARE_DIGITS, AMOUNT_DIGITS = 4, 2


@dataclass(frozen=True, slots=True)
class Crossing:
    """What is known when a crossing is decided upon; previous_probability is None at a first score."""

    customer_id: str
    crossed_at_us: int
    decided_at_us: int
    probability: float
    previous_probability: float | None
    reasons: Sequence[Reason]
    model_version: int


def tier_of(profile: Profile, probability: float) -> Tier:
    """The highest tier that `probability` is above; the last one where it is above none."""
    return next((tier for tier in profile.tiers if probability > tier.above), profile.tiers[-1])


def window_of(profile: Profile, delay_us: int) -> Window | None:
    """The window of a contact `delay_us` after the crossing; None past the last: missed, not to be sent."""
    return next((window for window in profile.case.windows if delay_us <= window.within_us), None)


def intervention_id(customer_id: str, crossed_at_us: int) -> str:
    """The same for the same crossing, whenever and wherever it is decided upon."""
    return str(uuid5(NAMESPACE, f"{customer_id}|{format_instant(crossed_at_us)}"))


def compose_intervention(profile: Profile, crossing: Crossing, emitted_at_us: int) -> bytes:
    """The message for the CRM, as JSON. Raises ValueError past the last window."""
    return orjson.dumps(_message(profile, crossing, emitted_at_us))


def compose_withheld(profile: Profile, crossing: Crossing, emitted_at_us: int, why: int) -> bytes:
    """The same message for what was not sent, with the reason (`why` is a Withheld)."""
    return orjson.dumps(_message(profile, crossing, emitted_at_us) | {"withheld_reason": Withheld(why).name.lower()})


def _message(profile: Profile, crossing: Crossing, emitted_at_us: int) -> dict[str, Any]:
    tier, window = tier_of(profile, crossing.probability), _window(profile, crossing)
    saved = tier.expected_saved * (window.saved / profile.case.windows[0].saved)
    value = profile.customer_value * crossing.probability * saved - tier.budget
    return {
        "intervention_id": intervention_id(crossing.customer_id, crossing.crossed_at_us),
        "customer_id": crossing.customer_id,
        "crossed_at": format_instant(crossing.crossed_at_us),
        "emitted_at": format_instant(emitted_at_us),
        "window_ends_at": format_instant(crossing.crossed_at_us + profile.case.window_us),
        "window": window.name,
        "probability": crossing.probability,
        "previous_probability": crossing.previous_probability,
        "tier": tier.name,
        "action": {"who": tier.who, "channel": tier.channel, "offer": tier.offer, "script": tier.script},
        "budget": {"amount": tier.budget, "currency": profile.currency},
        "expected_saved": round(saved, SHARE_DIGITS),
        "expected_net_value": round(value, AMOUNT_DIGITS),
        "reasons": list(crossing.reasons),
        "model_version": crossing.model_version,
        "policy_version": profile.version,
    }


def _window(profile: Profile, crossing: Crossing) -> Window:
    """By the instant of the decision, not of sending: a replay must come to the same."""
    delay_us = crossing.decided_at_us - crossing.crossed_at_us
    window = window_of(profile, delay_us)
    if window is None:
        last = profile.case.windows[-1].name
        raise ValueError(
            f"customer {crossing.customer_id}: crossed at {format_instant(crossing.crossed_at_us)}, "
            f"decided at {format_instant(crossing.decided_at_us)}, past the last window, {last}: a miss"
        )
    return window
