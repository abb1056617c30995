"""Which strategy a case gets: drawn by a hash of the case and the week, among those that are possible.

The rule, for a program in any language. Let `possible` be the strategies of the profile, in its order, that are for the
case and have a channel that consent, caps and quiet hours leave; `w` their weights (of the model in force where the
profile is adaptive, else `share`). The draw is u = xxh3_64("SALT|WEEK|ID") / 2^64, of the UTF-8 bytes, with
`exploration.salt`, the grid instant of the decision (`2026-11-30T00:00:00Z`) and `intervention_id`. The first strategy
at which the running sum of w / sum(w) exceeds u is it, else the last. Its propensity is
(1 - holdout's share) * w / sum(w). A customer without a possible strategy gets the tier's own action, named `default`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xxhash

from schemas.instants import WEEK_US, format_instant
from streams.inputs.schedule import next_grid
from streams.interventions.actions import Plan, Segmentation
from streams.interventions.gate import (
    Passed,
    Recipient,
    Refused,
    is_held_out,
    pass_without_holdout,
    reached_holdout_rule,
)
from streams.profile.case_sections import Tier
from streams.profile.profile import Profile
from streams.profile.strategy_sections import Strategy

DEFAULT = "default"  # the tier's own action
Weights = Mapping[str, Mapping[str, float]]  # tier -> strategy -> weight
PROPENSITY_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Option:
    """A way to act in a case."""

    name: str
    plan: Plan
    budget: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and what the gate says to it. propensities: of all that were possible, the chosen one's too."""

    option: Option
    propensities: Mapping[str, float]
    answer: Passed | Refused

    @property
    def propensity(self) -> float:
        """Of the chosen one."""
        return self.propensities[self.option.name]


def options(profile: Profile, tier: Tier, own: Plan, segmentation: Segmentation, weights: Weights) -> list[Option]:
    """Returns the ways to act in a case, in the profile's order: its strategies, else the tier's own action."""
    found = [one for one in profile.strategies if _is_for(profile, one, tier, segmentation)]
    if not found or own.closes:
        return [Option(DEFAULT, own, tier.budget)]
    learned = weights.get(tier.name, {}) if profile.exploration.mode == "adaptive" else {}
    shares = [learned.get(one.name, 0.0) for one in found]
    if not all(shares):  # a strategy that the model in force does not know
        shares = [one.share for one in found]
    return [_option(one, tier, own, share) for one, share in zip(found, shares, strict=True)]


def choose(
    profile: Profile, among: Sequence[Option], recipients: Sequence[Recipient], case: str, *, quiet_hours: bool
) -> Choice:
    """Chooses for a case. recipients: as of each option; case: its id; quiet_hours: whether they count."""
    answers = [pass_without_holdout(profile, one, quiet_hours=quiet_hours) for one in recipients]
    possible = [i for i, answer in enumerate(answers) if isinstance(answer, Passed)]
    reached = [i for i, answer in enumerate(answers) if reached_holdout_rule(answer)]
    left = possible or reached or [0]
    chosen, propensities = _draw(profile, [among[i] for i in left], case, recipients[0].at_us)
    answer = answers[left[chosen]]
    if reached and is_held_out(profile, recipients[0].customer_id):
        answer = Refused("holdout")
    return Choice(among[left[chosen]], propensities, answer)


def draw(salt: str, at_us: int, case: str) -> float:
    """Returns the draw of a case in [0, 1), the same in a week from Monday on."""
    week = format_instant(next_grid(at_us) - WEEK_US)
    return xxhash.xxh3_64_intdigest(f"{salt}|{week}|{case}".encode()) / 2.0**64


def _draw(profile: Profile, among: Sequence[Option], case: str, at_us: int) -> tuple[int, dict[str, float]]:
    total, treated = sum(one.weight for one in among), 1.0 - profile.gate.holdout_share
    propensities = {one.name: round(treated * one.weight / total, PROPENSITY_DIGITS) for one in among}
    u, reached = draw(profile.exploration.salt, at_us, case), 0.0
    for i, one in enumerate(among):
        reached += one.weight / total
        if u < reached:
            return i, propensities
    return len(among) - 1, propensities


def _is_for(profile: Profile, one: Strategy, tier: Tier, segmentation: Segmentation) -> bool:
    remedies = {remedy.cause for remedy in profile.remedies}
    offers = {offer.segment for offer in profile.segment_offers}
    cause = segmentation.cause in one.causes if one.causes else segmentation.cause not in remedies
    wanted = set(segmentation.segments)
    segment = not wanted.isdisjoint(one.segments) if one.segments else wanted.isdisjoint(offers)
    return tier.name in one.tiers and cause and segment


def _option(one: Strategy, tier: Tier, own: Plan, weight: float) -> Option:
    plan = Plan(own.who, one.channels or own.channels, one.offer or own.offer, one.script or own.script)
    return Option(one.name, plan, tier.budget if one.budget is None else one.budget, weight)
