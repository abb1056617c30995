"""Cause, segments and lifecycle group of a customer, and the action that follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.catalogue import NAMES
from features.portable_math import Array
from schemas.columns import CAUSES
from schemas.instants import DAY_US
from streams.profile.case_sections import AlternativeAction, Remedy, Segments, Step, Tier
from streams.profile.profile import Profile
from streams.profile.values import AUTOMATED, AUTOMATED_CHANNELS

Lifecycle = Literal["new", "growing", "mature", "silent", "churned"]
LIFECYCLES: tuple[Lifecycle, ...] = get_args(Lifecycle)
GROWING = LIFECYCLES.index("growing")
PLACE = {name: i for i, name in enumerate(NAMES)}
# RFM's eight groups by whether recency, frequency and monetary are high: percentiles among all active customers
RFM_GROUPS = {
    (True, True, True): "important-value",
    (True, False, True): "important-growth",
    (False, True, True): "important-keep",
    (False, False, True): "important-win-back",
    (True, True, False): "general-value",
    (True, False, False): "general-growth",
    (False, True, False): "general-keep",
    (False, False, False): "general-win-back",
}
LEAST_CAUSE = 0.1  # weight of a survey after decay: one of more than a year ago does not count
A_MONTH = 30 / 28 * math.log(2.0)  # n events a month give a sum with a half-life of 28 days of n / A_MONTH


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What actions depend on. rfm_b: percentiles by component, None before the population is known."""

    segments: tuple[str, ...]
    lifecycle: Lifecycle
    cause: str | None
    rfm_b: Mapping[str, float] | None = None
    rfm_group: str | None = None  # None before the population is known


@dataclass(frozen=True, slots=True)
class Plan:
    """Who does what, by one of these channels, in order of preference."""

    who: str
    channels: tuple[str, ...]
    offer: str
    script: str
    closes: bool = False


def segmentation(profile: Profile, raw: Sequence[float] | Array, rfm_b: Mapping[str, float] | None) -> Segmentation:
    """raw: (features,) in their units."""
    segments = profile.segments
    groups = _segments(segments, raw, rfm_b), lifecycle(profile, raw), _cause(raw)
    return Segmentation(*groups, rfm_b, None if rfm_b is None else rfm_group(segments, rfm_b))


def rfm_group(segments: Segments, rfm_b: Mapping[str, float]) -> str:
    """The group of the eight by recency, frequency and monetary. rfm_b: percentiles, higher is better."""
    recency, frequency, monetary = (rfm_b[name] >= segments.rfm_high for name in ("recency", "frequency", "monetary"))
    return RFM_GROUPS[recency, frequency, monetary]


def lifecycle(profile: Profile, raw: Sequence[float] | Array) -> Lifecycle:
    """The lifecycle group of one customer. raw: (features,) in their units."""
    silent_us = float(raw[PLACE["retained_recency"]]) * DAY_US
    return next(name for holds, name in _lifecycles(profile, float(raw[PLACE["retained_count"]]), silent_us) if holds)


def lifecycles(profile: Profile, purchases: Array, silent_us: Array) -> NDArray[np.int64]:
    """Returns the place in LIFECYCLES of each customer, by purchases and the time since the last one."""
    groups = _lifecycles(profile, purchases, silent_us)[:-1]
    return np.select([holds for holds, _ in groups], [LIFECYCLES.index(name) for _, name in groups], GROWING)


def _lifecycles(profile: Profile, purchases: Any, silent_us: Any) -> Sequence[tuple[Any, Lifecycle]]:
    """Whether a customer, or each of many, is in a group: the first that holds counts. Churned are the lapsed
    (`label.lapsed_after`).
    """
    segments = profile.segments
    return (
        (silent_us > profile.label.lapsed_after_us, "churned"),
        (silent_us > segments.silent_after_us, "silent"),
        (purchases <= segments.new_purchases, "new"),
        (purchases >= segments.mature_purchases, "mature"),
        (True, "growing"),
    )


def plan(profile: Profile, base: Tier | Step, segmentation: Segmentation) -> Plan:
    """The action for the cause, else for the first segment that has one, else of the tier. A step is no repetition: it
    has its own action, but for the cause's. No case goes to a lower role than that of the tier or step, whose channels
    hold then too.
    """
    remedy: AlternativeAction | None = next((r for r in profile.remedies if r.cause == segmentation.cause), None)
    if remedy is None and isinstance(base, Tier):
        remedy = next((o for o in profile.segment_offers if o.segment in segmentation.segments), None)
    if remedy is None:
        return Plan(base.who, base.channels, base.offer, base.script)
    closes = isinstance(remedy, Remedy) and remedy.close
    who, channels = remedy.who or base.who, remedy.channels or base.channels
    if profile.case.rank(who) < profile.case.rank(base.who):
        who, channels = base.who, base.channels
    return Plan(who, channels, remedy.offer, remedy.script, closes)


def automated_plan(profile: Profile, tier: Tier, segmentation: Segmentation) -> Plan | None:
    """The action of a touch in the automated tier; None where the cause asks for a person, whom no message replaces.
    A segment's own person has no part in it: then it is the tier's own action.
    """
    remedy = next((r for r in profile.remedies if r.cause == segmentation.cause), None)
    if remedy is not None and remedy.who is not None:
        return None
    offers = [o for o in profile.segment_offers if o.segment in segmentation.segments and o.who is None]
    chosen = remedy or next(iter(offers), None) or tier
    channels = tuple(channel for channel in chosen.channels or tier.channels if channel in AUTOMATED_CHANNELS)
    closes = remedy is not None and remedy.close
    return Plan(AUTOMATED, channels, chosen.offer, chosen.script, closes) if channels else None


def action(profile: Profile, plan: Plan, channel: str) -> dict[str, str]:
    """Who does what by the channel."""
    return {
        "who": plan.who,
        "channel": channel,
        "offer": plan.offer,
        "offer_zh": profile.chinese(plan.offer),
        "script": plan.script,
        "script_zh": profile.chinese(plan.script),
    }


def _segments(segments: Segments, raw: Sequence[float] | Array, rfm_b: Mapping[str, float] | None) -> tuple[str, ...]:
    high_value = (
        raw[PLACE["retained_recency"]] * DAY_US <= segments.high_value_recency_us
        and raw[PLACE["retained_count"]] >= segments.high_value_frequency
        and raw[PLACE["spend_total"]] >= segments.high_value_monetary
    )
    at_risk = high_value and rfm_b is not None and rfm_b["behaviour"] <= segments.at_risk_behaviour
    flags = {
        "high-value-at-risk": at_risk,
        "high-value": high_value,
        "price-sensitive": raw[PLACE["coupon_28d"]] * A_MONTH >= segments.coupons_a_month,
        "new": raw[PLACE["retained_count"]] <= segments.new_purchases,
    }
    return tuple(name for name, holds in flags.items() if holds)


def _cause(raw: Sequence[float] | Array) -> str | None:
    """The cause with the highest decayed weight in surveys. While a complaint is open it is service, whatever else a
    survey names: nothing is offered before the complaint is settled. Who sold the vehicle needs neither.
    """
    weights: Sequence[float] = [float(raw[PLACE[f"cause_{cause}"]]) for cause in CAUSES]
    named = CAUSES[weights.index(max(weights))] if max(weights) >= LEAST_CAUSE else None
    return "service" if named != "vehicle_sold" and raw[PLACE["complaints_open"]] > 0 else named
