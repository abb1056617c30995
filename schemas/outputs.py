"""What is written: one model a message. The hot path writes the same fields as plain JSON; tests hold the two together.

Numbers in bulk (blocks of observations) travel as base64 of little endian bytes, so that they keep every bit.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Instant = Annotated[str, Field(description="RFC 3339 in UTC", json_schema_extra={"format": "date-time"})]
Share = Annotated[float, Field(ge=0, le=1)]


class Output(BaseModel):
    """Common to everything that is written: no field beside those named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Action(Output):
    """Who does what."""

    who: str
    channel: str
    offer: str
    script: str


class Budget(Output):
    """What it may cost."""

    amount: Annotated[float, Field(ge=0)]
    currency: str


class Reason(Output):
    """A topic's share of the score, in log-odds against the average active customer."""

    topic: str
    feature: str = Field(description="that of the topic which the sentence is about")
    value: float = Field(description="of the feature, in its unit")
    unit: str
    contribution: float = Field(description="of the whole topic")
    sentence: str = Field(description="what an adviser can say, in English")
    sentence_zh: str = Field(description="the same in Chinese")


class TouchPoint(Output):
    """A published sign that something did not happen in time, with its share of the score in log-odds."""

    name: str
    risk: Share = Field(description="the published one")
    contribution: float
    scene: str


Percentile = Annotated[float, Field(ge=0, le=100)]


class RfmB(Output):
    """Where the customer stands among the active ones: percentiles, more is better; score: their weighted mean."""

    recency: Percentile
    frequency: Percentile
    monetary: Percentile
    behaviour: Percentile
    score: Percentile


class Intervention(Output):
    """A customer is about to leave: what to do, until when, and why. `emitted_at` alone may differ in a replay."""

    intervention_id: str = Field(description="UUIDv5 of customer_id and crossed_at: the same however often it is sent")
    customer_id: str
    crossed_at: Instant
    decided_at: Instant = Field(description="stream time of the decision to send or to withhold")
    emitted_at: Instant
    window_ends_at: Instant
    window: str = Field(description="7d, 14d, 21d or 30d: how long after the crossing a contact now would be")
    probability: Share
    previous_probability: Share | None = Field(description="the last published score; null when this is the first")
    tier: str
    action: Action
    budget: Budget
    expected_saved: Share
    expected_net_value: float
    propensity: Share = Field(description="the share of such customers who are contacted: 1 less the holdout")
    customer_value: Annotated[float, Field(ge=0)]
    scope: str | None
    agent_id: str | None = Field(description="the customer's own adviser, where the customer profile names one")
    cause: str | None = Field(description="what the customer named, or an open complaint tells")
    segments: list[str]
    lifecycle: Literal["new", "growing", "mature", "silent", "churned"]
    rfm_b: RfmB | None = Field(description="null before a population is known")
    touch_points: list[TouchPoint]
    log_odds: float = Field(
        description="average_log_odds + the reasons' contributions + other_contributions: exactly, in any order of "
        "float64; probability is 1 / (1 + exp(-log_odds)), with log_odds held within -20 and 20"
    )
    average_log_odds: float = Field(description="of the average active customer")
    other_contributions: float = Field(description="of all that is not told as a reason")
    reasons: Annotated[list[Reason], Field(min_length=3)]
    model_version: int
    policy_version: str


Rule = Literal[
    "model_not_ready", "source_quiet", "stop_loss", "catching_up", "open_case", "cool_down", "tenure", "missed",
    "roll_out", "vehicle_sold", "consent", "holdout", "frequency_cap", "quiet_hours", "budget", "capacity",
    "no_longer_at_risk",
]  # fmt: skip


class WithheldIntervention(Intervention):
    """What was not sent, the first rule that refused it, and when it may be tried again (null: never by itself)."""

    withheld_reason: Rule
    retry_at: Instant | None


class InterventionUpdate(Output):
    """What became of an intervention in the meantime; docs/cases.md has the table of states."""

    intervention_id: str
    customer_id: str
    updated_at: Instant = Field(description="stream time at which it became known")
    status: Literal[
        "acknowledged", "contacted", "responded", "declined", "claimed",
        "overdue", "escalated", "step_withheld", "upgraded", "rerouted",
        "expired", "withdrawn", "closed", "measured", "followed_up", "ignored",
    ]  # fmt: skip
    state: str | None = Field(None, description="of the case after this update; absent where there is none")
    why: str | None = None
    tier: str | None = None
    scope: str | None = None
    holdout: bool | None = Field(None, description="a customer of the holdout: nothing was sent, the same clock runs")
    crossed_at: Instant | None = None
    contacted_at: Instant | None = None
    returned_at: Instant | None = Field(None, description="the first retention event after the crossing")
    saved_at: Instant | None = Field(None, description="the retention event that saved the case")
    to: str | None = Field(None, description="who has to act now")
    step: str | None = None
    action: Action | None = None
    budget: Budget | None = None
    probability: Share | None = None
    expected_saved: Share | None = None
    expected_net_value: float | None = None
    log_odds: float | None = None
    average_log_odds: float | None = None
    other_contributions: float | None = None
    reasons: list[Reason] | None = None
    window: str | None = Field(None, description="the window that a contact is in from now on")
    window_saved: Share | None = None
    channel: str | None = None
    agent_id: str | None = None
    cost: float | None = None
    causes: list[str] | None = None
    outcome: str | None = Field(None, description="of what was ignored: the status that the CRM sent")
    returned: bool | None = Field(None, description="measured: came back within last window and save horizon")
    bought_again: bool | None = None
    stayed: bool | None = None
    retry_at: Instant | None = None
    policy_version: str


class Touch(Output):
    """An automated touch: no person, no case."""

    touch_id: str
    customer_id: str
    touched_at: Instant
    trigger: str = Field(description="medium_tier, or the name of a touch point")
    channel: str
    offer: str
    script: str
    scope: str | None
    segments: list[str]
    lifecycle: str
    probability: Share
    risk: Share | None = Field(description="the published risk of the touch point")
    policy_version: str


class ChurnScore(Output):
    """A customer's latest published probability of leaving."""

    customer_id: str
    scored_at: Instant
    probability: Share
    model_version: int
    policy_version: str


class DeadLetter(Output):
    """A refused record: where it lay, which field broke which rule, and its bytes (of a huge one the first 64 KiB)."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    file: str | None = None
    line: int | None = None
    field: str
    rule: str
    sentence: str
    producer: str | None
    value: str | None = Field(json_schema_extra={"contentEncoding": "base64"})
    value_bytes: int
    value_sha256: str
