"""Every number of every shipped profile against its source: transcribed here from the published sheets, or chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from streams.profile.layers import SHIPPED_IN, merged, read, shipped
from streams.profile.overrides import NAMED_BY, places
from streams.profile.profile import Profile

CASE_TABLE = {
    "case.threshold": 0.5,
    **{f"case.windows.{within}.within": within for within in ("7d", "14d", "21d", "30d")},
    "case.windows.7d.saved": 0.62, "case.windows.14d.saved": 0.55,
    "case.windows.21d.saved": 0.38, "case.windows.30d.saved": 0.22,
    "tiers.extreme.above": 0.7, "tiers.extreme.share": 0.03, "tiers.extreme.budget": 800,
    "tiers.extreme.expected_saved": 0.45,
    "tiers.high.above": 0.5, "tiers.high.share": 0.08, "tiers.high.budget": 300, "tiers.high.expected_saved": 0.60,
    "tiers.medium.above": 0.3, "tiers.medium.share": 0.12, "tiers.medium.budget": 50,
    "tiers.medium.expected_saved": 0.70,
    "tiers.low.above": 0, "tiers.low.share": 0.77, "tiers.low.budget": 10, "tiers.low.expected_saved": 0.95,
}  # fmt: skip
SHOP = {  # published for shops; after-sales takes over what its own sheet lacks
    "case.bought_again_within": "30d", "case.stayed_within": "180d",
    "segments.new_purchases": 3, "segments.mature_purchases": 10,
    "segments.high_value_frequency": 5, "segments.high_value_monetary": 2000, "segments.at_risk_behaviour": 20,
    "segments.coupons_a_month": 5,
    "gate.caps.sms-price-sensitive.most": 2, "gate.caps.sms-price-sensitive.within": "7d",
    "complaints.due_within": "24h",
    "goals.precision": 0.85, "goals.response": "10s", "goals.reached": 0.90, "goals.responded": 0.30,
    "goals.returned_7d": 0.45, "goals.returned_7d_best": 0.48, "goals.woken": 0.15,
    "goals.bought_again": 0.45, "goals.stayed": 0.60,
}  # fmt: skip
PUBLISHED = {
    "after-sales": CASE_TABLE | SHOP | {
        "customer_value": 4000, "model.prior_probability": 0.18, "model.least_auc": 0.80,
        "roll_out.stages.city.customers": 20_000, "roll_out.stages.five-cities.customers": 100_000,
        "roll_out.stages.country.customers": 200_000, "stop_loss.least_saved": 0.40,
        "goals.auc": 0.85, "goals.saved": 0.50, "goals.roi": 2.0,
        "goals.churn_a_year_before": 0.18, "goals.churn_a_year_after": 0.12,
        "economics.customers": 200_000, "economics.referral_rate": 0.15, "economics.referrals_each": 1.2,
        "economics.referral_value": 800, "economics.printed.extreme.amount": 1_440_000,
        "economics.one_off.data.amount": 500_000, "economics.one_off.model.amount": 800_000,
        "economics.one_off.integration.amount": 1_200_000, "economics.one_off.training.amount": 300_000,
        "economics.yearly.model-upkeep.amount": 400_000, "economics.yearly.cloud.amount": 200_000,
    },
    "e-commerce": CASE_TABLE | SHOP | {
        "label.horizon": "90d", "model.prior_probability": 0.25, "case.least_tenure": "7d",
        "segments.silent_after": "90d", "segments.high_value_recency": "30d",
        "touch_points.first-not-reviewed.risk": 0.25,
        "touch_points.no-second-purchase.after": "7d", "touch_points.no-second-purchase.risk": 0.42,
        "touch_points.no-activity-joined.after": "15d", "touch_points.no-activity-joined.risk": 0.58,
        "touch_points.complaint-open.after": "30d", "touch_points.complaint-open.risk": 0.73,
        "touch_points.no-purchase.after": "90d", "touch_points.no-purchase.risk": 0.89,
        "touch_points.three-coupons.within": "30d",
        "goals.saved": 0.35, "goals.churn_a_year_before": 0.38, "goals.churn_a_year_after": 0.28,
    },
}  # fmt: skip
BASES = sorted(PUBLISHED)
TRADES = [name for name in shipped() if name not in PUBLISHED]
SHEET = ("sheet", "case table")
SOURCE = re.compile(r"sheet|case table|chosen|rule of thumb|default")
NUMBER = re.compile(r'-?[\d.]+|"\d+(us|ms|s|m|h|d)"|"\d\d:\d\d"')


@dataclass(frozen=True)
class Line:
    """A number in a file of shipped/: its dotted key, its value, and the comment that names its source."""

    key: str
    value: str
    comment: str

    @property
    def source(self) -> str:
        found = SOURCE.search(self.comment)
        return found[0] if found else ""


def lines(name: str) -> Iterator[Line]:
    """The numbers of a file. A line without a comment has that of its table, of all entries of a list the first's."""
    table, entry, above, of_table, block = "", "", "", "", ""
    for text in (SHIPPED_IN / f"{name}.toml").read_text().splitlines():
        line, _, comment = text.partition(" #")
        if text.startswith("#"):
            block += text
        elif header := re.match(r"\[+([\w.]+)\]+", line):
            above = block or (above if header[1] == table else "")
            table, entry, of_table, block = header[1], "", comment, ""
        elif assigned := re.match(r"(\w+) = (.*)", line):
            if assigned[1] in NAMED_BY and not entry and text_is_in_list(name, table):
                entry = f".{assigned[2].strip().strip(chr(34))}"
            if NUMBER.fullmatch(assigned[2].strip()):
                key = f"{table}{entry}.{assigned[1]}".lstrip(".")
                yield Line(key, assigned[2].strip().strip('"'), comment or of_table or above)
        else:
            block = ""


def text_is_in_list(name: str, table: str) -> bool:
    return f"[[{table}]]" in (SHIPPED_IN / f"{name}.toml").read_text()


def values(name: str) -> dict[str, Any]:
    """Every key of a shipped profile, dotted, and its value, with what it takes over."""
    content = merged(read(name))
    return {key: place.table[place.key] for key, place in places(Profile, content).items() if place.key in place.table}


@pytest.mark.parametrize("name", BASES)
def test_every_published_figure_is_the_one_of_the_sheet(name: str) -> None:
    found = values(name)
    assert {key: found.get(key) for key in PUBLISHED[name]} == PUBLISHED[name]


@pytest.mark.parametrize("name", BASES)
def test_no_number_that_is_not_published_calls_itself_so(name: str) -> None:
    assert [one for one in lines(name) if one.source in SHEET and one.key not in PUBLISHED[name]] == []


@pytest.mark.parametrize("name", BASES)
def test_no_published_figure_calls_itself_otherwise(name: str) -> None:
    assert [one for one in lines(name) if one.source not in SHEET and one.key in PUBLISHED[name]] == []


@pytest.mark.parametrize("name", shipped())
def test_every_number_names_its_source_and_if_it_is_chosen_the_reason(name: str) -> None:
    without = [one.key for one in lines(name) if not one.source]
    without += [
        one.key for one in lines(name) if one.source == "chosen" and len(one.comment.partition("chosen")[2].split()) < 2
    ]
    assert without == []


@pytest.mark.parametrize("name", TRADES)
def test_a_trade_without_published_figures_chooses_its_own(name: str) -> None:
    found = list(lines(name))
    assert len(found) > 10
    assert [one for one in found if one.source != "chosen"] == []


@pytest.mark.parametrize("name", TRADES)
def test_a_trade_extends_the_shop_and_differs_in_interval_value_and_horizon(name: str) -> None:
    found, base = values(name), values("e-commerce")
    assert [layer.source for layer in read(name)] == [name, "e-commerce"]
    for key in ("label.horizon", "label.lapsed_after", "customer_value", "segments.silent_after"):
        assert found[key] != base[key], key


@pytest.mark.parametrize("name", TRADES)
def test_a_trade_spends_the_same_part_of_a_customers_value_as_the_case_table(name: str) -> None:
    found = values(name)
    budgets = [found[f"tiers.{tier}.budget"] / found["customer_value"] for tier in ("extreme", "high", "medium", "low")]
    assert budgets == pytest.approx([0.2, 0.075, 0.0125, 0.0025])


@pytest.mark.parametrize("name", shipped())
def test_no_touch_costs_more_than_the_automated_tier(name: str) -> None:
    found = values(name)
    budgets = [value for key, value in found.items() if re.fullmatch(r"touch_points\..*\.budget", key)]
    assert max(budgets, default=0) <= found["tiers.medium.budget"]


def test_the_lines_that_are_compared_are_all_numbers_of_the_file() -> None:
    """The reader of lines above misses none: it finds as many numbers as the loaded file has."""
    for name in BASES:
        found = {one.key: one.value for one in lines(name)}
        numbers = {k: v for k, v in values(name).items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
        assert {key: float(found[key]) for key in numbers} == numbers
