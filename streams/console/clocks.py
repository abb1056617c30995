"""Where a case stands in time: its window as a drawing, and what is due in words."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from schemas.instants import HOUR_US
from streams.console.drawing import clock
from streams.console.queries import Listed
from streams.console.site import Visit
from streams.interventions.case_states import WAITING, State


@dataclass(frozen=True, slots=True)
class Timing:
    """clock: the window; window, due: in words; urgency of what is due: late, today, later, or none."""

    clock: Markup
    window: str
    due: str
    urgency: str


def timing(visit: Visit, case: Listed) -> Timing:
    """Returns where a case stands now."""
    words, now_us = visit.words, visit.now_us
    ends_us = case.crossed_us + case.window_us
    if now_us < ends_us:
        window = words("window_left", span=words.span(ends_us - now_us), window=words.span(case.window_us))
    else:
        is_new = now_us - ends_us < HOUR_US
        window = words("window_just_over" if is_new else "window_over", span=words.span(now_us - ends_us))
    due, urgency = _due(visit, case)
    return Timing(clock(case.crossed_us, case.window_us, now_us), window, due, urgency)


def _due(visit: Visit, case: Listed) -> tuple[str, str]:
    """The last deadline that has passed, or else the next one."""
    words, now_us, rules = visit.words, visit.now_us, visit.site.profile.case
    if case.state not in WAITING or case.withheld_reason:
        return "", "none"
    deadlines = [
        (case.emitted_us + rules.contact_within_us, "contact"),
        (case.crossed_us + case.window_us, "window ends"),
    ]
    if case.state == State.OPEN:
        deadlines.append((case.emitted_us + rules.acknowledge_within_us, "acknowledge"))
    passed = [one for one in sorted(deadlines) if one[0] < now_us]
    at_us, task = passed[-1] if passed else min(deadlines)
    what = words.code("task", task)
    if at_us < now_us:
        return words("due_late", what=_capital(what), span=words.span(now_us - at_us)), "late"
    urgency = "today" if at_us < words.tomorrow_us(now_us) else "later"
    return words("due_in", what=_capital(what), span=words.span(at_us - now_us)), urgency


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
