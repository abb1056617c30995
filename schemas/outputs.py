"""What is written: one model a message. The hot path writes the same fields as plain JSON; tests hold the two together.

Numbers in bulk (blocks of observations) travel as base64 of little endian bytes, so that they keep every bit.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Instant = Annotated[str, Field(description="RFC 3339 in UTC", json_schema_extra={"format": "date-time"})]
Share = Annotated[float, Field(ge=0, le=1)]
Floats = Annotated[
    str, Field(description="base64 of little endian float64", json_schema_extra={"contentEncoding": "base64"})
]
Singles = Annotated[
    str, Field(description="base64 of little endian float32", json_schema_extra={"contentEncoding": "base64"})
]
Flags = Annotated[str, Field(description="base64 of bytes of 0 and 1", json_schema_extra={"contentEncoding": "base64"})]

Codes = Annotated[str, Field(description="base64 of bytes of 0 to 3", json_schema_extra={"contentEncoding": "base64"})]


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
    "model_not_ready", "source_quiet", "stop_loss", "open_case", "cool_down", "tenure", "missed",
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


class Candidate(Output):
    """A case that passed the gate of its customer and asks for its part of what is shared."""

    intervention_id: str
    customer_id: str
    scope: str | None
    who: str
    agent_id: str | None
    cost: float
    net_value: float


class Candidates(Output):
    """What a partition asks for at an instant; in event time each partition reports every instant, asking or not."""

    kind: Literal["candidates"]
    instant: Instant
    partition: int
    candidates: list[Candidate]


class Grant(Output):
    """The dispatcher's answer to a candidate; `rule` null: send it."""

    intervention_id: str
    customer_id: str
    rule: Literal["budget", "capacity"] | None
    retry_at: Instant | None


class Dispatch(Output):
    """The answers to a partition's candidates of an instant."""

    kind: Literal["dispatch"]
    instant: Instant
    grants: list[Grant]


class ChurnScore(Output):
    """A customer's latest published probability of leaving."""

    customer_id: str
    scored_at: Instant
    probability: Share
    model_version: int
    policy_version: str


class Observations(Output):
    """What was served at a grid instant for some customers: the delay line. features: (features, customers); said: of
    each model that learns, (rows, customers) log-odds.
    """

    kind: Literal["observations"]
    observed_at: Instant
    model_version: int
    feature_names: list[str]
    customers: list[str]
    probability: Floats
    said: dict[str, Singles]
    features: Floats


class LabelledExamples(Output):
    """The same a horizon later, with what became of the customers (0: stayed, 1: left, 2: no label, since the horizon
    was cut by erasure or withdrawal) and what was done to them (0: no case, 1: held out, 2: sent, or let in and
    waiting, 3: contacted). propensity: of being left alone, for those who were: the holdout's share at the draw, or 1.
    """

    kind: Literal["labelled_examples"]
    observed_at: Instant
    model_version: int
    feature_names: list[str]
    customers: list[str]
    probability: Floats
    said: dict[str, Singles]
    features: Floats
    label: Flags
    treatment: Codes
    propensity: Floats


class Mark(Output):
    """This partition has reported everything up to a grid instant."""

    kind: Literal["mark"]
    instant: Instant
    partition: int


class ReportMark(Mark):
    """The same, and what was counted there."""

    population: dict[str, Any]  # the active customers, packed: by component and rank
    histograms: dict[str, Any]  # the same, by feature and bin
    missing: dict[str, dict[str, tuple[int, int]]]  # by producer and `kind.field`: events, and those that lack it
    judged: dict[str, tuple[int, int]]  # by policy version: cases judged since the mark before, and those saved


class ReportEnd(Output):
    """This partition will report nothing more."""

    kind: Literal["end"]
    partition: int


class ModelCommand(Output):
    """Which version is to be served: from the first grid instant at or after `event_time` on; live, from now on."""

    kind: Literal["model_command"]
    action: Literal["rollback", "promote"]
    command_id: str
    event_time: Instant
    why: str
    model: dict[str, Any] | None  # of a rollback: the version, as it lies in `models`
    challenger: str | None  # of a promotion: who becomes champion; none: the learner's own is served again


class ModelSnapshot(Output):
    """The model in force from a grid instant on: parameters, never code. Arrays are packed: values but 0, and where."""

    format: Literal[4]
    instant_us: int
    version: int
    lineage: dict[str, Any]
    model: str
    ready: bool
    hold: str
    learned: bool
    features: list[str]
    parameters: dict[str, Any]
    shadow: dict[str, dict[str, Any]]  # by name: of models that learn without being served
    trials: dict[str, dict[str, Any]]  # by name: how challengers stand against the champion
    judged: dict[str, tuple[int, int]]  # by policy version: cases judged so far, and how many of them were saved
    mean: dict[str, Any]
    population: dict[str, Any]
    labels: int
    auc: Share | None
    log_loss: float | None
    least_auc: float | None


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
    "touches": (Touch,),
    "churn-scores": (ChurnScore,),
    "observations": (Observations, Mark),
    "labelled-examples": (LabelledExamples, ReportMark, ReportEnd, ModelCommand),
    "models": (ModelSnapshot,),
    "candidates": (Candidates, ReportEnd),
    "dispatches": (Dispatch,),
    "dead-letters": (DeadLetter,),
}
