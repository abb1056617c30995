"""Sections of a profile about contacts: touches, contact rules, roll-out, shared limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from streams.profile.case_sections import SegmentName
from streams.profile.section import Count, Section
from streams.profile.values import (
    Amount,
    AutomatedChannels,
    Name,
    Period,
    Share,
    Text,
    Texts,
    TimeOfDay,
)

TouchPointName = Literal[
    "first-not-reviewed",
    "no-second-purchase",
    "no-activity-joined",
    "complaint-open",
    "no-purchase",
    "cart-not-paid",
    "three-coupons",
    "refund",
    "late-delivery",
]


class Touches(Section):
    """Automated touches: no person, no case. cool_down: between two touches of a customer, whatever their reasons."""

    medium_tier: bool
    cool_down_us: Period


class TouchPoint(Section):
    """A sign of leaving: no such event within `after`. within: how long the sign lasts; absent: until the event comes.
    risk: the published one; absent: none is. features: they carry its share of a score; scene: what has happened;
    script: what the message says.
    """

    name: TouchPointName
    after_us: Period
    within_us: Period | None = None
    risk: Share | None = None
    channels: AutomatedChannels
    scene: Text
    offer: Text
    script: Text
    budget: Amount
    features: Texts


class Complaints(Section):
    """The task that a complaint makes (interventions/tasks.py): who settles it, until when, who hears of it next."""

    who: Text
    due_within_us: Period
    escalate_to: Text
    expires_after_us: Period
    script: Text


class Cap(Section):
    """At most `most` messages to a customer by a channel within a period; `segment`: for its customers only."""

    name: Name
    channel: Text
    segment: SegmentName | None = None
    most: Count
    within_us: Period


class Gate(Section):
    """The contact rules. Quiet hours are in the customer's time zone."""

    needs_consent: Texts
    consent_when_unknown: bool
    holdout_share: Annotated[float, Field(ge=0, lt=1)]
    holdout_salt: Text
    quiet_channels: Texts
    quiet_from: TimeOfDay
    quiet_until: TimeOfDay
    caps: Annotated[tuple[Cap, ...], Field(strict=False)] = ()


class Stage(Section):
    """A stage of the roll-out: the scopes that get interventions; an empty list: all customers."""

    name: Name
    customers: Count
    scopes: Texts


class RollOut(Section):
    """How far the roll-out has come."""

    stage: Name
    stages: Annotated[tuple[Stage, ...], Field(strict=False, min_length=1)]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of the stage in force; empty: all."""
        return next(stage.scopes for stage in self.stages if stage.name == self.stage)


class BudgetLimit(Section):
    """What cases of a scope (None: all) may cost in a period of UTC."""

    name: Name
    scope: Text | None = None
    amount: Amount
    period: Literal["day", "week", "month", "year"]


class Team(Section):
    """How many cases a day (UTC) each agent of a team takes; in a scope (None: all)."""

    name: Name
    who: Text
    scope: Text | None = None
    agents: Count
    cases_a_day: Count


class Limits(Section):
    """Limits shared by all customers. Without budgets and teams there are no candidates."""

    every_us: Period
    budgets: Annotated[tuple[BudgetLimit, ...], Field(strict=False)] = ()
    teams: Annotated[tuple[Team, ...], Field(strict=False)] = ()

    @property
    def shared(self) -> bool:
        """Whether there is a limit that the dispatcher has to keep."""
        return bool(self.budgets or self.teams)
