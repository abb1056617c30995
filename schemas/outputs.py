"""Models of the output messages. The engine writes them as plain JSON; tests check its output with these models.

A later release of the same `schema_version` may add fields, so the published schemas allow them. Readers ignore what
they do not know.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Instant = Annotated[str, Field(description="RFC 3339 in UTC", json_schema_extra={"format": "date-time"})]
Share = Annotated[float, Field(ge=0, le=1)]
Chinese = Annotated[
    str | None,
    Field(description="the same in Chinese, in English where the profile has no Chinese; absent in earlier releases"),
]


SCHEMA_VERSION: Final = 1


def _may_grow(schema: dict[str, Any]) -> None:
    schema.pop("additionalProperties", None)
    if "schema_version" in schema["properties"]:  # it has a default for messages of releases that did not write it
        schema["required"] = ["schema_version", *schema["required"]]


class Output(BaseModel):
    """Settings of every output message: Keepline writes declared fields only, the published schemas allow more."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_may_grow)


class Outgoing(Output):
    """A message to other systems."""

    schema_version: Literal[1] = SCHEMA_VERSION


class Action(Output):
    """Who contacts the customer, by which channel, with which offer and script."""

    who: str
    channel: str
    offer: str
    offer_zh: Chinese = None
    script: str
    script_zh: Chinese = None


class Budget(Output):
    """The most that the action may cost."""

    amount: Annotated[float, Field(ge=0)]
    currency: str


class Fact(Output):
    """What a sentence claims, to be recounted from the customer's applied events: docs/facts.md has the formulas."""

    measure: Literal[
        "count", "sum", "mean", "max", "last_at", "days_since", "latest", "active_days", "usual_gap_days",
        "longest_gap_days", "signal_level",
    ]  # fmt: skip
    kind: str = Field(description="kind of the events")
    where: dict[str, Any] | None = Field(None, description="the events' fields; a list: it contains the value")
    field: str | None = None
    from_: Instant | None = Field(alias="from", description="exclusive; null: since ever")
    until: Instant = Field(description="inclusive")
    value: float | str
    unit: str
    zone: str | None = Field(None, description="IANA name of the time zone of days; absent: UTC")
    last: int | None = Field(None, description="number of the newest gaps that are counted")
    at: Instant | None = Field(None, description="of `latest`: when the event was; of `signal_level`: its `from`")
    day: str | None = Field(None, description="the day of the event in `zone`")
    from_day: str | None = Field(None, description="the day of the customer's first event in `zone`")


class Reason(Output):
    """A topic's contribution to the score: log-odds relative to the average active customer."""

    topic: str
    feature: str = Field(description="the feature of the topic that the sentence explains")
    value: float = Field(description="what the model saw, in the feature's unit: often a decayed sum; facts are exact")
    unit: str
    contribution: float = Field(description="contribution of the whole topic, in log-odds")
    sentence: str = Field(description="explanation for an adviser, in English")
    sentence_zh: str = Field(description="explanation for an adviser, in Chinese")
    facts: list[Fact] = Field([], description="every number of the sentence; absent in messages of earlier releases")


class TouchPoint(Output):
    """A published sign that an action did not happen in time, and its contribution to the score in log-odds."""

    name: str
    risk: Share = Field(description="published risk of the touch point")
    contribution: float
    scene: str
    scene_zh: Chinese = None


Percentile = Annotated[float, Field(ge=0, le=100)]


class SignalInForce(Output):
    """A market signal that was in force when the customer crossed."""

    name: str
    scope: str | None = Field(description="null: all customers")
    level: Annotated[float, Field(ge=0)]


class RfmB(Output):
    """Percentiles of the customer among all active customers, higher is better. score: the weighted mean."""

    recency: Percentile
    frequency: Percentile
    monetary: Percentile
    behaviour: Percentile
    score: Percentile


class Intervention(Outgoing):
    """A customer is likely to leave: action, window and reasons. In a replay only `emitted_at` may differ."""

    intervention_id: str = Field(description="UUIDv5 of customer_id and crossed_at: the same in every repetition")
    customer_id: str
    opened_by: Literal["crossing", "backlog"] = Field(
        "crossing", description="backlog: the customer was at risk before a case might open; it opens in its turn"
    )
    crossed_at: Instant = Field(description="when the customer crossed the threshold; from the backlog: `decided_at`")
    decided_at: Instant = Field(description="stream time of the decision to send or to withhold")
    emitted_at: Instant = Field(description="when it was sent: live by the clock, in event time as `decided_at`")
    window_ends_at: Instant
    window: str = Field(description="7d, 14d, 21d or 30d: the window after the crossing in which `emitted_at` falls")
    probability: Share
    previous_probability: Share | None = Field(description="the score published before; null: this is the first one")
    tier: str
    action: Action
    budget: Budget
    expected_saved: Share
    expected_net_value: float
    propensity: Share = Field(description="share of such customers who are contacted: 1 minus the holdout's share")
    customer_value: Annotated[float, Field(ge=0)]
    scope: str | None
    who: str | None = Field(None, description="role that has the case, as in `action`")
    agent_id: str | None = Field(
        description="the customer's own agent, if that is who has the case; null: any of `who`"
    )
    strategy: str | None = Field(None, description="how the action was chosen; default: as the tier has it")
    strategy_propensity: Share | None = Field(
        None, description="probability of that choice among all that were possible, the holdout's share included"
    )
    strategies: dict[str, Share] | None = Field(
        None, description="the strategies that were possible, each with its probability; absent in earlier releases"
    )
    cause: str | None = Field(description="cause that the customer named, or that an open complaint shows")
    segments: list[str]
    lifecycle: Literal["new", "growing", "mature", "silent", "churned"]
    rfm_b: RfmB | None = Field(description="null until the population has been counted")
    rfm_group: str | None = Field(None, description="group of the eight of RFM; null as rfm_b")
    touch_points: list[TouchPoint]
    signals: list[SignalInForce] = Field(
        [], description="market signals in force at `crossed_at`, the highest level first; at most ten"
    )
    log_odds: float = Field(
        description="exactly average_log_odds + the contributions of both lists of reasons + other_contributions, in "
        "any order of float64; probability is 1 / (1 + exp(-log_odds)), with log_odds held within -20 and 20"
    )
    average_log_odds: float = Field(description="log-odds of the average active customer")
    other_contributions: float = Field(description="sum of the contributions that are in neither list of reasons")
    reasons: list[Reason] = Field(
        description="what raises the risk, the strongest first: at least 0.05 log-odds each, but for the note of the "
        "market signal in force; none in what is withheld while the model is not ready"
    )
    reasons_against: list[Reason] = Field([], description="what lowers it")
    model_version: int
    policy_version: str


Rule = Literal[
    "model_not_ready", "stop_loss", "catching_up", "backlog", "open_case", "cool_down", "tenure", "missed",
    "roll_out", "vehicle_sold", "consent", "negative_net_value", "holdout", "frequency_cap", "quiet_hours",
    "budget", "capacity", "no_longer_at_risk",
]  # fmt: skip


class WithheldIntervention(Intervention):
    """An intervention that was not sent: the first rule that refused it, and when it is retried (null: no retry)."""

    withheld_reason: Rule
    retry_at: Instant | None


class InterventionUpdate(Outgoing):
    """An update about an intervention for the CRM; docs/cases.md has the table of states."""

    intervention_id: str
    customer_id: str
    updated_at: Instant = Field(description="stream time of the update")
    status: Literal[
        "acknowledged", "contacted", "responded", "declined", "claimed",
        "overdue", "escalated", "step_withheld", "upgraded", "upgrade_withheld", "rerouted",
        "expired", "withdrawn", "closed", "measured", "followed_up", "ignored",
    ]  # fmt: skip
    state: str | None = Field(None, description="state of the case after this update; absent: there is no case")
    why: str | None = None
    tier: str | None = None
    scope: str | None = None
    holdout: bool | None = Field(None, description="in the holdout: nothing was sent, the deadlines are the same")
    crossed_at: Instant | None = None
    contacted_at: Instant | None = None
    returned_at: Instant | None = Field(None, description="the first retention event after the crossing")
    saved_at: Instant | None = Field(None, description="the retention event that saved the case")
    who: str | None = Field(None, description="role that has the case now; of the holdout: that would have it")
    to: str | None = Field(None, description="role that has to act now")
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
    reasons_against: list[Reason] | None = None
    window: str | None = Field(None, description="the window in which a contact now falls")
    window_saved: Share | None = None
    channel: str | None = None
    agent_id: str | None = Field(None, description="of `who`: the customer's own agent, or who has reported; null: any")
    strategy: str | None = None
    strategy_propensity: Share | None = None
    cost: float | None = None
    causes: list[str] | None = None
    outcome: str | None = Field(None, description="of an ignored outcome: the status that the CRM sent")
    returned: bool | None = Field(None, description="measured: came back within the last window plus the save horizon")
    bought_again: bool | None = None
    stayed: bool | None = None
    retry_at: Instant | None = None
    policy_version: str


class Touch(Outgoing):
    """An automated message to a customer, without an adviser and without a case."""

    touch_id: str
    customer_id: str
    touched_at: Instant
    trigger: str = Field(description="medium_tier or the name of a touch point")
    channel: str = Field(description="app, sms, wechat or mail")
    scene: str | None = Field(None, description="what has happened at the touch point; null: medium tier")
    scene_zh: Chinese = None
    offer: str
    offer_zh: Chinese = None
    script: str
    script_zh: Chinese = None
    budget: Budget | None = Field(None, description="the most that the touch may cost")
    scope: str | None
    segments: list[str]
    lifecycle: str
    probability: Share
    risk: Share | None = Field(description="published risk of the touch point; null: medium tier")
    policy_version: str


class Task(Outgoing):
    """A person's task for a customer, with or without a case: a complaint is settled by a manager. A task has several
    messages, the last one counts.
    """

    task_id: str = Field(description="the same in every message of the task")
    customer_id: str
    kind: Literal["complaint"]
    status: Literal["open", "overdue", "done", "expired", "withdrawn"]
    updated_at: Instant = Field(description="stream time of the message")
    opened_at: Instant = Field(description="when the complaint was opened")
    due_at: Instant
    to: str | None = Field(description="role that has to act now; null: the task has ended")
    script: str
    script_zh: Chinese = None
    scope: str | None
    policy_version: str


class ConsoleAudit(Outgoing):
    """Who saw or did what in the console. Ids of cases and customers are hashed, so that the topic holds none."""

    at: Instant
    name: str | None = Field(description="who had signed in, as `agent_id`; null: nobody")
    role: Literal["adviser", "on-call", "manager"] | None
    did: Literal["signed_in", "signed_out", "refused", "saw", "found", "reported"] = Field(
        description="refused: a request without a session, the right, or a token"
    )
    page: str = Field(description="path")
    about: str | None = Field(
        description="of the id of a case or a customer: the first 32 hexadecimal digits of SHA-256 in UTF-8"
    )
    status: str | None = Field(description="of a report: the outcome")
    result: str | None = Field(description="of a report: what became of it; of a refusal: the status of the answer")


class RefusedRecords(Output):
    """Records of a producer that broke one rule."""

    rule: str
    field: str
    records: int
    fix: str = Field(description="the sentence that says what to send, of one of them")


class PublisherScore(Outgoing):
    """What a producer has sent in a period, and how good it was. The last message of a producer counts."""

    producer: str
    since: Instant
    until: Instant
    events: dict[str, int] = Field(description="by kind, refused ones included")
    refused: list[RefusedRecords] = Field(description="the most frequent first")
    refused_share: Annotated[float, Field(ge=0)]
    late: int = Field(description="events behind the producer's own last heartbeat in their partition")
    duplicates: int = Field(description="the same kind, customer and event id within the period")
    mean_delay_seconds: float = Field(description="time of the record less time of the event")
    ahead: int = Field(description="events later than the record that carried them")
    most_ahead_seconds: float
    missing: dict[str, float] = Field(description="kind.field that features use -> share of events without it")
    heartbeats: int
    schema_versions: dict[str, int]
    last_at: Instant | None = Field(description="the last record; null: none, but refused ones without a producer")
    longest_pause_seconds: int
    silent_beyond_it_seconds: int


class ChurnScore(Outgoing):
    """The customer's probability of leaving that was published last."""

    customer_id: str
    scored_at: Instant
    probability: Share
    model_version: int
    policy_version: str


class DeadLetter(Outgoing):
    """A refused record: its place, the field, the rule that it broke, and its bytes (at most the first 64 KiB)."""

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
