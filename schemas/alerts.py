"""What on-call has to know: an alert is about a subject, of a kind, and its figures may change while it lasts.

A unit's alert is the same one as before when kind and subject are: its sentence may say other figures, and it is logged
once when it begins and once when it is resolved. What to do about each kind: docs/alerts.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MOST_OF_A_KIND = 10  # of a unit: forty producers that break at once are one trouble
MOST_TEXT = 800  # characters of a sentence
REST = "(others)"


class AlertKind(StrEnum):
    """What is wrong. Metrics have it as a label, so the names stay."""

    CHANGELOG_LOST = "changelog_lost"
    CLOCK_APART = "clock_apart"
    CLOCK_UNKNOWN = "clock_unknown"
    COMMAND_REFUSED = "command_refused"
    CUSTOMERS_CHANGED = "customers_changed"
    FIELD_MISSING = "field_missing"
    HISTORY = "history"
    LOSS_RISEN = "loss_risen"
    MODEL_HELD = "model_held"
    NO_LEADER = "no_leader"
    OPEN_TRANSACTION = "open_transaction"
    PRODUCER_SILENT = "producer_silent"
    RECORDS_REFUSED = "records_refused"
    RESPONSE_SLOW = "response_slow"
    ROWS_LOST = "rows_lost"
    SCORES_MOVED = "scores_moved"
    STATE_AHEAD = "state_ahead"
    STOP_LOSS = "stop_loss"
    STRATEGY_TIRED = "strategy_tired"
    STRAY_RECORDS = "stray_records"
    TOPIC_MADE_AGAIN = "topic_made_again"
    WRONG_PARTITION = "wrong_partition"


Identity = tuple[AlertKind, str]
Figures = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong with a unit. subject: what it is about, such as a producer; text: a sentence for people,
    with the figures of now.
    """

    kind: AlertKind
    subject: str
    text: str
    figures: Figures = field(default_factory=dict, hash=False)

    @property
    def identity(self) -> Identity:
        """What makes it the same alert while its figures change, within its unit."""
        return self.kind, self.subject

    def as_json(self) -> dict[str, Any]:
        """Returns what `of` takes."""
        return {"kind": self.kind.value, "subject": self.subject, "text": self.text, "figures": dict(self.figures)}

    @staticmethod
    def of(body: Mapping[str, Any]) -> Alert:
        """Restores what `as_json` returned."""
        return Alert(AlertKind(body["kind"]), body["subject"], body["text"], body["figures"])


def bounded(alerts: Iterable[Alert]) -> list[Alert]:
    """Returns at most MOST_OF_A_KIND alerts of each kind, in order; what is left of a kind is one more, with its
    number. A long sentence is cut.
    """
    found: list[Alert] = []
    count: Counter[AlertKind] = Counter()
    for one in alerts:
        count[one.kind] += 1
        if count[one.kind] <= MOST_OF_A_KIND:
            found.append(one if len(one.text) <= MOST_TEXT else _cut(one))
    for kind, n in count.items():
        if more := max(n - MOST_OF_A_KIND, 0):
            found.append(Alert(kind, REST, f"{more} more alerts of the kind {kind.value}", {"alerts": more}))
    return found


def _cut(one: Alert) -> Alert:
    return Alert(one.kind, one.subject, one.text[: MOST_TEXT - 3] + "...", one.figures)
