"""The decision on one scored customer: a case, an upgrade or a touch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.claims import say
from features.facts import Facts, Pressure
from features.matrix import Flags, known, scaled
from features.population import RfmB
from features.portable_math import Array
from features.table import Slots
from features.view import View
from online_model.reasons import Reason, explain, reasons
from online_model.scorer import Scorer
from schemas.instants import DAY_US, parse_instant
from streams.cases.columns import (
    ARMED,
    ATTRIBUTES,
    DRAWN,
    HELD,
    NEVER,
    OPENED,
    PENDING,
    POINTS,
    RETRY,
    SENT,
    TOUCHED,
    UPGRADE,
    VALUE,
)
from streams.cases.customer_cases import PendingCandidate
from streams.cases.emitter import Emitter
from streams.cases.outbox import dumped
from streams.inputs.schedule import next_grid, on_agenda
from streams.interventions.actions import Plan, Segmentation, automated_plan, plan, segmentation
from streams.interventions.gate import (
    Passed,
    Recipient,
    Refused,
    is_held_out,
    pass_gate,
    pass_upgrade_rules,
    reached_holdout_rule,
)
from streams.interventions.market_signals import signals_said
from streams.interventions.message import Crossing, Message, compose, intervention_id, tier_of, timing
from streams.interventions.opening import OpeningDecision, Withheld
from streams.interventions.strategies import DEFAULT, Choice, Option, choose, options
from streams.interventions.touches import Automated, active_points, automated, compose_touch, points_due
from streams.profile.case_sections import Step, Tier
from streams.profile.profile import Profile

RFM_B_PARTS = ("recency", "frequency", "monetary", "behaviour", "score")
PERCENTILE_DIGITS = 2


class Explained(NamedTuple):
    """Of one customer, (features,) each: the contributions in log-odds, whether values are above the average's, and
    whether they come from the customer's own events; and bits of the touch points that hold.
    """

    contributions: Array
    above: Flags
    known: Flags
    due: float


@dataclass(frozen=True, slots=True)
class Scored:
    """Active customers scored at their instants: everything of shape (n,) or (.., n)."""

    slots: Slots
    names: Callable[[int], str]
    view: View
    at_us: Array
    first_known_us: Array
    probability: Array
    raw: Array  # (features, n) in their units
    rfm_b: RfmB
    scorer: Scorer
    _explained: dict[int, Explained] = field(default_factory=dict)

    def of(self, these: NDArray[np.intp]) -> Scored:
        """Returns some of the customers."""
        view, rfm_b = self._view_of(these), RfmB(*(getattr(self.rfm_b, name)[these] for name in RFM_B_PARTS))
        p, raw, first_us = self.probability[these], self.raw.take(these, axis=1), self.first_known_us[these]
        return Scored(self.slots[these], self.names, view, view.at_us, first_us, p, raw, rfm_b, self.scorer)

    def explain(self, profile: Profile, these: Sequence[int]) -> None:
        """Prepares what messages about these customers say of the score: of many at once."""
        if len(these):
            view, snapshot = self._view_of(np.array(these)), self.scorer.snapshot
            x, due = scaled(self.raw.take(these, axis=1)), points_due(profile, view, snapshot.published).tolist()
            parts = self.scorer.contributions(x).T, (x > snapshot.mean[:, None]).T, known(view).T, due
            self._explained.update(zip(these, map(Explained, *parts), strict=True))

    def explained(self, profile: Profile, i: int) -> Explained:
        """What a message about one customer says of the score."""
        if i not in self._explained:
            self.explain(profile, [i])
        return self._explained[i]

    def _view_of(self, these: NDArray[np.intp]) -> View:
        return View(self.view.layout, self.view.block.take(these, axis=1), self.at_us[these])


class Candidacy(Enum):
    """Whether a case that has passed the gate needs a grant of the dispatcher."""

    NOT_NEEDED = "no shared limits, or granted before: it is sent"
    NOW = "it becomes a candidate now"
    LATER = "it becomes a candidate at the next dispatch instant"


class CustomerDecision:
    """One of the scored customers, by index `i`. `before` and `after`: (WIDTH, n) case columns, `after` is changed."""

    def __init__(self, emitter: Emitter, scored: Scored, before: Array, after: Array, i: int) -> None:
        self.emitter, self.scored, self.before, self.after, self.i = emitter, scored, before, after, i
        self.slot, self.at_us = int(scored.slots[i]), int(scored.at_us[i])
        self.customer = scored.names(self.slot)
        self.attributes = emitter.attributes_table[before[ATTRIBUTES, i]]
        self.p, self.from_backlog = float(scored.probability[i]), False
        self.segmentation: Segmentation = segmentation(emitter.profile, scored.raw[:, i].tolist(), self._rfm_b())

    def decide_crossing(self, decision: OpeningDecision, candidacy: Candidacy) -> None:
        """Decides on a crossing, new or pending, or on a customer of the backlog: a case opens, asks for a grant, or is
        withheld.
        """
        i, crossed_us = self.i, int(decision.crossed_at_us[self.i])
        self.from_backlog = bool(decision.from_backlog[i]) or self._is_turn(crossed_us)
        if not decision.opened[i]:
            if self._is_history:
                return
            why = Withheld(decision.withheld[i])
            again_us = self._held_until_us(why)
            self.emitter.withhold(self.customer, self.at_us, self._message(crossed_us, ""), why.name.lower(), again_us)
            return
        if self.emitter.casebook.of(self.slot).live is not None:  # such as a contacted one within its save horizon
            self._refuse(Refused("open_case"), crossed_us, self._message(crossed_us, ""))
            return
        if self._is_granted(crossed_us):
            candidacy = Candidacy.NOT_NEEDED
        choice = self._choice(crossed_us, quiet_hours=candidacy is Candidacy.NOT_NEEDED)
        plan, passed = choice.option.plan, choice.answer
        if reached_holdout_rule(passed):  # also when it only becomes pending: the draw has been made
            held = is_held_out(self.emitter.profile, self.customer)
            self.after[DRAWN, i] = self.at_us
            self.after[HELD, i] = self.emitter.profile.gate.holdout_share if held else 0.0
        message = self._message(crossed_us, passed.channel if isinstance(passed, Passed) else "", choice)
        if isinstance(passed, Refused):
            self._refuse(passed, crossed_us, message)
            return
        pending = PendingCandidate(message, passed.channel, plan.channels, message["budget"]["amount"])
        if candidacy is Candidacy.NOT_NEEDED:
            self.emitter.send(self.customer, self.slot, self.after[:, i], pending, self.at_us)
        else:
            self._wait_for_grant(crossed_us, candidacy, pending)

    def drop_pending(self) -> None:
        """Records a pending crossing as withheld: the customer is no longer at risk."""
        if self._is_history:
            return
        crossed_us = int(self.before[PENDING, self.i])
        self.from_backlog = self._is_turn(crossed_us)
        message = self._message(crossed_us, "")
        if self.emitter.casebook.of(self.slot).granted is not None:
            self.emitter.casebook.set_candidate(self.slot, None)
        self.emitter.withhold(self.customer, self.at_us, message, "no_longer_at_risk", None)

    def decide_upgrade(self, candidacy: Candidacy) -> None:
        """Decides on a probability above the tier of the open case: the action of the higher tier is sent, if it passes
        the gate. In the holdout the tier follows too, so that the groups can be compared by tier.
        """
        customer_cases, tier = self.emitter.casebook.of(self.slot), tier_of(self.emitter.profile, self.p)
        case = customer_cases.live
        if case is None or customer_cases.pending is not None:
            return
        plan = self.plan(tier)
        passed = pass_upgrade_rules(self.emitter.profile, self.recipient(plan, case.crossed_us))
        if isinstance(passed, Refused):
            self.emitter.withhold_upgrade(self.customer, self.slot, case, tier.name, passed, self.at_us)
            return
        if case.holdout:
            self.emitter.follow(self.customer, self.slot, self.after[:, self.i], case, tier, self.p, self.at_us)
            return
        if candidacy is Candidacy.LATER:
            return
        message = self._message(case.crossed_us, passed.channel)
        costs_more = message["budget"]["amount"] - case.budget
        pending = PendingCandidate(message, passed.channel, plan.channels, costs_more, upgrade=True)
        if candidacy is Candidacy.NOW:
            self._request_grant(pending)
        else:
            self.emitter.upgrade(self.customer, self.slot, self.after[:, self.i], case, pending, self.at_us)

    def touch(self, bits: int, *, enters: bool) -> None:
        """Sends one touch: for the touch points in `bits`, else for the automated tier, if the customer enters it. If
        the first that may be sent is postponed, all wait: points lose their bits, so that they begin to hold again.
        """
        i, profile = self.i, self.emitter.profile
        tier = profile.automated_tier if enters else None
        medium = [] if tier is None else self._medium(tier)
        if enters:
            self.after[TOUCHED, i] = NEVER  # until it is sent or waits for the gate; the cool-down is over
        for touch in [*automated(profile, bits), *medium]:
            answer = self._touch(touch)
            if answer is None:
                self.after[TOUCHED, i] = self.at_us
                return
            if answer.retry_us is not None:
                self.after[POINTS, i] -= bits
                self.after[TOUCHED, i] = np.inf if medium else self.after[TOUCHED, i]
                return

    def _medium(self, tier: Tier) -> list[Automated]:
        """Returns the touch of the automated tier; none where only a person can help."""
        plan = automated_plan(self.emitter.profile, tier, self.segmentation)
        if plan is None:
            self.emitter.counts["touches_refused_needs_a_person"] += 1
        return [] if plan is None else [Automated("medium_tier", plan, tier.budget)]

    @property
    def _is_history(self) -> bool:
        return self.emitter.profile.case.is_history(self.at_us)

    def plan(self, base: Tier | Step) -> Plan:
        """Returns the action for this customer."""
        return plan(self.emitter.profile, base, self.segmentation)

    def recipient(self, plan: Plan, crossed_us: int | None = None, budget: float | None = None) -> Recipient:
        """Returns the customer as an argument of the gate. crossed_us: of the case that would be sent, if any; budget:
        what it may cost, if that is not the tier's.
        """
        customer_cases = self.emitter.casebook.of(self.slot)
        contacts = customer_cases.contacts
        if customer_cases.pending is not None:  # it may still be sent, so it counts for the caps
            contacts = [*contacts, (self.at_us, customer_cases.pending.channel)]
        worth = None if crossed_us is None else self._net_value(crossed_us, budget)
        return Recipient(self.customer, self.attributes, self.segmentation, plan, contacts, self.at_us, worth)

    def _options(self) -> list[Option]:
        tier, weights = tier_of(self.emitter.profile, self.p), self.scored.scorer.snapshot.strategy_weights
        return options(self.emitter.profile, tier, self.plan(tier), self.segmentation, weights)

    def _choice(self, crossed_us: int, *, quiet_hours: bool) -> Choice:
        """Chooses the strategy of the case that would be sent."""
        among, case = self._options(), intervention_id(self.customer, crossed_us)
        recipients = [self.recipient(one.plan, crossed_us, one.budget) for one in among]
        return choose(self.emitter.profile, among, recipients, case, quiet_hours=quiet_hours)

    def _net_value(self, crossed_us: int, budget: float | None) -> float:
        profile, value = self.emitter.profile, float(self.before[VALUE, self.i])
        value, emitted_us = profile.customer_value if np.isnan(value) else value, self.emitter.emitted_us(self.at_us)
        budget = tier_of(profile, self.p).budget if budget is None else budget
        worth: float = timing(profile, self.p, value, budget, crossed_us, emitted_us)["expected_net_value"]
        return worth

    def _is_granted(self, crossed_us: int) -> bool:
        """Whether a grant waits that the case may use as it is now."""
        granted = self.emitter.casebook.of(self.slot).granted
        return granted is not None and granted.share == replace(granted, message=self._message(crossed_us, "")).share

    def _is_turn(self, crossed_us: int) -> bool:
        """Whether what is pending is no crossing, but a turn of the backlog whose grant waits; its tier may change."""
        granted = self.emitter.casebook.of(self.slot).granted
        if granted is None or not granted.is_of_backlog:
            return False
        return parse_instant(granted.message["crossed_at"]) == crossed_us

    def _wait_for_grant(self, crossed_us: int, candidacy: Candidacy, pending: PendingCandidate) -> None:
        every_us, now = self.emitter.profile.limits.every_us, candidacy is Candidacy.NOW
        if now:
            self._revert_opening(crossed_us, np.inf)
            self._request_grant(pending)
        else:
            self._revert_opening(NEVER if self.from_backlog else crossed_us, -(-self.at_us // every_us) * every_us)

    def _refuse(self, refused: Refused, crossed_us: int, message: Message) -> None:
        retry_us = None if refused.retry_us is None else on_agenda(refused.retry_us)
        if retry_us is not None:
            self._revert_opening(NEVER if self.from_backlog else crossed_us, retry_us)
            self.emitter.casebook.schedule(self.slot, retry_us)
            if self.from_backlog:  # nothing is withheld: it goes on waiting for its turn
                return
        self.emitter.withhold(self.customer, self.at_us, message, refused.rule, retry_us)
        if refused.rule == "holdout":  # followed as if it had been sent
            self.after[UPGRADE, self.i] = self.emitter.upgrade_above(message["tier"])
            self.emitter.open(self.slot, message, "", (), self.at_us)
        elif retry_us is None:  # time alone does not help: the backlog leaves out who has no consent or no vehicle
            self._revert_opening(NEVER, np.inf if refused.rule in ("consent", "vehicle_sold") else NEVER)

    def _held_until_us(self, why: Withheld) -> int | None:
        """When a hold may end: with the next model, at the next sweep, or the next day (UTC)."""
        if why in (Withheld.MODEL_NOT_READY, Withheld.STOP_LOSS):
            return next_grid(self.at_us)
        if why == Withheld.BACKLOG:
            return self.at_us // DAY_US * DAY_US + DAY_US
        return self.at_us + self.emitter.profile.time.sweep_every_us if why == Withheld.CATCHING_UP else None

    def _revert_opening(self, pending_us: float, retry_us: float) -> None:
        """Reverts the columns of an opened case: the crossing stays pending, or ends (-inf)."""
        self.after[[ARMED, OPENED], self.i] = self.before[[ARMED, OPENED], self.i]
        self.after[PENDING, self.i], self.after[RETRY, self.i] = pending_us, retry_us

    def _request_grant(self, pending: PendingCandidate) -> None:
        self.emitter.casebook.set_candidate(self.slot, pending)
        self.emitter.outbox.candidates.append((self.customer, pending))

    def _touch(self, touch: Automated) -> Refused | None:
        """Sends a touch if it passes the gate; returns the refusal."""
        who = self.recipient(touch.plan)
        passed = pass_gate(self.emitter.profile, who)
        if isinstance(passed, Refused):
            self.emitter.counts[f"touches_refused_{passed.rule}"] += 1
            if passed.retry_us is not None:
                self.emitter.casebook.retry_touch_at(self.slot, on_agenda(passed.retry_us))
            return passed
        message = compose_touch(self.emitter.profile, who, touch, passed.channel, self.p)
        self.emitter.casebook.contact(self.slot, passed.channel, self.at_us)
        self.emitter.counts[f"touches_by_{touch.trigger}"] += 1
        self.emitter.outbox.touches.append((self.at_us, self.customer, dumped(message)))
        return None

    def _message(self, crossed_us: int, channel: str, choice: Choice | None = None) -> Message:
        """Composes the message. channel: "" for what is not sent; choice: None: nothing was drawn, it has the tier's
        own action. Reasons take most of the time, so what is not sent has none while the model is not ready.
        """
        i, scored = self.i, self.scored
        contributions, _, _, due = scored.explained(self.emitter.profile, i)
        sent, value, profile = float(self.before[SENT, i]), float(self.before[VALUE, i]), self.emitter.profile
        found = self._reasons() if channel or scored.scorer.snapshot.ready else []
        crossing = Crossing(
            customer_id=self.customer,
            crossed_at_us=crossed_us,
            decided_at_us=self.at_us,
            emitted_at_us=self.emitter.emitted_us(self.at_us),
            probability=self.p,
            previous_probability=None if np.isnan(sent) else sent,
            explanation=explain(scored.scorer.average, contributions, found),
            model_version=scored.scorer.snapshot.version,
            attributes=self.attributes,
            value=None if np.isnan(value) else value,
            segmentation=self.segmentation,
            choice=choice or self._own(),
            opened_by="backlog" if self.from_backlog else "crossing",
            touch_points=active_points(profile, due, contributions),
            signals=signals_said(self.emitter.signals.in_force(self.attributes.scope, crossed_us)),
        )
        return compose(profile, crossing, channel)

    def _reasons(self) -> list[Reason]:
        contributions, above, own, _ = self.scored.explained(self.emitter.profile, self.i)
        signals = self.emitter.signals.in_force(self.attributes.scope, self.at_us)
        pressures = [Pressure(one.name, one.scope, one.level, one.from_us) for one in signals]
        facts = Facts(self.scored.view.of(self.i), self.emitter.profile.currency, pressures)
        return reasons(self.scored.raw[:, self.i], contributions, above, own, partial(say, facts))

    def _own(self) -> Choice:
        """Returns the tier's own action, of a message to which no strategy was drawn."""
        tier = tier_of(self.emitter.profile, self.p)
        treated = 1.0 - self.emitter.profile.gate.holdout_share
        return Choice(Option(DEFAULT, self.plan(tier), tier.budget), {DEFAULT: treated}, Refused(""))

    def _rfm_b(self) -> dict[str, float] | None:
        if not self.scored.scorer.knows_population:
            return None
        found, i = self.scored.rfm_b, self.i
        return {name: round(float(getattr(found, name)[i]), PERCENTILE_DIGITS) for name in RFM_B_PARTS}
