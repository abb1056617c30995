"""The message of an intervention: tier, action, window, reasons and expected value.

`expected_saved` is the tier's expected saved share times the ratio of the window's save rate to the first window's:
with 55 % in the second window and 62 % in the first, a contact in the second one saves 55/62 of the tier's share.
The window is that of the instant at which the message is sent, since only then the CRM can act.
`expected_net_value` = customer value * probability * expected_saved - budget, in the profile's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import numpy as np

from features.portable_math import Array
from online_model.reasons import Explanation
from schemas.instants import format_instant, parse_instant
from streams.interventions.actions import Segmentation, action
from streams.interventions.customer_attributes import CustomerAttributes
from streams.interventions.market_signals import SignalSaid
from streams.interventions.strategies import Choice
from streams.interventions.touches import ActivePoint
from streams.profile.case_sections import Tier, Window
from streams.profile.profile import Profile

# uuid5(NAMESPACE_DNS, "interventions.keepline"). Never change it: a crossing keeps its id.
NAMESPACE = UUID("71e67f7e-bd81-5cbd-91a7-f09f4e19b127")
SHARE_DIGITS, AMOUNT_DIGITS = 4, 2

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Crossing:
    """What the message of a crossing is made of; previous_probability: None at a first score."""

    customer_id: str
    crossed_at_us: int
    decided_at_us: int
    emitted_at_us: int
    probability: float
    previous_probability: float | None
    explanation: Explanation
    model_version: int
    attributes: CustomerAttributes
    value: float | None  # of the customer; None: that of the policy profile
    segmentation: Segmentation
    choice: Choice
    opened_by: str = "crossing"
    touch_points: Sequence[ActivePoint] = ()
    signals: Sequence[SignalSaid] = ()


def tier_of(profile: Profile, probability: float) -> Tier:
    """The highest tier that `probability` is above; the last one where it is above none."""
    return next((tier for tier in profile.tiers if probability > tier.above), profile.tiers[-1])


def window_of(profile: Profile, delay_us: int) -> Window | None:
    """The window of a contact `delay_us` after the crossing; None after the last: missed, not to be sent."""
    return next((window for window in profile.case.windows if delay_us <= window.within_us), None)


def intervention_id(customer_id: str, crossed_at_us: int) -> str:
    """Returns the id of a crossing: the same whenever and wherever it is decided."""
    return str(uuid5(NAMESPACE, f"{customer_id}|{format_instant(crossed_at_us)}"))


def net_values(profile: Profile, probability: Array, value: Array, delay_us: Array) -> Array:
    """Returns the expected net values of cases sent `delay_us` after their crossings, not rounded: (n,) each."""
    tiers, windows = profile.tiers, profile.case.windows
    tier = [probability > tier.above for tier in tiers[:-1]]
    budget, saved = (
        np.select(tier, [getattr(tier, name) for tier in tiers[:-1]], getattr(tiers[-1], name))
        for name in ("budget", "expected_saved")
    )
    kept = [window.saved / windows[0].saved for window in windows]
    saved = saved * np.select([delay_us <= window.within_us for window in windows[:-1]], kept[:-1], kept[-1])
    return np.asarray(value * probability * saved - budget)


def timing(
    profile: Profile, probability: float, value: float, budget: float, crossed_us: int, emitted_us: int
) -> Message:
    """Returns the fields that depend on when a message is sent; after the last window: those of the last."""
    tier = tier_of(profile, probability)
    window = window_of(profile, emitted_us - crossed_us) or profile.case.windows[-1]
    saved = tier.expected_saved * (window.saved / profile.case.windows[0].saved)
    return {
        "emitted_at": format_instant(emitted_us),
        "window": window.name,
        "expected_saved": round(saved, SHARE_DIGITS),
        "expected_net_value": round(value * probability * saved - budget, AMOUNT_DIGITS),
    }


def sent_at(profile: Profile, message: Message, emitted_us: int) -> Message:
    """Returns the message as it is right when it is sent only now, such as after a late grant."""
    crossed_us = parse_instant(message["crossed_at"])
    value, budget = message["customer_value"], message["budget"]["amount"]
    return message | timing(profile, message["probability"], value, budget, crossed_us, emitted_us)


def compose(profile: Profile, crossing: Crossing, channel: str) -> Message:
    """Returns the message for the CRM. channel: the one that passed the gate, "" for what is not sent."""
    tier, why = tier_of(profile, crossing.probability), crossing.explanation
    value = profile.customer_value if crossing.value is None else crossing.value
    choice, plan, budget = crossing.choice, crossing.choice.option.plan, crossing.choice.option.budget
    timed = timing(profile, crossing.probability, value, budget, crossing.crossed_at_us, crossing.emitted_at_us)
    return {
        "intervention_id": intervention_id(crossing.customer_id, crossing.crossed_at_us),
        "customer_id": crossing.customer_id,
        "opened_by": crossing.opened_by,
        "crossed_at": format_instant(crossing.crossed_at_us),
        "decided_at": format_instant(crossing.decided_at_us),
        "emitted_at": timed["emitted_at"],
        "window_ends_at": format_instant(crossing.crossed_at_us + profile.case.window_us),
        "window": timed["window"],
        "probability": crossing.probability,
        "previous_probability": crossing.previous_probability,
        "tier": tier.name,
        "action": action(profile, plan, channel or plan.channels[0]),
        "budget": {"amount": budget, "currency": profile.currency},
        "expected_saved": timed["expected_saved"],
        "expected_net_value": timed["expected_net_value"],
        "propensity": 1.0 - profile.gate.holdout_share,
        "customer_value": value,
        "scope": crossing.attributes.scope,
        "who": plan.who,
        "agent_id": crossing.attributes.agent_id if plan.who == profile.case.agent else None,
        "strategy": choice.option.name,
        "strategy_propensity": choice.propensity,
        "strategies": dict(choice.propensities),
        "cause": crossing.segmentation.cause,
        "segments": list(crossing.segmentation.segments),
        "lifecycle": crossing.segmentation.lifecycle,
        "rfm_b": crossing.segmentation.rfm_b,
        "rfm_group": crossing.segmentation.rfm_group,
        "touch_points": list(crossing.touch_points),
        "signals": list(crossing.signals),
        "log_odds": why.log_odds,
        "average_log_odds": why.average,
        "other_contributions": why.other,
        "reasons": why.reasons,
        "reasons_against": why.reasons_against,
        "model_version": crossing.model_version,
        "policy_version": profile.version,
    }


def withheld(message: Message, rule: str, retry_us: int | None) -> Message:
    """Returns the message of what is not sent, with the rule that refused and when to retry."""
    retry_at = None if retry_us is None else format_instant(retry_us)
    return message | {"withheld_reason": rule, "retry_at": retry_at}
