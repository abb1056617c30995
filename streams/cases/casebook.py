"""The casebook: the cases of a partition's customers, their contacts, and the agenda of deadlines and retries.

Few customers have an entry, so entries are objects; all other customers are only rows of numbers. The agenda is
derived from the entries, so a restored casebook has the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.table import Slots
from streams.cases.customer_cases import CustomerCases, PendingCandidate
from streams.inputs.schedule import on_agenda
from streams.interventions import lifecycle
from streams.interventions.case import Case
from streams.interventions.customer_attributes import CustomerAttributes
from streams.interventions.deadlines import NEVER_US, Deadline, deadlines, speaks_of_silence
from streams.interventions.gate import Passed, Refused, consents
from streams.interventions.lifecycle import Update
from streams.interventions.stop_loss import Judged, added, judged
from streams.interventions.strategy_memory import closed
from streams.interventions.tasks import Task
from streams.profile.case_sections import Step, Tier
from streams.profile.profile import Profile

Pair = tuple[bytes | None, bytes | None]
GateOf = Callable[[Tier | Step], tuple[Passed | Refused, dict[str, str]]]


class Casebook:
    """Entries by slot. Times in us; `at_us` is stream time."""

    def __init__(self, profile: Profile, tick_us: int) -> None:
        self.profile, self._tick_us = profile, tick_us
        self._customer_cases: dict[int, CustomerCases] = {}
        self._agenda: list[tuple[int, int]] = []
        self._dirty: set[int] = set()
        self._has: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.judged: Judged = {}  # since the last report
        self.closed: Judged = {}  # measured cases by tier, week and strategy, since the last report
        caps = profile.gate.caps
        self._capped_us = {cap.channel: max(c.within_us for c in caps if c.channel == cap.channel) for cap in caps}

    def __len__(self) -> int:
        every = list(self._customer_cases.values())  # at once: the thread of the pages asks too
        return sum(customer_cases.live is not None for customer_cases in every)

    @property
    def entries(self) -> int:
        """How many customers have an entry."""
        return len(self._customer_cases)

    @property
    def next_us(self) -> int:
        """The first instant on the agenda."""
        return self._agenda[0][0] if self._agenda else NEVER_US

    def has(self, slots: Slots) -> NDArray[np.bool_]:
        """Returns (slots,): which customers have an entry."""
        if not self._customer_cases:
            return np.zeros(len(slots), np.bool_)
        known: NDArray[np.bool_] = (slots < len(self._has)) & self._has[np.minimum(slots, len(self._has) - 1)]
        return known

    def of(self, slot: int) -> CustomerCases:
        """Returns the customer's entry; without one an empty entry that is not kept."""
        found = self._customer_cases.get(slot)
        return CustomerCases() if found is None else found

    def open(self, slot: int, case: Case) -> None:
        """Adds a case that was sent, or withheld for the holdout."""
        customer_cases = self._of(slot)
        customer_cases.granted = None
        customer_cases.cases.append(case)
        self.refresh(slot, case.sent_us)

    def contact(self, slot: int, channel: str, at_us: int) -> None:
        """Records a message sent by the channel, for its caps."""
        if channel in self._capped_us:
            customer_cases = self._of(slot)
            oldest_us = at_us - max(self._capped_us.values())
            customer_cases.contacts = [*(c for c in customer_cases.contacts if c[0] > oldest_us), (at_us, channel)]
            self._dirty.add(slot)

    def set_candidate(
        self, slot: int, pending: PendingCandidate | None, granted: PendingCandidate | None = None
    ) -> None:
        """pending: the candidate that waits for its grant; granted: the one that waits for the end of quiet hours."""
        customer_cases = self._of(slot)
        customer_cases.pending, customer_cases.granted = pending, granted
        self._dirty.add(slot)

    def retry_touch_at(self, slot: int, us: int) -> None:
        """Postpones a touch: the customer is scored again at `us`."""
        self._of(slot).touch_retry_us = us
        self.schedule(slot, us)
        self._dirty.add(slot)

    def pop_touch_retry(self, slot: int, at_us: int) -> bool:
        """Returns whether a postponed touch is due, and removes it."""
        again_us = self.of(slot).touch_retry_us
        if again_us is None or again_us > at_us:
            return False
        self._of(slot).touch_retry_us = None
        self._dirty.add(slot)
        return True

    def vehicle_sold(self, slot: int, at_us: int) -> list[Update]:
        """Applies an event of the customer, such as a survey, that reports that the vehicle is sold."""
        case = self.of(slot).live
        updates = lifecycle.vehicle_sold(case, at_us) if case is not None and not case.holdout else []
        if updates:
            self.refresh(slot, at_us)
        return updates

    def outcome(self, slot: int, fields: dict[str, Any], time_us: int, at_us: int) -> list[Update]:
        """Applies an outcome that the CRM reports for a case of the customer."""
        known = [case for case in self.of(slot).cases if case.intervention_id == fields["intervention_id"]]
        if not known:
            return [lifecycle.ignored(fields["intervention_id"], fields, at_us, "unknown_case")]
        updates = lifecycle.outcome(self.profile.case, known[0], fields, time_us, at_us)
        self.refresh(slot, at_us)
        return updates

    def retained(self, slot: int, time_us: int, at_us: int) -> list[Update]:
        """Applies a retention event of the customer."""
        cases = self.of(slot).cases
        updates = [update for case in cases for update in lifecycle.retained(self.profile.case, case, time_us, at_us)]
        if cases:
            self.refresh(slot, at_us)
        return updates

    def open_task(self, slot: int, task: Task, at_us: int) -> None:
        """Adds a task of the customer."""
        tasks = self._of(slot).tasks
        tasks.append(task)
        tasks.sort(key=lambda one: (one.opened_us, one.event))
        self.refresh(slot, at_us)

    def end_tasks(self, slot: int, most: float, at_us: int) -> list[Task]:
        """Removes and returns tasks of the customer, the oldest first, at most so many."""
        tasks = self.of(slot).tasks
        ended, left = tasks[: int(min(most, len(tasks)))], tasks[int(min(most, len(tasks))) :]
        if ended:
            self._of(slot).tasks = left
            self.refresh(slot, at_us)
        return ended

    def fire_tasks(self, slot: int, at_us: int, *, unheard: bool) -> list[tuple[Task, str]]:
        """Returns what is due of the customer's tasks, with its status; the expired ones end. unheard: it waits, since
        a resolution may be on its way.
        """
        customer_cases, found = self.of(slot), list[tuple[Task, str]]()
        for task in list(customer_cases.tasks):
            while not unheard and self._task_due_us(task) <= at_us:
                found.append((task, "expired" if task.overdue else "overdue"))
                if task.overdue:
                    customer_cases.tasks.remove(task)
                    break
                task.overdue = True
        if customer_cases.tasks or found:
            self.refresh(slot, at_us)
        return found

    def consent(self, slot: int, attributes: CustomerAttributes, at_us: int) -> list[Update]:
        """Applies changed consents: an open case moves to another channel of its action, or ends."""
        case = self.of(slot).live
        if case is None or case.holdout or consents(self.profile, attributes, case.channel):
            return []
        left = [channel for channel in case.channels if consents(self.profile, attributes, channel)]
        updates = [lifecycle.rerouted(case, left[0], at_us)] if left else lifecycle.end_without_channel(case, at_us)
        self.refresh(slot, at_us)
        return updates

    def erase(self, slot: int, at_us: int) -> list[Update]:
        """Ends the open case, and drops all that is kept of the customer: cases, contacts, candidates, retries."""
        cases = self.of(slot).cases
        updates = [update for case in cases if case.is_live for update in lifecycle.erased(case, at_us)]
        self.forget([slot])
        return updates

    def fire_deadlines(self, slot: int, at_us: int, gate: GateOf, *, unheard: bool = False) -> list[Update]:
        """Fires deadlines that have passed, in the order in which they were due. unheard: a producer of the customer's
        events is silent, so deadlines that speak of the customer's silence wait.
        """
        updates: list[Update] = []
        fired = waits = False
        for case in self.of(slot).cases:
            while name := self._passed(case, at_us, unheard=unheard):
                updates += self._fire(slot, case, name, at_us, gate)
                fired = True
            waits |= unheard and self._passed(case, at_us) is not None
        if fired or waits:
            self.refresh(slot, at_us)
        return updates

    def take_judged(self) -> Judged:
        """Returns the cases judged since the last call."""
        found, self.judged = self.judged, {}
        return found

    def take_closed(self) -> Judged:
        """Returns the counts of cases measured since the last call."""
        found, self.closed = self.closed, {}
        return found

    def schedule(self, slot: int, us: int) -> None:
        """Puts the customer on the agenda at `us`."""
        heappush(self._agenda, (us, slot))

    def pop_due(self, at_us: int) -> list[int]:
        """Removes and returns the slots due by `at_us`, each once."""
        slots = set()
        while self._agenda and self._agenda[0][0] <= at_us:
            slots.add(heappop(self._agenda)[1])
        return sorted(slots)

    def refresh(self, slot: int, at_us: int) -> None:
        """After a change: drops ended cases without deadlines, puts the next deadline on the agenda, marks it dirty."""
        customer_cases, next_us = self._of(slot), NEVER_US
        for case in list(customer_cases.cases):
            due = deadlines(self.profile, case)
            if not due and not case.is_live:
                customer_cases.cases.remove(case)
            elif due:
                next_us = min(next_us, self._next_us(case, due, at_us + 1))  # never now: this instant may be over
        for task in customer_cases.tasks:
            next_us = min(next_us, max(self._task_due_us(task), on_agenda(at_us + 1)))
        if next_us < NEVER_US:
            self.schedule(slot, next_us)
        if customer_cases.touch_retry_us is not None:
            self.schedule(slot, customer_cases.touch_retry_us)
        self._dirty.add(slot)

    def take_changes(self, prefix: bytes, names: Sequence[str]) -> list[Pair]:
        """Returns changelog rows of the entries changed since the last call."""
        pairs: list[Pair] = []
        for slot in sorted(self._dirty):
            row = self._customer_cases[slot].dumps() if slot in self._customer_cases else None
            pairs.append((prefix + names[slot].encode(), row))
            if row is None:
                self._customer_cases.pop(slot, None)
                self._has[slot] = False
        self._dirty = set()
        return pairs

    def load(self, slots: Iterable[int], rows: Iterable[bytes], at_us: int) -> None:
        """Restores rows of the changelog; slots: of their customers."""
        who = {tier.name: tier.who for tier in self.profile.tiers}
        for slot, row in zip(slots, rows, strict=True):
            self._keep(slot, CustomerCases.loads(row))
            for case in self.of(slot).cases:
                case.who = case.who or who.get(case.tier, "")  # the release before did not keep it
            self.refresh(slot, at_us)
        self._dirty = set()

    def forget(self, slots: Iterable[int]) -> None:
        """Drops the entries of these customers."""
        for slot in slots:
            if self._customer_cases.pop(slot, None):
                self._has[slot] = False
                self._dirty.add(slot)

    def _passed(self, case: Case, at_us: int, *, unheard: bool = False) -> str | None:
        """The first deadline that has passed and not fired. unheard: of those that do not speak of silence."""
        passed = [one for one in deadlines(self.profile, case) if one[0] <= at_us]  # none fires before its instant
        passed = [one for one in passed if not (unheard and speaks_of_silence(one))]
        due = min(passed, default=None, key=lambda deadline: self._due_us(case, deadline))
        return due[1] if due is not None and self._due_us(case, due)[0] <= at_us else None

    def _next_us(self, case: Case, due: list[Deadline], least_us: int) -> int:
        """Returns when the first deadline fires, not before `least_us`."""
        if case.later:
            return min(self._due_us(case, (max(us, least_us), name))[0] for us, name in due)
        return self._on_tick(max(min(due)[0], least_us))

    def _due_us(self, case: Case, deadline: Deadline) -> tuple[int, int]:
        """Returns when a deadline fires, and the order within that instant. Deadlines fire when everything up to them
        is known; a step postponed by quiet hours fires when they end.
        """
        us, name = deadline
        return on_agenda(us) if name in case.later else self._on_tick(us), us

    def _fire(self, slot: int, case: Case, name: str, at_us: int, gate: GateOf) -> list[Update]:
        kind, _, step_name = name.partition(":")
        if kind == "judged":
            self.judged = added(self.judged, judged(case))
        if kind != "step":
            updates = lifecycle.fire(self.profile, case, name, at_us)
            if kind == "measured" and self.profile.strategies:
                self.closed = added(self.closed, closed(case, returned=updates[0]["returned"]))
            return updates
        step = next(step for step in self.profile.steps if step.name == step_name)
        passed, action = gate(step)
        if isinstance(passed, Passed):
            self.contact(slot, passed.channel, at_us)
            return [lifecycle.step(self.profile.case, case, step, passed.channel, action, at_us)]
        return [lifecycle.step_withheld(case, step, passed, at_us)]

    def _task_due_us(self, task: Task) -> int:
        """Not at the instant at which it became known: whether anything else fires then, no state says."""
        return max(self._on_tick(task.next_us(self.profile.complaints)), on_agenda(task.known_us + 1))

    def _on_tick(self, us: int) -> int:
        """The end of the tick, when everything up to `us` is known."""
        return on_agenda(-(-us // self._tick_us) * self._tick_us)

    def _of(self, slot: int) -> CustomerCases:
        if slot not in self._customer_cases:
            self._keep(slot, CustomerCases())
        return self._customer_cases[slot]

    def _keep(self, slot: int, customer_cases: CustomerCases) -> None:
        self._customer_cases[slot] = customer_cases
        if slot >= len(self._has):
            self._has = np.concatenate([self._has, np.zeros(slot + 1, np.bool_)])  # at least doubled
        self._has[slot] = True
