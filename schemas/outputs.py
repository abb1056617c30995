"""What is written: one model a message. The hot path writes the same fields as plain JSON; tests hold the two together.

Numbers in bulk (blocks of observations) travel as base64 of little endian bytes, so that they keep every bit.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Instant = Annotated[str, Field(description="RFC 3339 in UTC", json_schema_extra={"format": "date-time"})]
Share = Annotated[float, Field(ge=0, le=1)]
Floats = Annotated[
    str, Field(description="base64 of little endian float64", json_schema_extra={"contentEncoding": "base64"})
]
Flags = Annotated[str, Field(description="base64 of bytes of 0 and 1", json_schema_extra={"contentEncoding": "base64"})]


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
    """One feature's share of the score, in log-odds against the average active customer."""

    feature: str
    value: float
    unit: str
    contribution: float
    sentence: str


class Intervention(Output):
    """A customer is about to leave: what to do, until when, and why. `emitted_at` alone may differ in a replay."""

    intervention_id: str = Field(description="UUIDv5 of customer_id and crossed_at: the same however often it is sent")
    customer_id: str
    crossed_at: Instant
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
    reasons: Annotated[list[Reason], Field(min_length=3)]
    model_version: int
    policy_version: str


class WithheldIntervention(Intervention):
    """What was not sent, and why."""

    withheld_reason: Literal["model_not_ready", "open_case", "cool_down", "tenure", "source_quiet"]


class InterventionUpdate(Output):
    """What became of an intervention in the meantime."""

    intervention_id: str
    customer_id: str
    updated_at: Instant
    status: Literal["overdue", "escalated", "expired", "withdrawn", "closed"]
    policy_version: str


class ChurnScore(Output):
    """A customer's latest published probability of leaving."""

    customer_id: str
    scored_at: Instant
    probability: Share
    model_version: int
    policy_version: str


class Observations(Output):
    """What was served at a grid instant for some customers: the delay line. features: (features, customers)."""

    kind: Literal["observations"]
    observed_at: Instant
    model_version: int
    feature_names: list[str]
    customers: list[str]
    probability: Floats
    features: Floats


class LabelledExamples(Output):
    """The same a horizon later, with what became of the customers (1: left)."""

    kind: Literal["labelled_examples"]
    observed_at: Instant
    model_version: int
    feature_names: list[str]
    customers: list[str]
    probability: Floats
    features: Floats
    label: Flags


class ReportMark(Output):
    """This partition has reported everything up to a grid instant."""

    kind: Literal["mark"]
    instant: Instant
    partition: int


class ReportEnd(Output):
    """This partition will report nothing more."""

    kind: Literal["end"]
    partition: int


class ModelSnapshot(Output):
    """The model in force from a grid instant on: parameters, never code."""

    format: Literal[1]
    instant_us: int
    version: int
    ready: bool
    prior: Share
    horizon_days: float
    intercept: float
    features: list[str]
    weights: list[float]
    mean: list[float]
    labels: int
    auc: Share | None
    log_loss: float | None


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


OUTPUTS: dict[str, tuple[type[Output], ...]] = {
    "interventions": (Intervention,),
    "interventions-withheld": (WithheldIntervention,),
    "intervention-updates": (InterventionUpdate,),
    "churn-scores": (ChurnScore,),
    "observations": (Observations, ReportMark),
    "labelled-examples": (LabelledExamples, ReportMark, ReportEnd),
    "models": (ModelSnapshot,),
    "dead-letters": (DeadLetter,),
}
