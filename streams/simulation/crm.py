"""A simulated CRM: its agents call some customers in time, some late, some never, and report outcomes.

Agents know the messages and nothing else: only customers with an open case are called; withdrawn, closed and expired
cases are dropped. What is done with a case is drawn from the seed and the case alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from schemas.instants import DAY_US, HOUR_US, SECOND_US, format_instant, parse_instant
from streams.interventions.strategies import DEFAULT
from streams.simulation.contacts import Reaction
from streams.simulation.customers import Ints
from streams.simulation.files import customer_index

Message = dict[str, Any]
# City.contact: customers, crossed_us, contacted_us, strategies
Contact = Callable[[Ints, Ints, Ints, Sequence[str]], Reaction]
OVER = ("expired", "withdrawn", "closed")


@dataclass(frozen=True)
class Habits:
    """How agents work: shares of cases, days from the crossing. Chosen so that every window has contacts."""

    acknowledged_at_once: float = 0.8
    acknowledged_when_reminded: float = 0.7
    contact_days: tuple[tuple[int, int], ...] = ((1, 6), (7, 13), (14, 20), (21, 29))  # first and last
    contact_shares: tuple[float, ...] = (0.45, 0.17, 0.14, 0.14)  # the other customers are never called
    heeds_escalation: float = 0.35
    saved_say_so: float = 0.9
    lost_decline: float = 0.5
    loyal_answer: float = 0.6


@dataclass
class WorkItem:
    """An open case. plan: status to report -> when, in us."""

    body: Message
    draw: Random
    channel: str
    budget: float
    plan: dict[str, int] = field(default_factory=dict)
    causes: Sequence[str] = ()  # named by the customer in the call

    @property
    def customer(self) -> int:
        return customer_index(self.body["customer_id"])

    @property
    def crossed_us(self) -> int:
        return parse_instant(self.body["crossed_at"])


class Crm:
    """Receives messages, and returns the outcomes of each day."""

    def __init__(self, seed: int, habits: Habits | None = None) -> None:
        self._seed, self._habits = seed, habits or Habits()
        self._items: dict[str, WorkItem] = {}

    def take(self, interventions: Iterable[Message], updates: Iterable[Message]) -> None:
        """Receives the messages since the last call, in order."""
        for body in interventions:
            if body["intervention_id"] not in self._items:
                self._items[body["intervention_id"]] = self._open(body)
        for update in updates:
            item = self._items.get(update["intervention_id"])
            if item and update["status"] in OVER:
                del self._items[update["intervention_id"]]
            elif item:
                self._apply_update(item, update)

    def work(self, day_us: int, contact: Contact) -> list[Message]:
        """Returns the outcomes of the day that starts at `day_us`, in event-time order; calls go to `contact`."""
        due = sorted(self._due(day_us), key=lambda one: one[0])
        self._call([(us, item) for us, item, status in due if status == "contacted"], contact)
        return [self._outcome(item, status, us) for us, item, status in due]

    def _open(self, body: Message) -> WorkItem:
        """Returns a new case with its plan, which later updates may change."""
        draw, habits = Random(f"{self._seed}|{body['intervention_id']}"), self._habits
        item = WorkItem(body, draw, body["action"]["channel"], body["budget"]["amount"])
        decided_us = parse_instant(body["decided_at"])
        if draw.random() < habits.acknowledged_at_once:
            item.plan["acknowledged"] = _office_us(draw, decided_us)
        never = 1.0 - sum(habits.contact_shares)
        (days,) = draw.choices((*habits.contact_days, None), (*habits.contact_shares, never))
        if days is not None:
            item.plan["contacted"] = _office_us(draw, max(decided_us, item.crossed_us + draw.randint(*days) * DAY_US))
        return item

    def _apply_update(self, item: WorkItem, update: Message) -> None:
        """Applies an update to an open case: channel, budget, and earlier actions."""
        now_us, habits = parse_instant(update["updated_at"]), self._habits
        item.channel = update.get("channel") or (update.get("action") or {}).get("channel", item.channel)
        item.budget = (update.get("budget") or {}).get("amount", item.budget)
        reminded = update["status"] == "overdue" and update.get("why") == "not_acknowledged"
        if reminded and item.draw.random() < habits.acknowledged_when_reminded:
            item.plan["acknowledged"] = _office_us(item.draw, now_us)
        called = update.get("state") in ("contacted", "responded", "declined")
        urged = update["status"] == "escalated" or update.get("why") in ("not_contacted", "unanswered")
        if urged and not called and item.draw.random() < habits.heeds_escalation:
            sooner_us = _office_us(item.draw, now_us + item.draw.randint(0, 1) * DAY_US)
            item.plan["contacted"] = min(sooner_us, item.plan.get("contacted", sooner_us))

    def _due(self, day_us: int) -> Iterator[tuple[int, WorkItem, str]]:
        """Takes the actions of the day off the plans and yields (us, case, status). Actions planned for an earlier day,
        of a case that arrived only now, are done on this day at the same hour.
        """
        until_us = day_us + DAY_US
        for _, item in sorted(self._items.items()):
            if item.plan.get("contacted", until_us) < until_us:
                item.plan.pop("acknowledged", None)  # a contact implies it
            done = [status for status, us in item.plan.items() if us < until_us]
            for status in done:
                us = item.plan.pop(status)
                yield us if us >= day_us else day_us + us % DAY_US, item, status

    def _call(self, calls: list[tuple[int, WorkItem]], contact: Contact) -> None:
        if not calls:
            return
        columns = [(item.customer, item.crossed_us, us) for us, item in calls]
        who, crossed_us, contacted_us = np.array(columns, np.int64).T
        strategies = [item.body.get("strategy") or DEFAULT for _, item in calls]
        reaction = contact(who, crossed_us, contacted_us, strategies)
        reactions = zip(reaction.saved.tolist(), reaction.leaving.tolist(), reaction.sold.tolist(), strict=True)
        for (us, item), (saved, leaving, sold) in zip(calls, reactions, strict=True):
            item.causes = ("vehicle_sold",) if sold else ()
            answer = self._answer(item.draw, saved, leaving, sold)
            if answer:
                item.plan[answer] = _office_us(item.draw, us + item.draw.randint(1, 3) * DAY_US)

    def _answer(self, draw: Random, saved: bool, leaving: bool, sold: bool) -> str | None:
        """Returns the customer's answer some days after a call; None: none. saved: the customer will visit."""
        habits, luck = self._habits, draw.random()
        if sold:
            return "declined"
        if leaving and not saved:
            return "declined" if luck < habits.lost_decline else None
        return "responded" if luck < (habits.saved_say_so if saved else habits.loyal_answer) else None

    def _outcome(self, item: WorkItem, status: str, us: int) -> Message:
        body = item.body
        outcome = {
            "event_id": f"{body['intervention_id']}-{status}",  # a resent outcome is the same event
            "kind": "intervention_outcome",
            "schema_version": 1,
            "customer_id": body["customer_id"],
            "event_time": format_instant(us),
            "producer": "simulated-crm",
            "intervention_id": body["intervention_id"],
            "status": status,
            "agent_id": body["agent_id"] or "call-centre",
        }
        if status == "contacted":
            outcome |= {
                "channel": item.channel,
                "cost": round(item.budget * item.draw.uniform(0.5, 1.0), 2),
            }
        return outcome | ({"causes": list(item.causes)} if status == "declined" and item.causes else {})


def _office_us(draw: Random, from_us: int) -> int:
    """Returns a time from 9 to 17 o'clock in UTC+8 on the day of `from_us`, at `from_us` or later."""
    opens_us: int = from_us // DAY_US * DAY_US + HOUR_US
    return max(opens_us + draw.randrange(8 * 3_600) * SECOND_US, from_us)
