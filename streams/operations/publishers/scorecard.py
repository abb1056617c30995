"""What a producer has sent in a period, and how good it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import xxhash

from schemas.instants import SECOND_US, format_instant

# of each kind the fields that features use: a publisher that leaves them out is not refused, and helps less
WANTED = {
    "service_visit": ("amount", "items", "wait_minutes", "store_id", "service_type"),
    "app_activity": ("duration_seconds",),
    "survey": ("causes",),
}
MOST_IDS = 5_000_000  # event ids that are remembered, to tell duplicates
MOST_PRODUCERS, MOST_NAMES, MOST_LETTERS = 10_000, 100, 128  # names come from outside: the rest are one
NO_PRODUCER, OTHERS = "(none)", "(others)"


@dataclass
class Scorecard:
    """Of one producer. Instants in us. refused: (rule, field) -> records; fixes: the sentence of the newest of each.

    late: events behind the producer's own last heartbeat in that partition; ahead: events later than the record that
    carried them; missing: field -> events of its kind without it; longest_us: the longest pause between two records.
    """

    name: str
    events: Counter[str] = field(default_factory=Counter)  # by kind
    versions: Counter[str] = field(default_factory=Counter)
    heartbeats: int = 0
    duplicates: int = 0
    late: int = 0
    ahead: int = 0
    skew_us: int = 0  # sum of record time less event time, of the events
    most_ahead_us: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    fixes: dict[tuple[str, str], str] = field(default_factory=dict)
    first_us: int | None = None
    last_us: int | None = None
    longest_us: int = 0
    _beats: dict[tuple[str, int], int] = field(default_factory=dict)  # by topic and partition

    @property
    def sent(self) -> int:
        """Events, refused ones included."""
        return self.events.total()

    def heard(self, at_us: int) -> None:
        """A record of it was written at `at_us`."""
        if self.last_us is not None:
            self.longest_us = max(self.longest_us, at_us - self.last_us)
        self.first_us = at_us if self.first_us is None else min(self.first_us, at_us)
        self.last_us = at_us if self.last_us is None else max(self.last_us, at_us)

    def beat(self, place: tuple[str, int], event_us: int) -> None:
        """A heartbeat of it."""
        self.heartbeats += 1
        self._beats[place] = max(self._beats.get(place, 0), event_us)

    def event(self, body: dict[str, Any], place: tuple[str, int], event_us: int | None, at_us: int) -> None:
        """An event of it, taken or refused. event_us: None where it cannot be read."""
        kind = _capped(self.events, str(body.get("kind")))
        self.events[kind] += 1
        self.versions[_capped(self.versions, str(body.get("schema_version", 1)))] += 1
        self.missing.update(f"{kind}.{name}" for name in WANTED.get(kind, ()) if body.get(name) is None)
        if event_us is not None:
            self.skew_us += at_us - event_us
            self.ahead += event_us > at_us
            self.most_ahead_us = max(self.most_ahead_us, event_us - at_us)
            self.late += event_us < self._beats.get(place, 0)

    def refuse(self, rule: str, field: str, sentence: str) -> None:
        """A record of it was refused."""
        cause = (rule, field) if (rule, field) in self.fixes or len(self.fixes) < MOST_NAMES else (rule, OTHERS)
        self.refused[cause] += 1
        self.fixes[cause] = sentence

    def silent_us(self, now_us: int) -> int:
        """For how long it has been silent beyond its own longest pause; 0: it has not."""
        if self.last_us is None or self.first_us == self.last_us:
            return 0
        return max(now_us - self.last_us - self.longest_us, 0)

    def as_json(self, now_us: int) -> dict[str, Any]:
        """Returns what `--json` shows."""
        return {
            "producer": self.name,
            "events": dict(sorted(self.events.items())),
            "refused": [
                {"rule": rule, "field": name, "records": n, "fix": self.fixes[rule, name]}
                for (rule, name), n in self.refused.most_common()
            ],
            "refused_share": self.refused.total() / max(self.sent, 1),
            "late": self.late,
            "duplicates": self.duplicates,
            "mean_delay_seconds": round(self.skew_us / SECOND_US / max(self.sent, 1), 3),
            "ahead": self.ahead,
            "most_ahead_seconds": round(self.most_ahead_us / SECOND_US, 3),
            "missing": {name: n / self.events[name.split(".")[0]] for name, n in sorted(self.missing.items())},
            "heartbeats": self.heartbeats,
            "schema_versions": dict(sorted(self.versions.items())),
            "last_at": None if self.last_us is None else format_instant(self.last_us),
            "longest_pause_seconds": self.longest_us // SECOND_US,
            "silent_beyond_it_seconds": self.silent_us(now_us) // SECOND_US,
        }


def _capped(known: Counter[str], name: str) -> str:
    """The name to count under."""
    name = name[:MOST_LETTERS]
    return name if name in known or name in WANTED or len(known) < MOST_NAMES else OTHERS


class Scorecards:
    """All producers of a period."""

    def __init__(self) -> None:
        self.all: dict[str, Scorecard] = {}
        self._ids: set[int] = set()

    def of(self, producer: object) -> Scorecard:
        """The scorecard of a producer."""
        name = producer[:MOST_LETTERS] if isinstance(producer, str) and producer else NO_PRODUCER
        if name not in self.all and len(self.all) >= MOST_PRODUCERS:
            name = OTHERS
        return self.all.setdefault(name, Scorecard(name))

    def add_event(self, body: dict[str, Any], place: tuple[str, int], event_us: int | None, at_us: int) -> None:
        """Adds an event that a producer has sent."""
        one = self.of(body.get("producer"))
        one.heard(at_us)
        one.event(body, place, event_us, at_us)
        known = xxhash.xxh3_64_intdigest(
            f"{body.get('kind')} {body.get('customer_id')} {body.get('event_id')}".encode()
        )
        if known in self._ids:
            one.duplicates += 1
        elif len(self._ids) < MOST_IDS:
            self._ids.add(known)
