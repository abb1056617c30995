"""The sections of a profile: one class a table of the TOML. For a new key: a field here, a line in each shipped file.

Durations are kept as microseconds: the key `label.horizon` is the attribute `label.horizon_us`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.events import Cause
from schemas.instants import format_duration
from streams.profile.values import (
    Amount,
    Channels,
    Duration,
    Inside,
    Name,
    Period,
    RetentionEvents,
    Share,
    Text,
    Texts,
    TimeOfDay,
    TimeZone,
)

TouchPointName = Literal[
    "first-not-reviewed", "no-second-purchase", "no-activity-joined", "complaint-open", "no-purchase"
]
ExpertName = Literal["base", "hinges", "steps"]
POOLED: tuple[ExpertName, ...] = ("base", "hinges", "steps")
SegmentName = Literal["high-value", "high-value-at-risk", "price-sensitive", "new"]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """Strict and frozen; an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=lambda name: name.removesuffix("_us")
    )


class Label(Section):
    """When a customer counts as gone: no retention event in (t, t + horizon] after an observation at t."""

    horizon_us: Period
    lapsed_after_us: Period
    forgotten_after_us: Period
    retention_events: RetentionEvents


class Time(Section):
    """The instants of the engine; no tick means the clock's own. `zone`: of customers whose profile names none."""

    tick_us: Period | None = None
    sweep_every_us: Period
    observe: Literal["weekly"]
    max_skew_us: Duration
    quiet_factor: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    zone: TimeZone


class Model(Section):
    """The learner: what it starts from and when it may open cases."""

    prior_probability: Inside
    min_labels: Count
    min_labels_of_a_class: Count
    least_auc: Share
    prior_precision: Positive
    forget_a_week: Annotated[float, Field(gt=0, le=1)]
    leave_out_treated: bool


class Challenger(Section):
    """A model that learns in the shadow: what it has otherwise than [model]. With other knobs, give it another name."""

    name: Name
    prior_precision: Positive | None = None
    forget_a_week: Annotated[float, Field(gt=0, le=1)] | None = None
    experts: Annotated[tuple[ExpertName, ...], Field(strict=False, min_length=1)] = POOLED


class Promotion(Section):
    """When a challenger takes the champion's place. Gains are in nats of log loss."""

    alpha: Inside
    least_gain: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    most_a_week: Positive


class Drift(Section):
    """What counts as drift of features, scores, missing values and log loss."""

    reference_weeks: Count
    psi: Positive
    missing_jump: Share
    least_counted: Count
    loss_delta: Inside


class Scores(Section):
    """Which scores are published."""

    min_change: Share


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


class Instead(Section):
    """What is done instead of the action of the tier; who and channels where they differ."""

    who: Text | None = None
    channels: Channels | None = None
    offer: Text
    script: Text


class Remedy(Instead):
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


class SegmentOffer(Instead):
    """What fits a segment."""

    segment: SegmentName

    @property
    def name(self) -> str:
        """The segment."""
        return self.segment


class Touches(Section):
    """Automated touches: no person, no case."""

    medium_tier: bool
    cool_down_us: Duration


class TouchPoint(Section):
    """A published sign that something did not happen in time. features: those that carry its share of a score."""

    name: TouchPointName
    after_us: Period
    risk: Share
    channels: Channels
    scene: Text
    features: Texts


class Cap(Section):
    """At most `most` messages to a customer by a channel within a period; `segment`: of these customers alone."""

    name: Name
    channel: Text
    segment: SegmentName | None = None
    most: Count
    within_us: Period


class Gate(Section):
    """What may be sent to whom, when. Quiet hours are the customer's own."""

    needs_consent: Texts
    consent_when_unknown: bool
    holdout_share: Annotated[float, Field(ge=0, lt=1)]
    holdout_salt: Text
    quiet_channels: Texts
    quiet_from: TimeOfDay
    quiet_until: TimeOfDay
    caps: Annotated[tuple[Cap, ...], Field(strict=False)] = ()


class Stage(Section):
    """A stage of the roll-out: the scopes that get interventions; none named: every customer."""

    name: Name
    customers: Count
    scopes: Texts


class RollOut(Section):
    """How far the roll-out has come."""

    stage: Name
    stages: Annotated[tuple[Stage, ...], Field(strict=False, min_length=1)]

    @property
    def scopes(self) -> tuple[str, ...]:
        """Those of the stage in force; empty: all."""
        return next(stage.scopes for stage in self.stages if stage.name == self.stage)


class StopLoss(Section):
    """No new case while, of at least so many judged ones, a smaller share was saved."""

    least_saved: Share
    least_judged: Count


class BudgetLimit(Section):
    """What cases of a scope (none: of all) may cost in a period of UTC."""

    name: Name
    scope: Text | None = None
    amount: Amount
    period: Literal["day", "week", "month", "year"]


class Team(Section):
    """How many cases a day (UTC) a team takes in a scope (none: in all), and each of its agents."""

    name: Name
    who: Text
    scope: Text | None = None
    agents: Count
    cases_a_day: Count


class Limits(Section):
    """What customers share. Without budgets and teams nobody decides but where the customer lives."""

    every_us: Period
    budgets: Annotated[tuple[BudgetLimit, ...], Field(strict=False)] = ()
    teams: Annotated[tuple[Team, ...], Field(strict=False)] = ()

    @property
    def shared(self) -> bool:
        """Whether there is anything to share."""
        return bool(self.budgets or self.teams)


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
