"""The published sheet, to the cent, with its error and without."""

from __future__ import annotations

from decimal import Decimal

import pytest

from streams.profile.loading import load_profile
from streams.savings.money import balance, cents, sheet

AFTER_SALES = sheet(load_profile("after-sales"))
assert AFTER_SALES is not None


@pytest.mark.parametrize(
    ("variant", "cost", "roi", "payback"),
    [
        ("printed", "10840000.00", "3.59", "2.6"),
        ("corrected", "14200000.00", "2.50", "3.4"),
        ("whole", "15740000.00", "2.16", "3.8"),
    ],
)
def test_each_sum_of_the_sheet_is_as_published(variant: str, cost: str, roi: str, payback: str) -> None:
    found = getattr(AFTER_SALES, variant)
    assert (found.benefit, found.cost) == (Decimal("49728000.00"), Decimal(cost))
    assert (f"{found.roi:.2f}", f"{found.payback_months:.1f}") == (roi, payback)


def test_the_sheet_s_error_is_named_with_both_amounts() -> None:
    assert AFTER_SALES.corrections == (("extreme", Decimal("1440000.00"), Decimal("4800000.00")),)


def test_it_breaks_even_at_3798_customers_or_8_3_points() -> None:
    assert (f"{AFTER_SALES.break_even:,.0f}", f"{AFTER_SALES.break_even_points:.1f}") == ("3,798", "8.3")


def test_a_profile_without_a_sheet_has_none() -> None:
    assert sheet(load_profile("e-commerce")) is None


def test_nothing_is_paid_back_by_a_benefit_that_is_not_above_0() -> None:
    assert balance(Decimal(0), Decimal(0), Decimal(100)).payback_months is None
    assert balance(Decimal(-1), Decimal(-5), Decimal(100)).payback_months is None


def test_amounts_are_rounded_half_up_to_the_cent() -> None:
    assert cents(Decimal("0.005")) == Decimal("0.01")
