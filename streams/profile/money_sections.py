"""Sections of a profile about money: what the plan costs and what a saved customer is worth."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from streams.profile.section import Section
from streams.profile.values import Amount, Name, Share, Text


class Cost(Section):
    """What something, or the interventions of the tier of this name, cost in the profile's currency."""

    name: Text
    amount: Amount


class Economics(Section):
    """The plan in money. customers: kept ones of the plan, 0 where none is published.

    referral_rate: share of the saved who refer; referrals_each: new customers each of them brings; referral_value: of a
    new one; acquisition_cost: of a new one by other means. printed: the sheet's own amounts, by tier. uncounted: tiers
    whose interventions the sheet leaves out.
    """

    customers: Annotated[int, Field(ge=0)] = 0
    one_off: Annotated[tuple[Cost, ...], Field(strict=False)] = ()
    yearly: Annotated[tuple[Cost, ...], Field(strict=False)] = ()
    printed: Annotated[tuple[Cost, ...], Field(strict=False)] = ()
    uncounted: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    referral_rate: Share = 0.0
    referrals_each: Amount = 0.0
    referral_value: Amount = 0.0
    acquisition_cost: Amount = 0.0
