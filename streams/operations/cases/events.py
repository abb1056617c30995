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


def in_order(values: Iterable[bytes]) -> list[Event]:
    """Returns events by event time, each once, without those that the schema refuses (they are dead letters)."""
    events = {}
    for value in values:
        with suppress(ValidationError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            body = unwrapped(orjson.loads(json_of(value)))
            event = KINDS[body["kind"]].model_validate(body)
            events[event.event_id] = event
    return sorted(events.values(), key=lambda event: (parse_instant(event.event_time), event.event_id))


def sentence(event: Event) -> str:
    """Returns one line that describes the event."""
    return SENTENCES[type(event)](event)


def _visit(event: Any) -> str:
    paid = f"{event.amount:,.2f} {event.currency or ''}".strip() if event.amount is not None else None
    waited = f"waited {event.wait_minutes:g} minutes" if event.wait_minutes else None
    at = f"at {event.store_id}" if event.store_id else None
    return _joined("visit", event.service_type, at, paid, waited)


def _activity(event: Any) -> str:
    times = f"{event.count} times" if event.count and event.count > 1 else None
    lasting = f"{event.duration_seconds:g} s" if event.duration_seconds else None
    return _joined("app", event.activity_type.replace("_", " "), times, lasting)


def _survey(event: Any) -> str:
    because = f"because of {', '.join(event.causes)}" if event.causes else None
    return _joined("survey", f"{event.survey_type} {event.score:g}", because)


def _joined(kind: str, *parts: str | None) -> str:
    text = ", ".join(part for part in parts if part)
    return f"{kind}: {text}" if text else kind


SENTENCES: dict[type[Event], Callable[[Any], str]] = {ServiceVisit: _visit, AppActivity: _activity, Survey: _survey}
