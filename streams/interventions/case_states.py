"""The states and transitions of a case as one table: code, tests and docs/cases.md read it.

A case is *live* until it ends. `withheld` is the state of a live case of the holdout: no message, the same deadlines.
A trigger that the table does not have in a state changes nothing: an outcome is answered with `why_ignored`.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The states of a case."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    RESPONDED = "responded"
    DECLINED = "declined"
    WITHHELD = "withheld"
    SAVED = "saved"
    LOST = "lost"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class CaseTrigger(StrEnum):
    """What may happen to a case: outcomes that the CRM reports, then events of the customer and deadlines."""

    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    RESPONDED = "responded"
    DECLINED = "declined"
    CLAIMED_SAVED = "saved"  # reported by the CRM; only a retention event saves a case
    CLAIMED_LOST = "lost"
    RETURNED = "returned"  # a retention event after the crossing, before any contact
    RETAINED = "retained"  # a retention event within the save horizon after the contact
    HORIZON_OVER = "horizon_over"  # the save horizon has passed since the contact
    WINDOW_OVER = "window_over"  # the last window has passed since the crossing, without a contact
    VEHICLE_SOLD = "vehicle_sold"  # nothing is left to save
    ERASED = "erased"  # nothing is kept of the customer
    NO_CHANNEL = "no_channel"  # consent was withdrawn for every channel that is left
    UPGRADED = "upgraded"  # the probability has risen into a higher tier: its action is sent


S, T = State, CaseTrigger
WAITING = (S.OPEN, S.ACKNOWLEDGED)  # for a contact
ANSWERED = (S.RESPONDED, S.DECLINED)
LIVE = (*WAITING, S.CONTACTED, *ANSWERED, S.WITHHELD)
ENDED = (S.SAVED, S.LOST, S.EXPIRED, S.WITHDRAWN)

TABLE: dict[tuple[State, CaseTrigger], State] = {
    (S.OPEN, T.ACKNOWLEDGED): S.ACKNOWLEDGED,
    **{(state, T.CONTACTED): S.CONTACTED for state in WAITING},
    **{(state, T.RESPONDED): S.RESPONDED for state in (*WAITING, S.CONTACTED, S.DECLINED)},
    **{(state, T.DECLINED): S.DECLINED for state in (*WAITING, S.CONTACTED, S.RESPONDED)},
    # a claim implies a contact; the case ends by what the customer does
    **{(state, claim): S.CONTACTED for state in WAITING for claim in (T.CLAIMED_SAVED, T.CLAIMED_LOST)},
    **{(state, claim): state for state in (S.CONTACTED, *ANSWERED) for claim in (T.CLAIMED_SAVED, T.CLAIMED_LOST)},
    # a further contact is accepted and changes no state
    **{(state, T.CONTACTED): state for state in (S.CONTACTED, *ANSWERED)},
    **{(state, T.RETURNED): S.WITHDRAWN for state in (*WAITING, S.CONTACTED, *ANSWERED)},
    **{(state, T.RETAINED): S.SAVED for state in (S.CONTACTED, *ANSWERED, S.WITHHELD)},
    # reported late: the contact was before the return
    (S.WITHDRAWN, T.RETAINED): S.SAVED,
    **{(state, T.HORIZON_OVER): S.LOST for state in (S.CONTACTED, *ANSWERED, S.WITHHELD)},
    **{(state, T.WINDOW_OVER): S.EXPIRED for state in WAITING},
    # not in WITHHELD: without a contact nothing reports a sale, so it does not count in the holdout
    **{(state, T.VEHICLE_SOLD): S.LOST for state in (*WAITING, S.CONTACTED, *ANSWERED)},
    **{(state, T.ERASED): S.WITHDRAWN for state in LIVE},
    **{(state, T.NO_CHANNEL): S.WITHDRAWN for state in WAITING},
    **{(state, T.UPGRADED): S.OPEN for state in WAITING},  # whoever acts for the higher tier has to acknowledge
    **{(state, T.UPGRADED): state for state in (S.CONTACTED, *ANSWERED, S.WITHHELD)},
}


def why_ignored(state: State, trigger: CaseTrigger) -> str:
    """Returns why an outcome that the table does not have in this state is ignored."""
    if state in ENDED:
        return "case_ended"
    if state is S.WITHHELD:
        return "holdout"
    return "repeated" if trigger.value == state.value else "overtaken"


def markdown() -> str:
    """The table as docs/cases.md shows it: a row a state, a column a trigger."""
    head = ["", *CaseTrigger]
    rows = [[state, *(TABLE.get((state, trigger), "") for trigger in CaseTrigger)] for state in State]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
