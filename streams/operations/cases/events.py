"""A customer's events, and the sentence for each. To show another kind, add an entry to SENTENCES."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.envelopes import json_of, unwrapped
from schemas.events import KINDS, AppActivity, Event, ServiceVisit, Survey
from schemas.instants import parse_instant
from streams.operations.cases.words import ACTIVITIES, CAUSES, SURVEYS, Language


def in_order(values: Iterable[bytes]) -> list[Event]:
    """Returns events by event time, each once, without those that the schema refuses (they are dead letters)."""
    events: dict[str, Event] = {}
    for value in values:
        with suppress(ValidationError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            body = unwrapped(orjson.loads(json_of(value)))
            event = KINDS[body["kind"]].model_validate(body)
            if isinstance(event, Event):
                events[event.event_id] = event
    return sorted(events.values(), key=lambda event: (parse_instant(event.event_time), event.event_id))


def sentence(event: Event, said: Language) -> str:
    """Returns one line that describes the event."""
    return SENTENCES[type(event)](event, said)


def _visit(event: Any, said: Language) -> str:
    paid = f"{event.amount:,.2f} {event.currency or ''}".strip() if event.amount is not None else None
    waited = said.label("waited", minutes=event.wait_minutes) if event.wait_minutes else None
    at = said.label("at", store=event.store_id) if event.store_id else None
    return _joined(said, "visit", event.service_type, at, paid, waited)


def _activity(event: Any, said: Language) -> str:
    times = said.label("times", n=event.count) if event.count and event.count > 1 else None
    lasting = said.label("seconds", n=event.duration_seconds) if event.duration_seconds else None
    return _joined(said, "app", said.of(ACTIVITIES, event.activity_type), times, lasting)


def _survey(event: Any, said: Language) -> str:
    causes = said.label("list").join(said.of(CAUSES, cause) for cause in event.causes or ())
    because = said.label("because", causes=causes) if causes else None
    score = said.label("score", survey=said.of(SURVEYS, event.survey_type), score=event.score)
    return _joined(said, "survey", score, because)


def _joined(said: Language, kind: str, *parts: str | None) -> str:
    text = said.label("comma").join(part for part in parts if part)
    return said.label("update", status=said.label(kind), what=text) if text else said.label(kind)


SENTENCES: dict[type[Event], Callable[[Any, Language], str]] = {
    ServiceVisit: _visit,
    AppActivity: _activity,
    Survey: _survey,
}
