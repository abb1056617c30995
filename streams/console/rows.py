"""Messages to rows of the store. Pure; what a message changes is what `fold` of the work list says.

Only what a row needs is checked here, since a million messages are read in a minute; pages check what they show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, get_args

import cramjam
import orjson
from pydantic import BaseModel

from schemas.errors import Failure
from schemas.events import MARKS, InterventionOutcome
from schemas.instants import parse_duration, parse_instant
from schemas.outputs import Task, Touch
from streams.interventions.case_states import State
from streams.operations.cases.fold import Message

Row = tuple[Any, ...]
WITHHELD, SENT, UPDATE, OUTCOME, TOUCH, TASK, SCORE = range(7)  # as in schema.sql
OUTCOMES = "intervention-outcomes"
KINDS = {
    "interventions-withheld": WITHHELD, "interventions": SENT, "intervention-updates": UPDATE,
    OUTCOMES: OUTCOME, "touches": TOUCH, "tasks": TASK, "churn-scores": SCORE,
}  # fmt: skip
# statuses of updates that answer an outcome: that of the outcome itself, or these
ANSWERS = ("acknowledged", "contacted", "responded", "declined", "claimed", "ignored")
STATES, STATUSES = frozenset(State), frozenset(get_args(InterventionOutcome.model_fields["status"].annotation))
OPEN, HELD = State.OPEN.value, State.WITHHELD.value
OTHERS: dict[int, type[BaseModel]] = {TOUCH: Touch, TASK: Task}
AT = {WITHHELD: "decided_at", SENT: "decided_at", UPDATE: "updated_at", OUTCOME: "event_time", TOUCH: "touched_at",
      TASK: "updated_at"}  # fmt: skip
# columns of a case; and those that an update leaves as they are where it has null
CASE = (
    "case_id", "customer_id", "is_sent", "state", "tier", "scope", "who", "agent_id", "channel", "cause", "strategy",
    "worth", "probability", "reason", "reason_zh", "withheld_reason", "crossed_us", "emitted_us", "window_us",
)  # fmt: skip
KEPT = ("state", "tier", "scope", "who", "channel", "worth", "probability", "reason", "reason_zh", "window_us")
Record = tuple[str, bytes]  # a topic's short name, a value


@dataclass
class Rows:
    """What a batch of records adds; strange: records that are no such messages, by topic."""

    messages: list[tuple[str, int, int, bytes]] = field(default_factory=list)  # columns of the table
    cases: list[Row] = field(default_factory=list)
    updates: list[Row] = field(default_factory=list)
    outcomes: list[Row] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)
    strange: dict[str, int] = field(default_factory=dict)


def rows_of(records: Iterable[Record]) -> Rows:
    """Returns the rows of records in their order; of a topic, that is the order of each customer's messages."""
    rows = Rows()
    for topic, value in records:
        try:
            _add(rows, topic, orjson.loads(value), value)
        except (ValueError, KeyError, TypeError, AttributeError, Failure):  # whatever is no such message
            rows.strange[topic] = rows.strange.get(topic, 0) + 1
    return rows


def _add(rows: Rows, topic: str, message: Message, value: bytes) -> None:
    if message.get("kind") in MARKS:
        return
    kind = KINDS[topic]
    if kind == SCORE:
        rows.scores.append(score_row(message))
        return
    told = (_text(message["customer_id"]), kind, _instant(message[AT[kind]]), packed(value))
    if kind in OTHERS:
        OTHERS[kind].model_validate(message, extra="ignore")
    elif kind == UPDATE:
        rows.updates.append(update_row(message))
    elif kind == OUTCOME:
        rows.outcomes.append(outcome_row(message))
    else:
        rows.cases.append(case_row(message))
    rows.messages.append(told)


def packed(value: bytes) -> bytes:
    """Returns a message as the store keeps it: half as long, for a few microseconds."""
    return bytes(cramjam.lz4.compress_block(value))


def unpacked(body: bytes) -> bytes:
    """Returns a message as it came."""
    return bytes(cramjam.lz4.decompress_block(body))


def case_row(message: Message) -> Row:
    """Returns a case without any update."""
    withheld, action = message.get("withheld_reason"), message["action"]
    return (
        _text(message["intervention_id"]),
        _text(message["customer_id"]),
        withheld is None,
        OPEN if withheld is None else HELD,
        _text(message["tier"]),
        _perhaps(message["scope"]),
        _text(action["who"]),
        _perhaps(message["agent_id"]),
        _text(action["channel"]),
        _perhaps(message["cause"]),
        _perhaps(message.get("strategy")),
        float(message["expected_net_value"]),
        float(message["probability"]),
        *_strongest(message["reasons"]),
        _perhaps(withheld),
        _instant(message["crossed_at"]),
        _instant(message["emitted_at"]),
        _duration(message["window"]),
    )


def update_row(message: Message) -> Row:
    """Returns what an update changes: KEPT, whether it names who has the case, agent twice, when it answered an
    outcome, when it upgraded the case, the id.
    """
    get = message.get
    status, action, window, state = message["status"], get("action") or {}, get("window"), get("state")
    at_us, who, agent = _instant(message["updated_at"]), get("who"), _perhaps(get("agent_id"))
    if state is not None and state not in STATES:
        raise ValueError(state)
    return (
        state,
        _perhaps(get("tier")),
        _perhaps(get("scope")),
        _perhaps(who or get("to") or action.get("who")),
        _perhaps(message["channel"] if status == "rerouted" else action.get("channel")),
        _number(get("expected_net_value")),
        _number(get("probability")),
        *_strongest(get("reasons")),
        None if window is None else _duration(window),
        bool(who),
        agent,
        agent,
        at_us if status in ANSWERS else 0,
        at_us if status == "upgraded" else 0,
        _text(message["intervention_id"]),
    )


def outcome_row(message: Message) -> Row:
    """Returns what an outcome says: status, by whom, its id, when, the case, its id again. The worker decides what it
    changes, and answers with an update.
    """
    status, event_id = message["status"], _text(message["event_id"])
    if status not in STATUSES:
        raise ValueError(status)
    at_us = _instant(message["event_time"])
    return (status, _perhaps(message.get("agent_id")), event_id, at_us, _text(message["intervention_id"]), event_id)


def score_row(message: Message) -> Row:
    """Returns a published probability: customer, when, and the customer again."""
    customer = _text(message["customer_id"])
    return customer, _instant(message["scored_at"]), float(message["probability"]), customer


def _strongest(reasons: list[Message] | None) -> tuple[str | None, str | None]:
    if not reasons:
        return None, None
    return _perhaps(reasons[0].get("sentence")), _perhaps(reasons[0].get("sentence_zh"))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value


def _perhaps(value: Any) -> str | None:
    return None if value is None else _text(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


_duration, _instant = lru_cache(64)(parse_duration), lru_cache(4096)(parse_instant)
ROWS: dict[int, Callable[[Message], Row]] = {
    WITHHELD: case_row, SENT: case_row, UPDATE: update_row, OUTCOME: outcome_row,
}  # fmt: skip
