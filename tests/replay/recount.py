"""Recounts the facts of reasons from the raw events, in plain pandas: nothing of the product takes part."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

Fact = dict[str, Any]
NUMBER = re.compile(r"\d+(?:\.\d+)?")
MONTHS = calendar.month_name[1:]
DATE = re.compile(rf"(\d+) ({'|'.join(MONTHS)}) (\d{{4}})")
DATE_ZH = re.compile(r"(\d{4})年(\d+)月(\d+)日")


class RawLog:
    """All events of a log by customer: a column each for kind, event_time and whatever other fields they have."""

    def __init__(self, events: Iterable[pd.DataFrame]) -> None:
        table = pd.concat(list(events), ignore_index=True)
        table["event_time"] = pd.to_datetime(table["event_time"], utc=True, format="ISO8601")
        self._of = dict(iter(table.groupby("customer_id")))

    def differences(self, customer: str, reason: dict[str, Any]) -> Iterator[str]:
        """What a reason says that counting does not give."""
        for fact in reason["facts"]:
            counted = recount(self._of[customer], fact)
            if not _equal(counted, fact["value"]):
                yield f"{customer}: counted {counted}, said {fact}"
        for sentence in (reason["sentence"], reason["sentence_zh"]):
            known = set(_printed(reason["facts"]))
            dates = {f"{y}-{MONTHS.index(m) + 1:02}-{int(d):02}" for d, m, y in DATE.findall(sentence)}
            dates |= {f"{y}-{int(m):02}-{int(d):02}" for y, m, d in DATE_ZH.findall(sentence)}
            rest = DATE_ZH.sub("", DATE.sub("", sentence))
            if more := (dates | set(NUMBER.findall(rest))) - known:
                yield f"{customer}: {sorted(more)} in {sentence!r} stand in none of its facts"


def recount(events: pd.DataFrame, fact: Fact) -> float | str:
    """The value of a fact by its definition in docs/facts.md."""
    kind, until = events[events["kind"] == fact["kind"]], pd.Timestamp(fact["until"])
    here = kind[kind["event_time"] <= until]
    if fact["from"] is not None:
        here = here[here["event_time"] > pd.Timestamp(fact["from"])]
    for field, value in fact.get("where", {}).items():
        here = here[[value in one if isinstance(one, list) else one == value for one in here[field]]]
    times, measure = here["event_time"], fact["measure"]
    days = sorted(set(times.dt.tz_convert(fact.get("zone", "UTC")).dt.date))
    if measure in ("sum", "mean", "max"):
        values = here[fact["field"]] if fact["field"] in here else pd.Series(1.0, here.index)
        if (fact["kind"], fact["field"]) == ("app_activity", "count"):
            values = values.fillna(1.0)
        return float(values.dropna().agg(measure)) if len(values.dropna()) else 0.0
    if measure == "latest":
        with_value = here[here[fact["field"]].notna()]
        newest = with_value[with_value["event_time"] == with_value["event_time"].max()]
        assert str(pd.Timestamp(fact["at"])) == str(newest["event_time"].iloc[0])
        return float(newest[fact["field"]].max())
    if measure in ("usual_gap_days", "longest_gap_days"):
        newest = days[-fact["last"] - 1 :]
        assert len(newest) == fact["last"] + 1
        gaps = pd.Series(newest).diff().dropna().map(lambda gap: gap.days)
        return float(gaps.median() if measure == "usual_gap_days" else gaps.max())
    return {
        "count": lambda: float(len(here)),
        "last_at": lambda: str(times.max()),
        "days_since": lambda: float((until - times.max()) // pd.Timedelta(days=1)),
        "active_days": lambda: float(len(days)),
    }[measure]()


def _equal(counted: float | str, said: float | str) -> bool:
    if isinstance(counted, str):
        return pd.Timestamp(counted) == pd.Timestamp(str(said))
    return abs(counted - float(said)) <= 1e-9 * max(abs(counted), 1.0)


def _printed(facts: Iterable[Fact]) -> Iterator[str]:
    """The numbers and days that a sentence about these facts may contain."""
    for fact in facts:
        yield from (str(fact[name]) for name in ("day", "from_day") if name in fact)
        if not isinstance(fact["value"], str):
            value = float(fact["value"])
            digits = (0,) if round(value, 2) == round(value) else (1, 2)
            yield from (f"{value:.{n}f}" for n in digits)
