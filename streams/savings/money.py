"""What saving customers costs and brings, in decimal: the published sheet as printed, the same corrected, and measured.

All three are computed by the same formula from their inputs: benefit = saved * value + saved * referral rate *
referrals each * value of a new customer; ROI = (benefit - cost) / cost; payback = cost / (benefit / 12).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from streams.profile.money_sections import Economics
from streams.profile.profile import Profile

CENT, MONTHS = Decimal("0.01"), 12


@dataclass(frozen=True, slots=True)
class Balance:
    """A year's sums. saved: customers; roi: a share; payback_months: None where the benefit is not above 0."""

    saved: Decimal
    benefit: Decimal
    cost: Decimal
    roi: Decimal | None
    payback_months: Decimal | None

    @property
    def net(self) -> Decimal:
        """What is left."""
        return self.benefit - self.cost


@dataclass(frozen=True, slots=True)
class Sheet:
    """The published plan: as printed, corrected, corrected with the tiers that it leaves out, and its break-even.

    corrections: tier, the amount printed, and the one that the sheet's own figures give. break_even_points: by how much
    more of those with an intervention must return, in percentage points.
    """

    printed: Balance
    corrected: Balance
    whole: Balance
    corrections: tuple[tuple[str, Decimal, Decimal], ...]
    break_even: Decimal
    break_even_points: Decimal


def decimal(number: float) -> Decimal:
    """Returns the number as it is written."""
    return Decimal(repr(number))


def cents(amount: Decimal) -> Decimal:
    """Rounds to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def benefit(profile: Profile, saved: Decimal, value: Decimal) -> Decimal:
    """Returns what `saved` customers bring. value: their values together, without those whom they refer."""
    money = profile.economics
    referred = saved * decimal(money.referral_rate) * decimal(money.referrals_each)
    return value + referred * decimal(money.referral_value)


def balance(saved: Decimal, brought: Decimal, cost: Decimal, months: Decimal = Decimal(MONTHS)) -> Balance:
    """Returns the sums of a period of so many months."""
    roi = (brought - cost) / cost if cost else None
    payback = cost / (brought / months) if brought > 0 else None
    return Balance(saved, cents(brought), cents(cost), roi, payback)


def sheet(profile: Profile) -> Sheet | None:
    """Returns the published plan; None where the profile has none."""
    money = profile.economics
    if not money.customers:
        return None
    saved = money.customers * (decimal(profile.goals.churn_a_year_before) - decimal(profile.goals.churn_a_year_after))
    brought = benefit(profile, saved, saved * decimal(profile.customer_value))
    tiers = {t.name: money.customers * decimal(t.share) * decimal(t.budget) for t in profile.tiers}
    printed = {one.name: decimal(one.amount) for one in money.printed}
    counted = {name: amount for name, amount in tiers.items() if name not in money.uncounted}
    fixed = fixed_costs(money)
    costs = (fixed + sum((counted | printed).values()), fixed + sum(counted.values()), fixed + sum(tiers.values()))
    whole = costs[-1] / (brought / saved)
    treated = money.customers * sum(decimal(tier.share) for tier in profile.tiers if tier.name in counted)
    corrections = ((name, cents(amount), cents(tiers[name])) for name, amount in printed.items())
    return Sheet(
        balance(saved, brought, costs[0]),
        balance(saved, brought, costs[1]),
        balance(saved, brought, costs[2]),
        tuple(one for one in corrections if one[1] != one[2]),
        whole,
        100 * whole / treated,
    )


def fixed_costs(money: Economics, years: Decimal = Decimal(1)) -> Decimal:
    """Returns the one-off costs and those of so many years, without interventions."""
    once, yearly = (sum((decimal(one.amount) for one in each), Decimal(0)) for each in (money.one_off, money.yearly))
    return once + years * yearly
