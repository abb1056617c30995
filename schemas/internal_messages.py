"""Models of the messages between units (observations, labelled examples, models, candidates and grants), and of what
`keepline publish` keeps.

Arrays (blocks of observations) are base64 of little endian bytes, so that every bit is kept.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.outputs import Instant, Output, Share

Floats = Annotated[
    str, Field(description="base64 of little endian float64", json_schema_extra={"contentEncoding": "base64"})
]
Singles = Annotated[
    str, Field(description="base64 of little endian float32", json_schema_extra={"contentEncoding": "base64"})
]
Flags = Annotated[str, Field(description="base64 of bytes of 0 and 1", json_schema_extra={"contentEncoding": "base64"})]
Codes = Annotated[str, Field(description="base64 of bytes of 0 to 3", json_schema_extra={"contentEncoding": "base64"})]


class Sealed(Output):
    """A record that only Keepline writes and reads. Records of the release before have no seal."""

    seal: str | None = Field(
        None,
        pattern="^[0-9]{1,6}-[0-9a-f]{16}$",
        description="format version and checksum, the record's last field; what has none, or a wrong one, is skipped",
    )


class Candidate(Output):
    """A case that passed the contact rules and needs a share of a common budget or team."""

    intervention_id: str
    customer_id: str
    scope: str | None
    who: str
    agent_id: str | None
    cost: float
    net_value: float


class Candidates(Sealed):
    """The candidates of a partition at an instant. In event time it is sent for every instant, even if empty."""

    kind: Literal["candidates"]
    instant: Instant
    partition: int
    candidates: list[Candidate]


class Grant(Output):
    """The dispatcher's decision about a candidate. rule: the rule that refused it; null: it may be sent."""

    intervention_id: str
    customer_id: str
    rule: Literal["budget", "capacity"] | None
    retry_at: Instant | None


class Dispatch(Sealed):
    """The decisions about a partition's candidates of an instant."""

    kind: Literal["dispatch"]
    instant: Instant
    grants: list[Grant]


class Observations(Sealed):
    """Features and predictions of some customers at a grid instant, on the delay line. features: (features, customers);
    said: by model that learns, (rows, customers) log-odds.
    """

    kind: Literal["observations"]
    observed_at: Instant
    model_version: int
    feature_names: list[str]
    customers: list[str]
    probability: Floats
    said: dict[str, Singles]
    features: Floats


class LabelledExamples(Sealed):
    """Observations a horizon later, with their labels. label: 0: stayed, 1: left, 2: no label, since erasure or
    withdrawal cut the horizon. treatment: 0: no case, 1: held out, 2: sent, or accepted and waiting, 3: contacted.
    propensity: probability that the customer was not contacted, for those who were not: the holdout's share at the
    draw, or 1.
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


class Mark(Sealed):
    """The partition has reported everything up to a grid instant."""

    kind: Literal["mark"]
    instant: Instant
    partition: int


class ReportMark(Mark):
    """A mark with the partition's counts at the grid instant."""

    population: dict[str, Any]  # packed counts of active customers, by component and bin
    histograms: dict[str, Any]  # packed counts of active customers, by feature and bin
    missing: dict[str, dict[str, tuple[int, int]]]  # by producer, `kind.field`: (events, without the field)
    judged: dict[str, tuple[int, int]]  # by policy version, since the last mark: (judged, saved) cases
    seen: tuple[str, ...] = ()  # activity types that touch points rest on and some customer has had
    backlog: tuple[tuple[float, int], ...] = ()  # the best ranks in the backlog: less net value, digest of the customer
    closed: dict[str, tuple[int, int]] = Field({})  # by `tier/week/strategy`: (measured, returned) cases since then
    # by cohort: observed at (us), customers, the sum of their probabilities of staying in 2^-20, how many are back
    returns: tuple[tuple[int, int, int, int], ...] = ()


class ReportEnd(Sealed):
    """The partition reports nothing more."""

    kind: Literal["end"]
    partition: int


class Publication(Sealed):
    """How far `keepline publish` has sent some files. The key is a digest of their contents and kinds."""

    schema_version: Literal[1]
    files: list[str]
    events: int  # sent and acknowledged, with those that will be refused
    refused: int  # of these, rows that will be refused: they belong to no tick
    reached: Instant | None  # everything up to this event time is acknowledged; null: no event is
    complete: bool
    ended: bool  # end markers have been sent too
    at: Instant


class ModelCommand(Sealed):
    """The model to serve: from the first grid instant at or after `event_time`; live, from now on."""

    kind: Literal["model_command"]
    action: Literal["rollback", "promote"]
    command_id: str
    event_time: Instant
    why: str
    model: dict[str, Any] | None  # of a rollback: the snapshot of the version, as in the topic `models`
    challenger: str | None  # of a promotion: the new champion; None: the learner's own model is served again


class ModelSnapshot(Sealed):
    """The model in force from a grid instant on: parameters, no code. Packed arrays hold non-zero values and places."""

    format: Literal[4, 5, 6, 7]
    instant_us: int
    version: int
    lineage: dict[str, Any]
    model: str
    ready: bool
    hold: str
    learned: bool
    features: list[str]
    parameters: dict[str, Any]
    shift: float = 0.0  # added to the log-odds at this instant
    shadow: dict[str, dict[str, Any]]  # by name: parameters of models that learn but are not served
    trials: dict[str, dict[str, Any]]  # by challenger: the comparison with the champion
    judged: dict[str, tuple[int, int]]  # by policy version, so far: (judged, saved) cases
    published: dict[str, int] | None = (
        None  # by activity type that touch points rest on: when it was first reported, in us
    )
    backlog: tuple[tuple[float, int], ...] = ()  # the last rank in the backlog of each full day
    strategy_weights: dict[str, dict[str, float]] = Field({})  # by tier and strategy: its share of the cases
    strategies_restarted: dict[str, dict[str, int]] = Field({})  # since when the memory of a tired one counts, in us
    mean: dict[str, Any]
    population: dict[str, Any]
    labels: int
    auc: Share | None
    log_loss: float | None
    least_auc: float | None
