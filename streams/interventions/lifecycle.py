"""Outcomes, retention events and deadlines applied to a case, by the table in case_states.py.

Every change gives an update for the CRM. `time_us` is when something happened, `at_us` the stream time at which it
becomes known.
"""

from __future__ import annotations

from typing import Any

from schemas.instants import format_instant
from streams.interventions.case import Case
from streams.interventions.case_states import ENDED, TABLE, CaseTrigger, State, why_ignored
from streams.interventions.deadlines import measured_us
from streams.interventions.gate import Refused
from streams.profile.case_sections import CaseRules, Step
from streams.profile.profile import Profile

Update = dict[str, Any]


def outcome(rules: CaseRules, case: Case, fields: dict[str, Any], time_us: int, at_us: int) -> list[Update]:
    """Applies an outcome that the CRM reports; always answered, by "ignored" where it changes nothing."""
    trigger = CaseTrigger(fields["status"])
    if time_us < case.sent_us and not case.holdout:
        return [ignored(case.intervention_id, fields, at_us, "before_the_case")]
    if late := _late_contact(rules, case, trigger, time_us):
        _record_outcome(case, fields)
        case.contacted_us, case.saved_us = time_us, case.returned_us
        return _move(case, late, at_us, _outcome_details(fields))
    is_sold = "vehicle_sold" in fields.get("causes", ()) and case.is_live
    if (case.state, trigger) not in TABLE:
        why = why_ignored(case.state, trigger)
        sold = vehicle_sold(case, at_us) if is_sold else []
        return sold or [ignored(case.intervention_id, fields, at_us, why)]
    _record_outcome(case, fields)
    if trigger is not CaseTrigger.ACKNOWLEDGED and (case.contacted_us is None or time_us < case.contacted_us):
        case.contacted_us = time_us
    updates = _move(case, trigger, at_us, _outcome_details(fields))
    updates += vehicle_sold(case, at_us) if is_sold else []
    return updates + _apply_earlier_return(rules, case, at_us)


def retained(rules: CaseRules, case: Case, time_us: int, at_us: int) -> list[Update]:
    """Applies a retention event of the customer at `time_us`."""
    if time_us <= case.crossed_us:
        return []
    times = sorted({us for us in (case.returned_us, case.again_us, time_us) if us is not None})
    case.returned_us, case.again_us = times[0], times[1] if len(times) > 1 else None
    return _apply_return(rules, case, time_us, at_us) if case.is_live else []


def fire(profile: Profile, case: Case, name: str, at_us: int) -> list[Update]:
    """Applies a deadline that has passed, but not a step: the caller has to pass it through the gate."""
    case.fired.append(name)
    rules = profile.case
    match name.partition(":")[0]:
        case "acknowledge":
            return [_update(case, "overdue", at_us, {"why": "not_acknowledged", "to": case.who})]
        case "contact":
            return [_escalated(case, rules.above(case.who), at_us, {"why": "not_contacted"})]
        case "window":
            more = {"why": "window_passed", "to": case.who, **_window(profile, case, at_us)}
            return [_update(case, "overdue", at_us, more)]
        case "last_window":
            return _move(case, CaseTrigger.WINDOW_OVER, at_us, {"why": "not_contacted"})
        case "horizon":
            return _move(case, CaseTrigger.HORIZON_OVER, at_us, {"why": "no_return"})
        case "measured":
            return [_update(case, "measured", at_us, {"returned": _is_by(case.returned_us, measured_us(rules, case))})]
        case "bought_again":
            return [
                _update(case, "followed_up", at_us, {"bought_again": _came_again(case, rules.bought_again_within_us)})
            ]
        case "judged":  # no update: it counts for the stop-loss only
            return []
        case _:
            return [_update(case, "followed_up", at_us, {"stayed": _came_again(case, rules.stayed_within_us)})]


def step(rules: CaseRules, case: Case, step: Step, channel: str, action: dict[str, str], at_us: int) -> Update:
    """Applies the next step of an unanswered case: by a higher role if the step has one, else by whoever has it."""
    case.fired.append(f"step:{step.name}")
    case.channel = channel
    higher = action["who"] if rules.rank(action["who"]) > rules.rank(case.who) else None
    action = action | {"who": higher or case.who}
    return _escalated(case, higher, at_us, {"why": "unanswered", "step": step.name, "action": action})


def step_withheld(case: Case, step: Step, refused: Refused, at_us: int) -> Update:
    """Withholds a step that the gate refuses: postponed, or dropped when there is no retry."""
    name = f"step:{step.name}"
    if refused.retry_us is None:
        case.fired.append(name)
        return _update(case, "step_withheld", at_us, {"why": refused.rule, "step": step.name})
    case.later[name] = refused.retry_us
    retry_at = format_instant(refused.retry_us)
    return _update(case, "step_withheld", at_us, {"why": refused.rule, "step": step.name, "retry_at": retry_at})


def vehicle_sold(case: Case, at_us: int) -> list[Update]:
    """Ends the case: the vehicle is sold."""
    return _move(case, CaseTrigger.VEHICLE_SOLD, at_us, {"why": "vehicle_sold"})


def erased(case: Case, at_us: int) -> list[Update]:
    """Ends the case, also one of the holdout: the customer's data are erased."""
    return _move(case, CaseTrigger.ERASED, at_us, {"why": "erased"})


def end_without_channel(case: Case, at_us: int) -> list[Update]:
    """Ends the case: consent was withdrawn for every channel of its action."""
    return _move(case, CaseTrigger.NO_CHANNEL, at_us, {"why": "consent"})


def rerouted(case: Case, channel: str, at_us: int) -> Update:
    """Moves the case to another channel: consent was withdrawn for its own."""
    case.channel = channel
    return _update(case, "rerouted", at_us, {"why": "consent", "channel": channel})


def upgraded(
    rules: CaseRules, case: Case, whom: tuple[str, str | None], channel: str, content: dict[str, Any], at_us: int
) -> Update:
    """Upgrades the case: the probability has risen into a higher tier. A contact that has not been made is asked for
    anew. Who has the case keeps it, if that role is higher. whom: the role and the agent that act in that tier.
    """
    case.tier, case.channel, case.budget = content["tier"], channel, content["budget"]["amount"]
    if rules.rank(whom[0]) >= rules.rank(case.who):
        case.who, case.agent_id = whom if whom[0] != case.who else (case.who, case.agent_id)
    elif "action" in content:
        content = content | {"action": content["action"] | {"who": case.who}}
    case.state = TABLE[case.state, CaseTrigger.UPGRADED]
    if case.state is State.OPEN:
        case.asked_us = at_us
        case.fired = [name for name in case.fired if name not in ("acknowledge", "contact")]
    return _update(case, "upgraded", at_us, {"why": "higher_tier"} | content)


def upgrade_withheld(case: Case, tier: str, refused: Refused, at_us: int) -> list[Update]:
    """Withholds an upgrade that the gate refuses; told once for each tier and rule."""
    name = f"upgrade:{tier}:{refused.rule}"
    if case.holdout or name in case.fired:
        return []
    case.fired.append(name)
    retry = {} if refused.retry_us is None else {"retry_at": format_instant(refused.retry_us)}
    return [_update(case, "upgrade_withheld", at_us, {"why": refused.rule, **retry})]


def ignored(intervention_id: str, fields: dict[str, Any], at_us: int, why: str) -> Update:
    """Returns the answer to an outcome that changes nothing."""
    return {
        "intervention_id": intervention_id,
        "updated_at": format_instant(at_us),
        "status": "ignored",
        "why": why,
        "outcome": fields["status"],
    }


def _escalated(case: Case, higher: str | None, at_us: int, more: dict[str, Any]) -> Update:
    """Hands the case over to a higher role; None: whoever has it is reminded."""
    if higher is not None:
        case.who, case.agent_id = higher, None
    return _update(case, "overdue" if higher is None else "escalated", at_us, more | {"to": case.who})


def _late_contact(rules: CaseRules, case: Case, trigger: CaseTrigger, time_us: int) -> CaseTrigger | None:
    """RETAINED for a contact before the return that withdrew the case, when it is reported after that return."""
    was_contact = trigger not in (CaseTrigger.ACKNOWLEDGED, CaseTrigger.RETAINED)
    returned_us = case.returned_us
    if case.state is State.WITHDRAWN and was_contact and returned_us is not None:
        return CaseTrigger.RETAINED if time_us < returned_us <= time_us + rules.save_horizon_us else None
    return None


def _apply_earlier_return(rules: CaseRules, case: Case, at_us: int) -> list[Update]:
    """Applies a return that was known before the contact that led to it."""
    return _apply_return(rules, case, case.returned_us, at_us) if case.is_live and case.returned_us is not None else []


def _apply_return(rules: CaseRules, case: Case, time_us: int, at_us: int) -> list[Update]:
    began_us = case.sent_us if case.holdout else case.contacted_us
    if began_us is None or time_us <= began_us:
        return [] if case.holdout else _move(case, CaseTrigger.RETURNED, at_us, {"why": "came_back"})
    if time_us > began_us + rules.save_horizon_us:
        return []
    case.saved_us = time_us
    return _move(case, CaseTrigger.RETAINED, at_us, {"why": "came_back"})


def _move(case: Case, trigger: CaseTrigger, at_us: int, more: dict[str, Any]) -> list[Update]:
    """Applies a trigger by the table; no update where the table does not have it."""
    after = TABLE.get((case.state, trigger))
    if after is None:
        return []
    case.state = after
    if after not in ENDED:
        claim = trigger in (CaseTrigger.CLAIMED_SAVED, CaseTrigger.CLAIMED_LOST)
        return [_update(case, "claimed" if claim else trigger.value, at_us, more)]
    case.ended_us = at_us
    status = after.value if after in (State.EXPIRED, State.WITHDRAWN) else "closed"
    return [_update(case, status, at_us, more)]


def _update(case: Case, status: str, at_us: int, more: dict[str, Any]) -> Update:
    known = {
        "contacted_at": case.contacted_us,
        "returned_at": case.returned_us,
        "saved_at": case.saved_us,
    }
    return {
        "intervention_id": case.intervention_id,
        "updated_at": format_instant(at_us),
        "status": status,
        "state": case.state.value,
        "tier": case.tier,
        "scope": case.scope,
        "holdout": case.holdout,
        "who": case.who,
        "agent_id": case.agent_id,
        "strategy": case.strategy,
        "strategy_propensity": case.strategy_propensity,
        "crossed_at": format_instant(case.crossed_us),
        **{name: format_instant(us) for name, us in known.items() if us is not None},
        **more,
    }


def _outcome_details(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in ("agent_id", "channel", "cost", "causes") if name in fields}


def _record_outcome(case: Case, fields: dict[str, Any]) -> None:
    case.agent_id = fields.get("agent_id") or case.agent_id
    case.cost += fields.get("cost", 0.0)
    if fields["status"] in ("saved", "lost"):
        case.claim = fields["status"]


def _window(profile: Profile, case: Case, at_us: int) -> dict[str, Any]:
    """The window of a contact made now."""
    left = [window for window in profile.case.windows if window.within_us > at_us - case.crossed_us]
    return {"window": left[0].name, "window_saved": left[0].saved} if left else {}


def _came_again(case: Case, within_us: int) -> bool:
    """Whether a second retention event came within `within_us` after the one that saved the case."""
    saved_us = case.saved_us or 0
    return case.again_us is not None and saved_us < case.again_us <= saved_us + within_us


def _is_by(us: int | None, until_us: int) -> bool:
    return us is not None and us <= until_us
