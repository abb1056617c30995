"""Messages between Keepline's own units: observations, labelled examples, models, candidates, the dispatcher's answers.

Numbers in bulk (blocks of observations) travel as base64 of little endian bytes, so that they keep every bit.
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
