"""Messages about cases to rows of the store. Pure; what a message changes is what `fold` of the work list says."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from schemas.instants import parse_duration, parse_instant
from streams.interventions.case_states import State
from streams.operations.cases.fold import Message
from streams.operations.cases.parsing import MODELS, parse

Row = dict[str, Any]
KINDS = {"interventions-withheld": 0, "interventions": 1, "intervention-updates": 2}  # as in schema.sql
WITHHELD, SENT, UPDATE = KINDS.values()
TOPICS = tuple(MODELS)
Record = tuple[str, bytes]  # a topic's short name, a value


@dataclass
class Rows:
    """What a batch of records adds; strange: records that are no such messages, by topic."""

    messages: list[tuple[str, int, int, bytes]] = field(default_factory=list)  # columns of the table
    cases: list[Row] = field(default_factory=list)
    updates: list[Row] = field(default_factory=list)
    strange: dict[str, int] = field(default_factory=dict)


def rows_of(records: Iterable[Record]) -> Rows:
    """Returns the rows of records in their order; of a topic, that is the order of each customer's messages."""
    rows = Rows()
    for topic, value in records:
        message = None
        with suppress(ValueError):
            message = parse(topic, value)
        if message is None:
            rows.strange[topic] = rows.strange.get(topic, 0) + 1
        elif topic == "intervention-updates":
            rows.updates.append(update_row(message))
            rows.messages.append((message["customer_id"], UPDATE, parse_instant(message["updated_at"]), value))
        else:
            rows.cases.append(case_row(message))
            at_us = parse_instant(message["decided_at"])
            rows.messages.append((message["customer_id"], KINDS[topic], at_us, value))
    return rows


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
    window = message.get("window")
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
    }


def _strongest(reasons: list[Message] | None) -> dict[str, str | None]:
    first = reasons[0] if reasons else {}
    return {"reason": first.get("sentence"), "reason_zh": first.get("sentence_zh")}
