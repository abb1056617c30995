"""One of both languages: words with their values, codes, days, hours and spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from schemas.instants import DAY_US, EPOCH, HOUR_US, SECOND_US
from streams.console.words import WORDS
from streams.operations.cases import words as codes
from streams.operations.cases.words import LANGUAGES, Language

MINUTE_US = 60 * SECOND_US
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TABLES = {
    "state": codes.STATES, "status": codes.STATUSES, "rule": codes.RULES, "why": codes.WHYS, "channel": codes.CHANNELS,
    "cause": codes.CAUSES, "lifecycle": codes.LIFECYCLES, "segment": codes.SEGMENTS, "point": codes.POINTS,
    "task": codes.TASKS,
}  # fmt: skip


@dataclass(frozen=True)
class Words:
    """The words of one language, with the Chinese of a profile's texts. zone: of the days and hours on pages."""

    lang: str
    texts_zh: Mapping[str, str]
    zone: ZoneInfo

    def __call__(self, key: str, **values: object) -> str:
        """Returns a text with its values filled in."""
        return WORDS[key][LANGUAGES.index(self.lang)].format(**values)

    @cached_property
    def said(self) -> Language:
        """The words of the work list on a terminal, in the same language."""
        return Language(self.lang, self.texts_zh)

    def code(self, table: str, code: str) -> str:
        """Returns the words for a code of a message."""
        return self.said.of(TABLES[table], code)

    def own(self, text: str | None) -> str:
        """Returns a text or a name of the profile."""
        return self.said.own(text) if text else ""

    def strategy(self, name: str) -> str:
        """Returns the name of a strategy; `default` is that of the profile's tiers."""
        return self("default") if name == "default" else self.own(name)

    def field(self, body: Mapping[str, object], name: str) -> str:
        """Returns a text that a message has in both languages."""
        return self.said.field(body, name)

    def local(self, us: int) -> datetime:
        """Returns an instant in the zone of the pages."""
        return datetime.fromtimestamp((us - us % SECOND_US) / SECOND_US, self.zone)

    def day(self, us: int) -> str:
        """Returns the day of an instant."""
        at = self.local(us)
        return (
            f"{at.year}年{at.month}月{at.day}日" if self.lang == "zh" else f"{at.day} {MONTHS[at.month - 1]} {at.year}"
        )

    def moment(self, us: int) -> str:
        """Returns day and time of an instant."""
        return f"{self.day(us)} {self.local(us):%H:%M}"

    def span(self, us: int) -> str:
        """Returns a duration: the largest unit, and hours beside a few days."""
        if us >= 4 * DAY_US:
            return self("days", n=us // DAY_US)
        if us >= DAY_US:
            days, hours = us // DAY_US, us % DAY_US // HOUR_US
            return self("days_hours", n=days, h=hours) if hours else self("days", n=days)
        return self("hours", n=us // HOUR_US) if us >= HOUR_US else self("minutes", n=us // MINUTE_US)

    def tomorrow_us(self, now_us: int) -> int:
        """Returns the instant at which the day after `now_us` begins in the zone of the pages."""
        return _tomorrow_us(now_us, self.zone)


@lru_cache(16)
def _tomorrow_us(now_us: int, zone: ZoneInfo) -> int:
    today = datetime.fromtimestamp(now_us / SECOND_US, zone).date()
    midnight = datetime.fromordinal(today.toordinal() + 1).replace(tzinfo=zone)
    return int((midnight - EPOCH).total_seconds()) * SECOND_US
