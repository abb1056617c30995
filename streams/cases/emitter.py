"""The emitter of a partition: a decision becomes a message in the outbox, a case, and columns of the row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features.portable_math import Array
from schemas.instants import parse_instant
from streams.cases.casebook import Casebook
from streams.cases.columns import ARMED, ATTRIBUTES, NEVER, OPENED, PENDING, RETRY, SENT, UPGRADE
from streams.cases.customer_cases import PendingCandidate
from streams.cases.outbox import Outbox, dumped
from streams.inputs.schedule import next_grid, on_agenda
from streams.interventions import lifecycle
from streams.interventions.case import Case
from streams.interventions.case_states import State
from streams.interventions.customer_attributes import AttributesTable
from streams.interventions.gate import Refused, consents, quiet_until_us
from streams.interventions.market_signals import MarketSignals
from streams.interventions.message import Message, sent_at, window_of, withheld
from streams.interventions.opening import Withheld
from streams.interventions.tasks import Task, compose_task
from streams.profile.case_sections import Tier
from streams.profile.profile import Profile

# fields of the message that an upgrade repeats with new values
UPGRADED = (
    "tier", "action", "budget", "probability", "window", "expected_saved", "expected_net_value",
    "log_odds", "average_log_odds", "other_contributions", "reasons", "reasons_against",
)  # fmt: skip


@dataclass
class Emitter:
    """Writes decisions. row: (WIDTH,), the customer's case columns, changed in place."""

    profile: Profile
    casebook: Casebook
    attributes_table: AttributesTable
    outbox: Outbox
    counts: Counter[str]
    signals: MarketSignals = field(default_factory=MarketSignals)
    clock_us: int = 0  # live: the clock, as the feed last read it

    def emitted_us(self, at_us: int) -> int:
        """Returns when a message decided at `at_us` is sent: live by the clock, in event time at once."""
        return max(at_us, self.clock_us)

    def send(self, customer: str, slot: int, row: Array, pending: PendingCandidate, at_us: int) -> None:
        """Sends the intervention and opens its case."""
        message, channel = sent_at(self.profile, pending.message, self.emitted_us(at_us)), pending.channel
        row[UPGRADE] = self.upgrade_above(message["tier"])
        self.open(slot, message, channel, pending.channels, at_us)
        self.casebook.contact(slot, channel, at_us)
        self.counts[f"tier_{message['tier']}"] += 1
        self.outbox.interventions.append((at_us, customer, dumped(message)))

    def withhold(self, customer: str, at_us: int, message: Message, rule: str, retry_us: int | None) -> None:
        """Records what is not sent."""
        self.counts[f"withheld_{rule}"] += 1
        self.outbox.withheld.append((at_us, customer, dumped(withheld(message, rule, retry_us))))

    def open(self, slot: int, message: Message, channel: str, channels: Sequence[str], at_us: int) -> None:
        """Opens a case. channel: "" for a case of the holdout; channels: all that the action may use."""
        crossed_us = parse_instant(message["crossed_at"])
        self.casebook.open(
            slot,
            Case(
                intervention_id=message["intervention_id"],
                state=State.OPEN if channel else State.WITHHELD,
                crossed_us=crossed_us,
                sent_us=at_us,
                tier=message["tier"],
                channel=channel,
                scope=message["scope"],
                budget=message["budget"]["amount"],
                channels=list(channels),
                policy=message["policy_version"],
                who=message["action"]["who"],
                agent_id=message["agent_id"],
                opened_tier=message["tier"],
                strategy=message.get("strategy"),  # a candidate of the release before has none
                strategy_propensity=message.get("strategy_propensity"),
            ),
        )

    def upgrade(self, customer: str, slot: int, row: Array, case: Case, pending: PendingCandidate, at_us: int) -> None:
        """Upgrades the case to the tier of the message."""
        message, channel = sent_at(self.profile, pending.message, self.emitted_us(at_us)), pending.channel
        case.channels = list(pending.channels)
        row[UPGRADE] = self.upgrade_above(message["tier"])
        content = {name: message[name] for name in UPGRADED}
        whom = message["action"]["who"], message["agent_id"]
        update = lifecycle.upgraded(self.profile.case, case, whom, channel, content, at_us)
        self.casebook.contact(slot, channel, at_us)
        self.casebook.refresh(slot, at_us)
        self.updates(customer, at_us, [update])

    def follow(self, customer: str, slot: int, row: Array, case: Case, tier: Tier, p: float, at_us: int) -> None:
        """Upgrades a case of the holdout: nothing is sent."""
        row[UPGRADE] = self.upgrade_above(tier.name)
        budget = {"amount": tier.budget, "currency": self.profile.currency}
        content = {"tier": tier.name, "budget": budget, "probability": p}
        update = lifecycle.upgraded(self.profile.case, case, (tier.who, None), "", content, at_us)
        self.casebook.refresh(slot, at_us)
        self.updates(customer, at_us, [update])

    def withhold_upgrade(self, customer: str, slot: int, case: Case, tier: str, refused: Refused, at_us: int) -> None:
        """Records once for each rule that an upgrade is not sent; it is tried again at every scoring."""
        if updates := lifecycle.upgrade_withheld(case, tier, refused, at_us):
            self.casebook.refresh(slot, at_us)
            self.updates(customer, at_us, updates)

    def grant(self, customer: str, slot: int, row: Array, at_us: int, answer: dict[str, Any], hold: Withheld) -> None:
        """Applies the dispatcher's answer to a candidate. hold: why no case may open."""
        pending = self.casebook.of(slot).pending
        if pending is None or pending.message["intervention_id"] != answer["intervention_id"]:  # live: an earlier one
            return
        rule, retry_us = answer["rule"], parse_instant(answer["retry_at"]) if answer["retry_at"] else None
        self.casebook.set_candidate(slot, None)
        if pending.upgrade:
            self._grant_upgrade(customer, slot, row, pending, at_us, rule)
            return
        refused, retry_us = self._refusal(row, pending, at_us, rule, retry_us)
        if refused is None and hold:  # live: a new model has come since it became a candidate
            refused, retry_us = hold.name.lower(), next_grid(at_us)
        if refused is None:
            row[ARMED], row[OPENED], row[PENDING], row[RETRY] = 0.0, at_us, -np.inf, -np.inf
            self.send(customer, slot, row, pending, at_us)
            return
        keeps_grant = rule is None and retry_us is not None and retry_us > at_us
        if keeps_grant:
            self.casebook.set_candidate(slot, None, granted=pending)
        message = sent_at(self.profile, pending.message, self.emitted_us(at_us))
        self.withhold(customer, at_us, message, refused, retry_us)
        is_same = row[PENDING] == parse_instant(pending.message["crossed_at"])
        if refused in ("missed", "negative_net_value") and is_same:
            row[PENDING], row[RETRY] = NEVER, NEVER
        if retry_us is not None:
            if pending.is_of_backlog and not keeps_grant:  # its window counts from when the case opens
                row[PENDING] = NEVER
            row[RETRY] = on_agenda(retry_us)
            self.casebook.schedule(slot, on_agenda(retry_us))

    def _refusal(
        self, row: Array, pending: PendingCandidate, at_us: int, rule: str | None, retry_us: int | None
    ) -> tuple[str | None, int | None]:
        """Returns why a candidate is not sent, and when to retry; live, the customer may have changed meanwhile."""
        crossed_us = parse_instant(pending.message["crossed_at"])
        if window_of(self.profile, self.emitted_us(at_us) - crossed_us) is None:
            return "missed", None
        if not (row[PENDING] > -np.inf and row[SENT] > self.profile.case.threshold):
            return "no_longer_at_risk", None
        if rule is not None:
            return rule, retry_us
        if sent_at(self.profile, pending.message, self.emitted_us(at_us))["expected_net_value"] < 0:
            return "negative_net_value", None
        attributes = self.attributes_table[row[ATTRIBUTES]]
        if not consents(self.profile, attributes, pending.channel):
            return "consent", at_us  # retry at once: the gate may find another channel
        quiet_end_us = quiet_until_us(self.profile, attributes, pending.channel, at_us)
        return (None, None) if quiet_end_us is None else ("quiet_hours", quiet_end_us)

    def upgrade_above(self, name: str) -> float:
        """Returns the probability above which a case of the tier is upgraded."""
        tiers = self.profile.tiers
        place = next(i for i, tier in enumerate(tiers) if tier.name == name)
        return tiers[place - 1].above if place else np.inf

    def updates(self, customer: str, at_us: int, updates: list[lifecycle.Update]) -> None:
        """Writes the updates of a customer's cases, in order. Nobody waits for an answer to history."""
        for update in () if self.profile.case.is_history(at_us) else updates:
            self.counts[f"cases_{update['status']}"] += 1
            body = update | {"customer_id": customer, "policy_version": self.profile.version}
            self.outbox.updates.append((at_us, customer, dumped(body)))

    def task(self, customer: str, row: Array, task: Task, status: str, at_us: int) -> None:
        """Writes what a task is now."""
        self.counts[f"tasks_{status}"] += 1
        attributes = self.attributes_table[row[ATTRIBUTES]]
        message = compose_task(self.profile, customer, attributes, task, status, at_us)
        self.outbox.tasks.append((at_us, customer, dumped(message)))

    def _grant_upgrade(
        self, customer: str, slot: int, row: Array, pending: PendingCandidate, at_us: int, rule: str | None
    ) -> None:
        case = self.casebook.of(slot).live
        allowed = consents(self.profile, self.attributes_table[row[ATTRIBUTES]], pending.channel)
        allowed &= sent_at(self.profile, pending.message, self.emitted_us(at_us))["expected_net_value"] >= 0
        if case is None or rule is not None or not allowed:  # a candidate again at the next instant, if p stays high
            return
        self.upgrade(customer, slot, row, case, pending, at_us)
