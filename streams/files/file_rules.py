"""Rules for rows of files beyond those of the contract: ids that stand for no customer or have lost digits, and times
far from all others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from schemas.columns import Events
from schemas.decode import Decoded
from schemas.instants import format_instant
from schemas.refusals import Refused, excerpt

NO_CUSTOMER = frozenset(
    {
        "NULL", "null", "Null", "(null)", "<null>", "nil", "None", "none", "NONE", "nan", "NaN", "NAN", "-nan", "NA",
        "<NA>", "N/A", "n/a", "#N/A", "#NULL!", "NaT", "\\N", "undefined",
    }
)  # fmt: skip
ROUNDED = re.compile(r"-?\d+(?:\.\d*)?[eE]\+\d+|-?\d+\.\d*[eE]-?\d+|-?\d+\.0*", re.ASCII)
MARKS_OF_ROUNDED = ("+", ".")
RULES = frozenset({"no_customer", "rounded", "blank", "runaway"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """The event times that are accepted, both ends included. Rows outside run away from all others."""

    earliest_us: int
    latest_us: int

    def sentence(self, time_us: int) -> str:
        """Returns why a time outside is refused."""
        return (
            f"event_time: {format_instant(time_us)} lies far outside of all other rows ({_day(self.earliest_us)} to "
            f"{_day(self.latest_us)}); correct the date, or accept longer gaps with --longest-gap"
        )


def refuse(decoded: Decoded, bounds: Bounds | None) -> Decoded:
    """Returns the rows of a file with those refused that break a rule for files."""
    customers, times_us = decoded.events.customers, decoded.events.rows["time_us"]
    found: dict[int, Refused] = {}
    if not NO_CUSTOMER.isdisjoint(customers):
        found |= _broken(decoded, customers, NO_CUSTOMER.__contains__, "no_customer", "stands for no customer")
    text = "".join(customers)
    if any(mark in text for mark in MARKS_OF_ROUNDED):
        sentence = "is a number that a tool has rounded; export the column as text"
        found |= _broken(decoded, customers, lambda name: ROUNDED.fullmatch(name) is not None, "rounded", sentence)
    if " " in text:
        sentence = "begins or ends with a blank; send the id alone"
        found |= _broken(decoded, customers, lambda name: name != name.strip(), "blank", sentence)
    if bounds is None:
        return _without(decoded, found) if found else decoded
    outside = np.flatnonzero((times_us < bounds.earliest_us) | (times_us > bounds.latest_us))
    for i in outside.tolist():
        index, sentence = int(decoded.index[i]), bounds.sentence(int(times_us[i]))
        found.setdefault(index, Refused(index, "event_time", "runaway", sentence))
    marks = [mark for mark in decoded.marks if not bounds.earliest_us <= mark.time_us <= bounds.latest_us]
    found |= {m.index: Refused(m.index, "event_time", "runaway", bounds.sentence(m.time_us)) for m in marks}
    return _without(decoded, found) if found else decoded


def _broken(
    decoded: Decoded, customers: Iterable[str], is_wrong: Callable[[str], bool], rule: str, sentence: str
) -> dict[int, Refused]:
    wrong = [(int(decoded.index[i]), name) for i, name in enumerate(customers) if is_wrong(name)]
    return {
        index: Refused(index, "customer_id", rule, f"customer_id: {excerpt(name)} {sentence}") for index, name in wrong
    }


def _without(decoded: Decoded, found: dict[int, Refused]) -> Decoded:
    stays: NDArray[np.bool_] = ~np.isin(decoded.index, list(found))
    kept = np.flatnonzero(stays).tolist()
    columns = ([column[i] for i in kept] for column in (decoded.events.customers, decoded.events.producers))
    return replace(
        decoded,
        events=Events(decoded.events.rows[stays], *columns),  # the references to `details` hold
        index=decoded.index[stays],
        marks=[mark for mark in decoded.marks if mark.index not in found],
        refused=sorted([*decoded.refused, *found.values()], key=lambda one: one.index),
    )


def _day(us: int) -> str:
    return format_instant(us)[:10]
