"""Messages about cases to rows of the store. Pure; what a message changes is what `fold` of the work list says."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel

from schemas.events import MARKS, InterventionOutcome
from schemas.instants import parse_duration, parse_instant
from schemas.outputs import Task, Touch
from streams.interventions.case_states import State
from streams.operations.cases.fold import Message
from streams.operations.cases.parsing import MODELS, parse

Row = dict[str, Any]
WITHHELD, SENT, UPDATE, OUTCOME, TOUCH, TASK = range(6)  # as in schema.sql
OUTCOMES = "intervention-outcomes"
KINDS = {
    "interventions-withheld": WITHHELD, "interventions": SENT, "intervention-updates": UPDATE,
    OUTCOMES: OUTCOME, "touches": TOUCH, "tasks": TASK,
}  # fmt: skip
# statuses of updates that answer an outcome: that of the outcome itself, or these
ANSWERS = ("acknowledged", "contacted", "responded", "declined", "claimed", "ignored")
OTHERS: dict[str, type[BaseModel]] = {OUTCOMES: InterventionOutcome, "touches": Touch, "tasks": Task}
AT = {WITHHELD: "decided_at", SENT: "decided_at", UPDATE: "updated_at", OUTCOME: "event_time", TOUCH: "touched_at",
      TASK: "updated_at"}  # fmt: skip
Record = tuple[str, bytes]  # a topic's short name, a value


@dataclass
class Rows:
    """What a batch of records adds; strange: records that are no such messages, by topic."""

    messages: list[tuple[str, int, int, bytes]] = field(default_factory=list)  # columns of the table
    cases: list[Row] = field(default_factory=list)
    updates: list[Row] = field(default_factory=list)
    outcomes: list[Row] = field(default_factory=list)
    strange: dict[str, int] = field(default_factory=dict)


def rows_of(records: Iterable[Record]) -> Rows:
    """Returns the rows of records in their order; of a topic, that is the order of each customer's messages."""
    rows = Rows()
    for topic, value in records:
        message = None
        with suppress(ValueError):
            message = _parsed(topic, value)
        if message is None:
            rows.strange[topic] = rows.strange.get(topic, 0) + 1
        elif message:
            _add(rows, KINDS[topic], message, value)
    return rows


def _parsed(topic: str, value: bytes) -> Message:
    """Returns a message, {} for a mark; raises ValueError for anything else."""
    if topic in MODELS:
        return parse(topic, value)
    body: Message = orjson.loads(value)
    if body.get("kind") in MARKS:
        return {}
    OTHERS[topic].model_validate(body, extra="ignore")
    return body


def _add(rows: Rows, kind: int, message: Message, value: bytes) -> None:
    rows.messages.append((message["customer_id"], kind, parse_instant(message[AT[kind]]), value))
    if kind in (WITHHELD, SENT):
        rows.cases.append(case_row(message))
    elif kind == UPDATE:
        rows.updates.append(update_row(message))
    elif kind == OUTCOME:
        rows.outcomes.append(outcome_row(message))


def case_row(message: Message) -> Row:
    """Returns the row of a case without any update."""
    withheld = message.get("withheld_reason")
    return {
        "case_id": message["intervention_id"],
        "customer_id": message["customer_id"],
        "is_sent": withheld is None,
        "state": State.OPEN if withheld is None else State.WITHHELD,
        "tier": message["tier"],
        "scope": message["scope"],
        "who": message["action"]["who"],
        "agent_id": message["agent_id"],
        "channel": message["action"]["channel"],
        "cause": message["cause"],
        "strategy": message.get("strategy"),
        "worth": float(message["expected_net_value"]),
        "probability": float(message["probability"]),
        **_strongest(message["reasons"]),
        "withheld_reason": withheld,
        "crossed_us": parse_instant(message["crossed_at"]),
        "emitted_us": parse_instant(message["emitted_at"]),
        "window_us": parse_duration(message["window"]),
    }


def update_row(message: Message) -> Row:
    """Returns what an update changes: null leaves a column as it is. has_who: `agent_id` counts, null or not."""
    action = message.get("action") or {}
    channel = message["channel"] if message["status"] == "rerouted" else action.get("channel")
    window, status, at_us = message.get("window"), message["status"], parse_instant(message["updated_at"])
    return {
        "case_id": message["intervention_id"],
        "state": message.get("state"),
        "tier": message.get("tier"),
        "scope": message.get("scope"),
        "who": message.get("who") or message.get("to") or action.get("who"),
        "has_who": bool(message.get("who")),
        "agent_id": message.get("agent_id"),
        "channel": channel,
        "worth": message.get("expected_net_value"),
        "probability": message.get("probability"),
        **_strongest(message.get("reasons")),
        "window_us": None if window is None else parse_duration(window),
        "answered_us": at_us if status in ANSWERS else 0,
        "upgraded_us": at_us if status == "upgraded" else 0,
    }


def outcome_row(message: Message) -> Row:
    """Returns what an outcome says; the worker decides what it changes, and answers with an update."""
    return {
        "case_id": message["intervention_id"],
        "reported": message["status"],
        "reported_by": message.get("agent_id"),
        "reported_id": message["event_id"],
        "reported_us": parse_instant(message["event_time"]),
    }


def _strongest(reasons: list[Message] | None) -> dict[str, str | None]:
    first = reasons[0] if reasons else {}
    return {"reason": first.get("sentence"), "reason_zh": first.get("sentence_zh")}
