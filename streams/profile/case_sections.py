"""The sections of a profile: one class a table of the TOML. For a new key: a field here, a line in each shipped file.

Durations are kept as microseconds: the key `label.horizon` is the attribute `label.horizon_us`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from schemas.events import Cause
from schemas.instants import format_duration
from streams.profile.section import Count, Positive, Section
from streams.profile.values import (
    Amount,
    Channels,
    Duration,
    Inside,
    Name,
    Period,
    Share,
    Text,
    Texts,
)

SegmentName = Literal["high-value", "high-value-at-risk", "price-sensitive", "new"]


class Window(Section):
    """The share saved by a first contact up to `within` after the crossing, later than the window before."""

    within_us: Period
    saved: Annotated[float, Field(gt=0, le=1)]

    @cached_property
    def name(self) -> str:
        """`7d`"""
        return format_duration(self.within_us)


class CaseRules(Section):
    """When a case opens (cases.py has the table) and by when something must have happened (case_table.py)."""

    threshold: Inside
    margin: Share
    cool_down_us: Duration
    least_tenure_us: Duration
    acknowledge_within_us: Period
    contact_within_us: Period
    escalate_to: Text
    save_horizon_us: Period
    bought_again_within_us: Period
    stayed_within_us: Period
    windows: Annotated[tuple[Window, ...], Field(strict=False, min_length=1)]

    @property
    def window_us(self) -> int:
        """When a case is due after its crossing: the first window."""
        return self.windows[0].within_us

    @property
    def last_window_us(self) -> int:
        """How long a crossing is worth acting on; later it is missed."""
        return self.windows[-1].within_us


class Tier(Section):
    """What is done for probabilities above `above` and not above the next higher tier's. `share`: of the customers."""

    name: Name
    above: Share
    share: Share
    who: Text
    channels: Channels
    offer: Text
    script: Text
    budget: Amount
    expected_saved: Share


class Step(Section):
    """What follows in a case of these tiers that has had no answer `after` it was sent."""

    name: Name
    tiers: Texts
    after_us: Period
    who: Text
    channels: Channels
    offer: Text
    script: Text


class AlternativeAction(Section):
    """What is done instead of the action of the tier; who and channels where they differ."""

    who: Text | None = None
    channels: Channels | None = None
    offer: Text
    script: Text


class Remedy(AlternativeAction):
    """What fits a cause; `close`: the case is over."""

    cause: Cause
    close: bool = False

    @property
    def name(self) -> str:
        """The cause."""
        return self.cause


class Segments(Section):
    """Who belongs to which segment and lifecycle group. recency, frequency, monetary, behaviour: R, F, M, B."""

    new_purchases: Count
    mature_purchases: Count
    silent_after_us: Period
    high_value_recency_us: Period
    high_value_frequency: Count
    high_value_monetary: Amount
    at_risk_behaviour: Annotated[float, Field(ge=0, le=100)]
    coupons_a_month: Positive


class SegmentOffer(AlternativeAction):
    """What fits a segment."""

    segment: SegmentName

    @property
    def name(self) -> str:
        """The segment."""
        return self.segment


class StopLoss(Section):
    """No new case while, of at least so many judged ones, a smaller share was saved."""

    least_saved: Share
    least_judged: Count


class Goals(Section):
    """What reports compare with: the pilot's goals and the published rates."""

    auc: Share
    saved: Share
    roi: Amount
    precision: Share
    response_us: Period
    bought_again: Share
    stayed: Share
    churn_a_year_before: Share
    churn_a_year_after: Share
