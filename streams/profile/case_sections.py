"""Sections of a profile about cases: one class a table of the TOML."""

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
    Day,
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
    """The share saved by a first contact up to `within` after the crossing and after the window before."""

    within_us: Period
    saved: Annotated[float, Field(gt=0, le=1)]

    @cached_property
    def name(self) -> str:
        """`7d`"""
        return format_duration(self.within_us)


class CaseRules(Section):
    """When a case opens (table in interventions/opening.py), and its deadlines (interventions/deadlines.py).

    backlog_a_day: turns of customers above the threshold without a case, in all partitions (engine/backlog.py).
    opens_from: what comes before this day (UTC) is history: it is learned from, and nobody is told or asked anything.
    escalate_to: the roles above all others, from the lowest to the highest. agent: the role of customers' own agents.
    """

    threshold: Inside
    margin: Share
    cool_down_us: Duration
    least_tenure_us: Duration
    acknowledge_within_us: Period
    contact_within_us: Period
    escalate_to: Annotated[Texts, Field(min_length=1)]
    agent: Text
    save_horizon_us: Period
    bought_again_within_us: Period
    stayed_within_us: Period
    backlog_a_day: Count
    opens_from_us: Day = 0
    windows: Annotated[tuple[Window, ...], Field(strict=False, min_length=1)]

    def is_history(self, at_us: float) -> bool:
        """Whether an instant of stream time lies before `opens_from`, or at its first instant."""
        return at_us <= self.opens_from_us

    def rank(self, who: str) -> int:
        """How high a role is: its place in `escalate_to`; -1 for all others."""
        return self.escalate_to.index(who) if who in self.escalate_to else -1

    def above(self, who: str) -> str | None:
        """The next role above `who`; None: there is none."""
        return next(iter(self.escalate_to[self.rank(who) + 1 :]), None)

    @property
    def window_us(self) -> int:
        """The first window: how long after its crossing a case is best contacted."""
        return self.windows[0].within_us

    @property
    def last_window_us(self) -> int:
        """The last window: after it a crossing is missed."""
        return self.windows[-1].within_us


class Tier(Section):
    """The action for probabilities above `above`, up to the next higher tier. `share`: expected share of customers."""

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
    """A further action in a case of these tiers that is unanswered `after` it was sent."""

    name: Name
    tiers: Texts
    after_us: Period
    who: Text
    channels: Channels
    offer: Text
    script: Text


class AlternativeAction(Section):
    """An action that replaces the tier's; `who` and `channels` only where they differ."""

    who: Text | None = None
    channels: Channels | None = None
    offer: Text
    script: Text


class Remedy(AlternativeAction):
    """The action for a cause; `close`: no case opens, there is nothing to save."""

    cause: Cause
    close: bool = False

    @property
    def name(self) -> str:
        """The cause."""
        return self.cause


class Segments(Section):
    """Limits of segments and lifecycle groups. recency, frequency, monetary, behaviour: R, F, M, B. rfm_high: the
    percentile from which a component is high in the eight groups of RFM.
    """

    new_purchases: Count
    mature_purchases: Count
    silent_after_us: Period
    high_value_recency_us: Period
    high_value_frequency: Count
    high_value_monetary: Amount
    at_risk_behaviour: Annotated[float, Field(ge=0, le=100)]
    coupons_a_month: Positive
    rfm_high: Annotated[float, Field(ge=0, le=100)]


class SegmentOffer(AlternativeAction):
    """The action for a segment."""

    segment: SegmentName

    @property
    def name(self) -> str:
        """The segment."""
        return self.segment


class StopLoss(Section):
    """No case opens while of at least `least_judged` judged cases a share below `least_saved` was saved."""

    least_saved: Share
    least_judged: Count


class Goals(Section):
    """Published targets and rates: `keepline evaluate` compares them with a replay (evaluation/targets.py), `response`
    raises an alert.

    precision: of cases; saved, responded, returned_7d: of contacted cases; reached: of cases that were to be contacted;
    woken: of silent customers' cases; bought_again, stayed: of the saved; churn_a_year_before: without interventions.
    """

    auc: Share
    saved: Share
    roi: Amount
    precision: Share
    response_us: Period
    reached: Share
    responded: Share
    returned_7d: Share
    returned_7d_best: Share
    woken: Share
    bought_again: Share
    stayed: Share
    churn_a_year_before: Share
    churn_a_year_after: Share
