"""The deadlines of a case: functions of the case alone, so a restored case has the same ones."""

from __future__ import annotations

from streams.interventions.case import Case
from streams.interventions.case_states import WAITING, State
from streams.profile.case_sections import CaseRules
from streams.profile.profile import Profile

Deadline = tuple[int, str]  # us, name


NEVER_US = 1 << 62


UNANSWERED = (*WAITING, State.CONTACTED)


JUDGED = (State.SAVED, State.LOST)

OF_SILENCE = ("horizon", "measured", "judged", "bought_again", "stayed", "step")  # false if an event is on its way


def deadlines(profile: Profile, case: Case) -> list[Deadline]:
    """Returns the deadlines that have not fired, as (us, name)."""
    return [deadline for deadline in _deadlines(profile, case) if deadline[1] not in case.fired]


def speaks_of_silence(deadline: Deadline) -> bool:
    """Returns whether the deadline claims, or supposes, that the customer has not come."""
    return deadline[1].partition(":")[0] in OF_SILENCE


def measured_us(rules: CaseRules, case: Case) -> int:
    """Returns until when a return counts in the comparison with the holdout: the same span for every case."""
    return case.crossed_us + rules.last_window_us + rules.save_horizon_us


def _deadlines(profile: Profile, case: Case) -> list[Deadline]:
    rules, state = profile.case, case.state
    found: list[Deadline] = [(measured_us(rules, case), "measured")]
    if state in WAITING:
        found += _waiting_deadlines(rules, case)
    if profile.steps and state in UNANSWERED:
        steps = [(f"step:{step.name}", step) for step in profile.steps if case.tier in step.tiers]
        found += [(case.later.get(name, case.sent_us + step.after_us), name) for name, step in steps]
    if state not in WAITING and case.is_live:
        began_us = case.sent_us if case.holdout else case.contacted_us
        found.append(((began_us or 0) + rules.save_horizon_us, "horizon"))
    if state in JUDGED and case.contacted_us is not None:
        found.append((case.contacted_us + rules.save_horizon_us, "judged"))
    if state is State.SAVED and case.saved_us is not None:
        found.append((case.saved_us + rules.bought_again_within_us, "bought_again"))
        found.append((case.saved_us + rules.stayed_within_us, "stayed"))
    return found


def _waiting_deadlines(rules: CaseRules, case: Case) -> list[Deadline]:
    crossed_us, sent_us, asked_us = case.crossed_us, case.sent_us, case.asked_us or case.sent_us
    found = [(crossed_us + window.within_us, f"window:{window.name}") for window in rules.windows[:-1]]
    found = [(us, name) for us, name in found if us > sent_us]
    if case.state is State.OPEN:
        found.append((asked_us + rules.acknowledge_within_us, "acknowledge"))
    found.append((asked_us + rules.contact_within_us, "contact"))
    found.append((crossed_us + rules.windows[-1].within_us, "last_window"))
    return found
