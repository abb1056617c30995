"""When a case opens: crossing, hysteresis and one open case a customer, for many customers at once.

A customer *crosses* when p is above the threshold now and was not when last scored, or has not been scored before. For
a crossing:

| first condition that holds                                       | result                             |
|------------------------------------------------------------------|------------------------------------|
| since the last case opened, p was never below threshold - margin | withheld: open_case                |
| the last case opened no longer than the window ago               | withheld: open_case                |
| the last case opened less than the cool-down ago                 | withheld: cool_down                |
| it is a first score, and the least tenure has not passed         | withheld: tenure                   |
| it crossed, while it was not heard, before the last window began | withheld: missed                   |
| a hold: model, stop-loss, catching up, the day's backlog is full,| withheld: the hold; pending        |
| history (`case.opens_from`; nothing of it is recorded)           |                                    |
| otherwise                                                        | a case opens, if it passes the gate|

| what is pending           | at a later scoring                          | result                               |
|---------------------------|---------------------------------------------|--------------------------------------|
| crossing, held or refused | p is not above the threshold                | ends                                 |
| crossing, held or refused | the customer has lapsed (engine/engine.py)  | ends                                 |
| crossing, held or refused | longer than the last window since it crossed| withheld: missed; ends               |
| crossing, held or refused | before the instant of its retry             | stays pending                        |
| crossing, held or refused | there is no hold any more                   | a case opens, `crossed_at` as it was |

A pending crossing that ends has been recorded as withheld before. Whoever stays above the threshold without a case and
without a pending crossing is *in the backlog* once a case may open: the tenure has passed, window and cool-down of the
last case are over, and p was below threshold - margin since then, or is above the tier of that case. When the turn has
come (`retry_us`; engine/backlog.py gives it), a case opens at the next scoring as if the customer crossed then.

A window includes the instant at which it ends; a cool-down and a tenure have passed at theirs. Times are float64
microseconds (exact until 2255), so that a customer's columns lie in one table of numbers. A row's result depends on
that row alone.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.profile.case_sections import CaseRules

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Holds = NDArray[np.int8]  # a Withheld of each
NONE = -np.inf


class Withheld(IntEnum):
    """Why a crossing opened no case; 0: nothing was withheld. Gate and dispatcher have rules of their own."""

    NOTHING = 0
    MODEL_NOT_READY = 1
    OPEN_CASE = 2
    COOL_DOWN = 3
    TENURE = 4
    STOP_LOSS = 5
    MISSED = 6
    CATCHING_UP = 7
    BACKLOG = 8
    HISTORY = 9  # nothing is recorded of it


class CaseColumns(NamedTuple):
    """The columns that decide on opening, each of shape (n,) and float64; all but the last may change."""

    last_probability: Array  # NaN: never scored
    armed: Array  # 1: no case yet, or p has been below threshold - margin since it opened; else 0
    case_opened_us: Array  # -inf: never
    pending_crossed_us: Array  # not finite: nothing is pending; else when the crossing was that is pending, or of a
    # customer last scored below the threshold: that was found while not heard
    retry_us: Array  # a pending crossing, or a customer of the backlog, waits at least until then; -inf: no instant yet
    upgrade_above: Array  # the upper end of the tier of the last case; inf: it had the highest, or there was none


class OpeningDecision(NamedTuple):
    """The decision on each row, each of shape (n,); `columns` are new arrays."""

    columns: CaseColumns
    opened: Flags
    withheld: Holds
    crossed_at_us: Array  # NaN where nothing was opened or withheld
    from_backlog: Flags  # of those that opened


def decide(
    rules: CaseRules, before: CaseColumns, p: Array, first_seen_us: Array, at_us: Array, hold: Withheld | Holds
) -> OpeningDecision:
    """Decides by the tables above, for customers first seen at `first_seen_us` and scored `p` at `at_us`: (n,).

    hold: why no case may open now, of all customers or of each, (n,); NOTHING: cases may open.
    """
    n, above = len(p), p > rules.threshold
    holds = np.broadcast_to(np.asarray(hold, np.int8), n)
    pending = np.where(above & np.isfinite(before.pending_crossed_us), before.pending_crossed_us, NONE)
    retry_us = np.where(above, before.retry_us, NONE)
    armed = np.where(p < rules.threshold - rules.margin, 1.0, before.armed)
    opened_us = before.case_opened_us.copy()
    opened, withheld, crossed_at_us = np.zeros(n, np.bool_), np.zeros(n, np.int8), np.full(n, np.nan)
    from_backlog = np.zeros(n, np.bool_)
    is_crossing = above & ~(before.last_probability > rules.threshold)  # NaN is not above either
    is_crossing |= (pending > NONE) | (np.isfinite(retry_us) & (retry_us <= at_us))
    rows = np.flatnonzero(is_crossing)
    if len(rows):  # few: all that follows is about them alone
        columns = (before.last_probability, armed, opened_us, pending, retry_us, before.upgrade_above)
        crossing = _Crossing(*(column[rows] for column in (*columns, p, first_seen_us, at_us)))
        opens, why, crossed, waits = _decide(rules, crossing, holds[rows])
        from_backlog[rows] = opens & _is_of_backlog(rules, crossing)
        opened[rows], withheld[rows], pending[rows] = opens, why, waits
        crossed_at_us[rows] = np.where(opens | (why > 0), crossed, np.nan)
        armed[rows[opens]], opened_us[rows[opens]] = 0.0, crossing.at_us[opens]
        retry_us[rows[opens | (waits == NONE)]] = NONE
    columns_after = CaseColumns(p, armed, opened_us, pending, retry_us, before.upgrade_above)
    return OpeningDecision(columns_after, opened, withheld, crossed_at_us, from_backlog)


def may_open(rules: CaseRules, columns: CaseColumns, p: Array, first_seen_us: Array, at_us: Array) -> Flags:
    """(n,): of customers above the threshold without a pending crossing, whether a case may open from the backlog."""
    since_us = at_us - columns.case_opened_us
    is_over = (since_us > rules.window_us) & (since_us >= rules.cool_down_us)
    is_new = (columns.armed == 1) | (p > columns.upgrade_above)
    found: Flags = is_over & is_new & (at_us - first_seen_us >= rules.least_tenure_us)
    return found


class _Crossing(NamedTuple):
    """Customers above the threshold who cross now, have a pending crossing, or have their turn in the backlog."""

    last_probability: Array
    armed: Array
    case_opened_us: Array
    pending_crossed_us: Array
    retry_us: Array
    upgrade_above: Array
    p: Array
    first_seen_us: Array
    at_us: Array


def _decide(rules: CaseRules, customers: _Crossing, hold: Holds) -> tuple[Flags, Holds, Array, Array]:
    """Returns which cases open, why not, when each crossed, and what is pending from now on."""
    crosses, backlog = ~(customers.last_probability > rules.threshold), _is_of_backlog(rules, customers)
    first, waiting = np.isnan(customers.last_probability), ~crosses & ~backlog
    too_new = first & (customers.at_us - customers.first_seen_us < rules.least_tenure_us)
    crossed = _crossed_us(rules, customers, first)
    missed = customers.at_us - crossed > rules.last_window_us
    due = (waiting & ~missed & (customers.at_us >= customers.retry_us)) | (
        backlog & may_open(rules, CaseColumns(*customers[:6]), *customers[6:])
    )
    why = np.where(waiting & missed, np.int8(Withheld.MISSED), np.int8(Withheld.NOTHING))
    why[crosses] = _why_not(rules, customers, too_new, missed, hold)[crosses]
    opens = (crosses & (why == Withheld.NOTHING)) | (due & (hold == Withheld.NOTHING))
    held = crosses & (hold != Withheld.NOTHING) & (why == hold)
    waits = np.where(held | (waiting & ~missed & ~opens), crossed, NONE)
    return opens, why, crossed, waits


def _is_of_backlog(rules: CaseRules, customers: _Crossing) -> Flags:
    found: Flags = (customers.last_probability > rules.threshold) & (customers.pending_crossed_us == NONE)
    return found


def _crossed_us(rules: CaseRules, customers: _Crossing, first: Flags) -> Array:
    """Returns when each crossed: now, or when it was found; a first score not before the least tenure had passed."""
    tenured_us = np.where(first, customers.first_seen_us + rules.least_tenure_us, NONE)
    since_us = np.minimum(np.maximum(customers.pending_crossed_us, tenured_us), customers.at_us)
    return np.where(np.isfinite(customers.pending_crossed_us), since_us, customers.at_us)


def _why_not(rules: CaseRules, customers: _Crossing, too_new: Flags, missed: Flags, hold: Holds) -> Holds:
    """The first rule that keeps a crossing from opening a case: the first table."""
    since_us = customers.at_us - customers.case_opened_us
    return np.select(
        [(customers.armed == 0) | (since_us <= rules.window_us), since_us < rules.cool_down_us, too_new, missed],
        [np.int8(why) for why in (Withheld.OPEN_CASE, Withheld.COOL_DOWN, Withheld.TENURE, Withheld.MISSED)],
        hold,
    )
