"""Outcomes that advisers report: which a case takes now, and the record of one. What a case becomes the worker decides.

The id of an outcome is derived from case, status and the last upgrade. So a case that two people work at once, here or
in two consoles, has one outcome that counts, and whoever comes second is told.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

import orjson

from schemas.instants import format_instant
from streams.console.queries import Listed
from streams.interventions.case_states import TABLE, CaseTrigger, State

PRODUCER, KIND = "keepline-console", "intervention_outcome"
STATUSES = ("acknowledged", "contacted", "responded", "declined")
# what a button makes sense for; the table of states allows more
OFFERED = {
    State.OPEN: ("acknowledged", "contacted", "declined"),
    State.ACKNOWLEDGED: ("contacted", "declined"),
    State.CONTACTED: ("responded", "declined"),
    State.RESPONDED: ("declined",),
    State.DECLINED: ("responded",),
}
MOST_SENT = 10_000


class Verdict(StrEnum):
    """What became of a report."""

    SENT = "sent"
    ALREADY = "already"  # somebody has reported the same
    MOVED_ON = "moved_on"  # the case is in a state that this outcome does not fit


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a case stands, an outcome under way included. waits_for: that outcome; by: who has reported last."""

    state: State
    waits_for: str | None
    by: str | None


class Sender(Protocol):
    """Writes records of one customer to the topic of outcomes."""

    async def send(self, customer_id: str, value: bytes) -> None:
        """Returns when it is acknowledged; raises Failure where it may not be."""


class Reports:
    """Takes reports. sender: None where there are no topics, so nothing can be reported."""

    def __init__(self, sender: Sender | None) -> None:
        self._sender = sender
        self._sent: OrderedDict[str, tuple[str, str, int]] = OrderedDict()  # case -> status, by whom, when (us)

    @property
    def is_possible(self) -> bool:
        """Whether anything can be reported."""
        return self._sender is not None

    def standing(self, case: Listed) -> Standing:
        """Returns where a case stands: what was just sent counts before it comes back."""
        status, by, at_us = self._sent.get(case.case_id, ("", "", 0))
        if at_us > max(case.reported_us, case.answered_us):
            return _standing(case.state, status, by)
        return _standing(case.state, case.waits_for, case.reported_by if case.waits_for else case.agent_id)

    def offered(self, case: Listed) -> tuple[str, ...]:
        """Returns the statuses that buttons are shown for."""
        if self._sender is None or case.withheld_reason:
            return ()
        return OFFERED.get(self.standing(case).state, ())

    async def report(self, case: Listed, status: str, agent: str, now_us: int) -> Verdict:
        """Sends an outcome, or says why not; raises Failure where brokers do not take it."""
        verdict = self._verdict(case, status)
        if verdict is not Verdict.SENT or self._sender is None:
            return verdict
        before = self._sent.get(case.case_id)
        self._note(case.case_id, (status, agent, max(now_us, case.reported_us + 1, case.answered_us + 1)))
        try:
            await self._sender.send(case.customer_id, record(case, status, agent, now_us))
        except BaseException:
            self._note(case.case_id, before or ("", "", 0))
            raise
        return verdict

    def _verdict(self, case: Listed, status: str) -> Verdict:
        standing = self.standing(case)
        if status in (standing.waits_for, standing.state):
            return Verdict.ALREADY
        fits = not case.withheld_reason and (standing.state, CaseTrigger(status)) in TABLE
        return Verdict.SENT if fits else Verdict.MOVED_ON

    def _note(self, case_id: str, what: tuple[str, str, int]) -> None:
        self._sent[case_id] = what
        self._sent.move_to_end(case_id)
        if len(self._sent) > MOST_SENT:
            self._sent.popitem(last=False)


def record(case: Listed, status: str, agent: str, now_us: int) -> bytes:
    """Returns an outcome as the topic takes it."""
    event: dict[str, Any] = {
        "event_id": outcome_id(case.case_id, status, case.upgraded_us),
        "kind": KIND,
        "schema_version": 1,
        "customer_id": case.customer_id,
        "event_time": format_instant(now_us),
        "producer": PRODUCER,
        "intervention_id": case.case_id,
        "status": status,
        "agent_id": agent,
        "channel": case.channel or None,
    }
    return orjson.dumps(event)


def outcome_id(case_id: str, status: str, upgraded_us: int) -> str:
    """Returns the id of an outcome: the same for everybody who reports it. After an upgrade the case begins anew."""
    return f"console-{sha256(orjson.dumps([case_id, status, upgraded_us])).hexdigest()[:32]}"


def final_heartbeat(now_us: int) -> bytes:
    """Returns the mark that goes behind an outcome: that advisers report nothing for a while holds no decision."""
    mark = {"kind": "heartbeat", "event_time": format_instant(now_us), "producer": PRODUCER, "final": True}
    return orjson.dumps(mark)


def _standing(state: str, waits_for: str | None, by: str | None) -> Standing:
    if not waits_for:
        return Standing(State(state), None, by)
    after = TABLE.get((State(state), CaseTrigger(waits_for)), State(state))
    return Standing(after, waits_for, by)
