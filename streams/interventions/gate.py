"""The gate: what may be sent to whom by which channel, and when it is retried.

Rules in order; each returns the channels that it allows, and the first that allows none refuses:

| rule          | refuses                                                    | retried                       |
|---------------|------------------------------------------------------------|-------------------------------|
| roll_out      | customers outside of the scopes of the stage in force      | no                            |
| vehicle_sold  | customers whose action closes the case                     | no                            |
| consent       | channels without the customer's consent                    | no                            |
| negative_net_value | cases that would cost more than they are expected to save | no                       |
| holdout       | the share that is never contacted, to measure effects      | no: followed as a case        |
| frequency_cap | channels whose cap is reached                              | when the oldest contact leaves|
| quiet_hours   | channels that ring, in the customer's quiet hours          | at the end of quiet hours     |

Shared limits, budgets and teams, are the dispatcher's. Whether a case may open at all (one open case, cool-down,
tenure, model, quiet source) is decided before, in opening.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import xxhash

from schemas.instants import EPOCH
from schemas.time_zones import zone as zone_of
from streams.interventions.actions import Plan, Segmentation
from streams.interventions.customer_attributes import CustomerAttributes
from streams.profile.contact_sections import Cap
from streams.profile.profile import Profile

Contact = tuple[int, str]  # us, channel
MINUTES_AN_HOUR = 60
MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Recipient:
    """The customer to whom a message would be sent at `at_us`."""

    customer_id: str
    attributes: CustomerAttributes
    segmentation: Segmentation
    plan: Plan
    contacts: Sequence[Contact]
    at_us: int
    net_value: float | None = None  # expected of the case that would be sent; None: the message is not a case's


@dataclass(frozen=True, slots=True)
class Passed:
    """The message may be sent by this channel."""

    channel: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The rule that refuses, and when to retry; None: no retry."""

    rule: str
    retry_us: int | None = None


Left = tuple[Sequence[str], int | None]  # channels that are left, else when to retry
Rule = Callable[[Profile, Recipient, Sequence[str]], Left]


def pass_gate(profile: Profile, recipient: Recipient) -> Passed | Refused:
    """Applies all rules; the preferred channel comes first where it is left."""
    return _pass(RULES, profile, recipient)


def pass_without_holdout(profile: Profile, recipient: Recipient, *, quiet_hours: bool) -> Passed | Refused:
    """Applies all rules but the holdout's. quiet_hours: whether they count."""
    left_out = {"holdout"} if quiet_hours else {"holdout", "quiet_hours"}
    return _pass({name: rule for name, rule in RULES.items() if name not in left_out}, profile, recipient)


def pass_upgrade_rules(profile: Profile, recipient: Recipient) -> Passed | Refused:
    """Applies the rules for an upgrade: consent, net value, caps; whoever gets the case chooses the hour."""
    rules = ("consent", "negative_net_value", "frequency_cap")
    return _pass({rule: RULES[rule] for rule in rules}, profile, recipient)


def quiet_until_us(profile: Profile, attributes: CustomerAttributes, channel: str, at_us: int) -> int | None:
    """Returns when quiet hours of the channel end; None: it may be used now."""
    if channel not in profile.gate.quiet_channels:
        return None
    quiet_end_us = _quiet_hours_end_us(profile, attributes, at_us)
    return quiet_end_us if quiet_end_us > at_us else None


def pass_contact_rules(profile: Profile, recipient: Recipient) -> Passed | Refused:
    """Applies the rules for a further message in an open case: consent, caps, quiet hours."""
    return _pass({rule: RULES[rule] for rule in ("consent", "frequency_cap", "quiet_hours")}, profile, recipient)


def consents(profile: Profile, attributes: CustomerAttributes, channel: str) -> bool:
    """Whether the customer may be contacted by the channel: where nothing is known, as the profile has it."""
    gate, said = profile.gate, attributes.consents_to(channel)
    return channel not in gate.needs_consent or gate.consent_when_unknown if said is None else said


def has_withdrawn(profile: Profile, before: CustomerAttributes, after: CustomerAttributes) -> bool:
    """Whether a consent was given for some channel before and is given for none now."""
    was, is_now = (
        any(consents(profile, attributes, channel) for channel in profile.gate.needs_consent)
        for attributes in (before, after)
    )
    return was and not is_now


def reached_holdout_rule(answer: Passed | Refused) -> bool:
    """Whether the rules before the holdout let it pass, so that the draw alone decided on treatment."""
    rules = list(RULES)
    return isinstance(answer, Passed) or rules.index(answer.rule) >= rules.index("holdout")


def is_held_out(profile: Profile, customer_id: str) -> bool:
    """Whether the customer is in the holdout: always the same customers, until the salt changes."""
    digest = xxhash.xxh3_64_intdigest(f"{profile.gate.holdout_salt}|{customer_id}".encode())
    return digest < profile.gate.holdout_share * 2.0**64


def _pass(rules: dict[str, Rule], profile: Profile, recipient: Recipient) -> Passed | Refused:
    channels: Sequence[str] = recipient.plan.channels
    for name, rule in rules.items():
        channels, retry_us = rule(profile, recipient, channels)
        if not channels:
            return Refused(name, retry_us)
    preferred = recipient.attributes.preferred_channel
    return Passed(preferred if preferred is not None and preferred in channels else channels[0])


def _roll_out(profile: Profile, recipient: Recipient, channels: Sequence[str]) -> Left:
    scopes = profile.roll_out.scopes
    return (channels if not scopes or recipient.attributes.scope in scopes else ()), None


def _vehicle_sold(profile: Profile, recipient: Recipient, channels: Sequence[str]) -> Left:
    return (() if recipient.plan.closes else channels), None


def _consent(profile: Profile, recipient: Recipient, channels: Sequence[str]) -> Left:
    return [channel for channel in channels if consents(profile, recipient.attributes, channel)], None


def _negative_net_value(profile: Profile, recipient: Recipient, channels: Sequence[str]) -> Left:
    return (() if recipient.net_value is not None and recipient.net_value < 0 else channels), None


def _holdout(profile: Profile, recipient: Recipient, channels: Sequence[str]) -> Left:
    return (() if is_held_out(profile, recipient.customer_id) else channels), None


def _frequency_cap(profile: Profile, recipient: Recipient, channels: Sequence[str]) -> Left:
    retries = {channel: _capped_until(profile, recipient, channel) for channel in channels}
    left = [channel for channel in channels if retries[channel] <= recipient.at_us]
    return left, min(retries.values())


def _capped_until(profile: Profile, recipient: Recipient, channel: str) -> int:
    """Returns when the next message by the channel may be sent; not later than `at_us`: now."""
    caps = [cap for cap in profile.gate.caps if cap.channel == channel and _concerns(cap, recipient.segmentation)]
    return max((_full_until(cap, recipient) for cap in caps), default=recipient.at_us)


def _full_until(cap: Cap, recipient: Recipient) -> int:
    sent = sorted(
        us for us, channel in recipient.contacts if channel == cap.channel and us > recipient.at_us - cap.within_us
    )
    return sent[-cap.most] + cap.within_us if len(sent) >= cap.most else recipient.at_us


def _concerns(cap: Cap, segmentation: Segmentation) -> bool:
    return cap.segment is None or cap.segment in segmentation.segments


def _quiet_hours(profile: Profile, recipient: Recipient, channels: Sequence[str]) -> Left:
    quiet_end_us = _quiet_hours_end_us(profile, recipient.attributes, recipient.at_us)
    if quiet_end_us <= recipient.at_us:
        return channels, None
    return [channel for channel in channels if channel not in profile.gate.quiet_channels], quiet_end_us


def _quiet_hours_end_us(profile: Profile, attributes: CustomerAttributes, at_us: int) -> int:
    gate, zone = profile.gate, attributes.time_zone or profile.time.zone
    return quiet_hours_end_us(gate.quiet_from, gate.quiet_until, zone, at_us)


def quiet_hours_end_us(quiet_from: int, quiet_until: int, zone: str, at_us: int) -> int:
    """Returns the end of the quiet hours around `at_us`, `at_us` outside of them. quiet_*: minutes of the day."""
    return max(_quiet_hours_end_minute(quiet_from, quiet_until, zone, at_us // MINUTE_US) * MINUTE_US, at_us)


@lru_cache(maxsize=4096)
def _quiet_hours_end_minute(quiet_from: int, quiet_until: int, zone: str, minute: int) -> int:
    """Searches minute by minute: daylight saving skips or repeats hours, also those in which quiet hours end."""
    while _is_quiet(quiet_from, quiet_until, zone, minute):
        minute += 1
    return minute


def _is_quiet(quiet_from: int, quiet_until: int, zone: str, minute: int) -> bool:
    local = (EPOCH + timedelta(minutes=minute)).astimezone(zone_of(zone))
    of_day = local.hour * MINUTES_AN_HOUR + local.minute
    evening, morning = of_day >= quiet_from, of_day < quiet_until
    return (evening or morning) if quiet_from > quiet_until else (evening and morning)


RULES: dict[str, Rule] = {
    "roll_out": _roll_out,
    "vehicle_sold": _vehicle_sold,
    "consent": _consent,
    "negative_net_value": _negative_net_value,
    "holdout": _holdout,
    "frequency_cap": _frequency_cap,
    "quiet_hours": _quiet_hours,
}
