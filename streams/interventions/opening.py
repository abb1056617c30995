"""When a case opens: crossing, hysteresis and one open case a customer, for many customers at once.

A customer *crosses* when p is above the threshold now and was not when last scored. A first score above it
counts as a crossing once the least tenure has passed, if p was above at every scoring since. For a crossing:

| first condition that holds                                       | result                             |
|------------------------------------------------------------------|------------------------------------|
| since the last case opened, p was never below threshold - margin | withheld: open_case                |
| the last case opened no longer than the window ago               | withheld: open_case                |
| the last case opened less than the cool-down ago                 | withheld: cool_down                |
| it is a first score, and the least tenure has not passed         | withheld: tenure; it waits         |
| it crossed, while it was not heard, before the last window began | withheld: missed                   |
| a hold: model, stop-loss, catching up, the day's backlog is full | withheld: the hold; pending        |
| otherwise                                                        | a case opens, if it passes the gate|

| what is pending           | at a later scoring                          | result                               |
|---------------------------|---------------------------------------------|--------------------------------------|
| either                    | p is not above the threshold                | ends                                 |
| crossing, held or refused | the customer has lapsed (engine/engine.py)  | ends                                 |
| first score, for tenure   | the least tenure has passed                 | crosses now, by the table above      |
| crossing, held or refused | longer than the last window since it crossed| withheld: missed; ends               |
| crossing, held or refused | before the instant of its retry             | stays pending                        |
| crossing, held or refused | there is no hold any more                   | a case opens, `crossed_at` as it was |

A pending crossing that ends has been recorded as withheld before. A window includes the instant at which it ends; a
cool-down and a tenure have passed at theirs. Times are float64 microseconds (exact until 2255), so that a customer's
columns lie in one table of numbers. A row's result depends on that row alone.
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
NONE, UNTIL_TENURE = -np.inf, np.inf


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


class CaseColumns(NamedTuple):
    """The columns that decide on opening, each of shape (n,) and float64."""

    last_probability: Array  # NaN: never scored
    armed: Array  # 1: no case yet, or p has been below threshold - margin since it opened; else 0
    case_opened_us: Array  # -inf: never
    pending_crossed_us: Array  # -inf: nothing is pending; +inf: a first score waits for the least tenure; else when the
    # crossing was that is pending, or of a customer last scored below the threshold: that was found while not heard
    retry_us: Array  # a pending crossing waits at least until then


class OpeningDecision(NamedTuple):
    """The decision on each row, each of shape (n,); `columns` are new arrays."""

    columns: CaseColumns
    opened: Flags
    withheld: Holds
    crossed_at_us: Array  # NaN where nothing was opened or withheld


def decide(
    rules: CaseRules, before: CaseColumns, p: Array, first_seen_us: Array, at_us: Array, hold: Withheld | Holds
) -> OpeningDecision:
    """Decides by the tables above, for customers first seen at `first_seen_us` and scored `p` at `at_us`: (n,).

    hold: why no case may open now, of all customers or of each, (n,); NOTHING: cases may open.
    """
    n, above = len(p), p > rules.threshold
    holds = np.broadcast_to(np.asarray(hold, np.int8), n)
    pending = np.where(above, before.pending_crossed_us, NONE)
    retry_us = np.where(above, before.retry_us, NONE)
    armed = np.where(p < rules.threshold - rules.margin, 1.0, before.armed)
    opened_us = before.case_opened_us.copy()
    opened, withheld, crossed_at_us = np.zeros(n, np.bool_), np.zeros(n, np.int8), np.full(n, np.nan)
    is_crossing = above & ~(before.last_probability > rules.threshold)  # NaN is not above either
    is_crossing |= pending > NONE
    rows = np.flatnonzero(is_crossing)
    if len(rows):  # few: all that follows is about them alone
        columns = (before.last_probability, armed, opened_us, pending, retry_us, first_seen_us, at_us)
        crossing = _Crossing(*(column[rows] for column in columns))
        opens, why, crossed, waits = _decide(rules, crossing, holds[rows])
        opened[rows], withheld[rows], pending[rows] = opens, why, waits
        crossed_at_us[rows] = np.where(opens | (why > 0), crossed, np.nan)
        armed[rows[opens]], opened_us[rows[opens]] = 0.0, crossing.at_us[opens]
        retry_us[rows[opens | (waits == NONE)]] = NONE
    columns_after = CaseColumns(p, armed, opened_us, pending, retry_us)
    return OpeningDecision(columns_after, opened, withheld, crossed_at_us)


class _Crossing(NamedTuple):
    """Customers above the threshold who cross now or have something pending."""

    last_probability: Array
    armed: Array
    case_opened_us: Array
    pending_crossed_us: Array
    retry_us: Array
    first_seen_us: Array
    at_us: Array


def _decide(rules: CaseRules, customers: _Crossing, hold: Holds) -> tuple[Flags, Holds, Array, Array]:
    """Returns which cases open, why not, when each crossed, and what is pending from now on."""
    crosses = ~(customers.last_probability > rules.threshold)
    tenured = customers.at_us - customers.first_seen_us >= rules.least_tenure_us
    first = np.isnan(customers.last_probability) | (~crosses & (customers.pending_crossed_us == UNTIL_TENURE))
    waiting = ~crosses & ~first
    crossed = _crossed_us(rules, customers, first)
    missed = customers.at_us - crossed > rules.last_window_us
    due = waiting & ~missed & (customers.at_us >= customers.retry_us)
    why = np.where(waiting & missed, np.int8(Withheld.MISSED), np.int8(Withheld.NOTHING))
    fresh = crosses | (first & tenured)
    why[fresh] = _why_not(rules, customers, first & ~tenured, missed, hold)[fresh]
    opens = (fresh & (why == Withheld.NOTHING)) | (due & (hold == Withheld.NOTHING))
    held = fresh & (hold != Withheld.NOTHING) & (why == hold)
    waits = np.where(held | (waiting & ~missed & ~opens), crossed, NONE)
    waits[first & ~tenured] = UNTIL_TENURE
    return opens, why, crossed, waits


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
