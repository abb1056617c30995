"""Who may be called now: what the customer profiles say, as the workers read them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import orjson
from pydantic import ValidationError

from schemas.envelopes import json_of, unwrapped
from schemas.events import CustomerProfile, Event
from schemas.instants import parse_instant
from streams.cases.erasures import is_erasure
from streams.interventions.customer_attributes import WITHOUT_PROFILE, CustomerAttributes
from streams.profile.profile import Profile

CHANNEL = "phone"  # of an interview
OWN = CustomerProfile.model_fields.keys() - Event.model_fields.keys() - {"kind"}


class Consents:
    """Customers' attributes, folded from records of the topic of customer profiles."""

    def __init__(self, profile: Profile) -> None:
        self._unknown = profile.gate.consent_when_unknown
        self._of: dict[str, tuple[CustomerAttributes, int]] = {}

    def read(self, records: Iterable[tuple[str, int, bytes | None]]) -> Consents:
        """Adds records: key, timestamp (us) and value, in their order. What is no profile is left out."""
        for customer, sent_us, value in records:
            if value is None:  # a deletion is an erasure
                self._add(customer, sent_us, None)
                continue
            with suppress(ValidationError, orjson.JSONDecodeError, TypeError, AttributeError):
                found = CustomerProfile.model_validate(unwrapped(orjson.loads(json_of(value))))
                fields = found.model_dump(include=OWN, exclude_none=True)
                self._add(customer, parse_instant(found.event_time), None if is_erasure(fields) else fields)
        return self

    def may_be_called(self, customer: str) -> bool:
        """Whether the customer may be called."""
        attributes, _ = self._of.get(customer, (WITHOUT_PROFILE, 0))
        said = attributes.consents_to(CHANNEL)
        return self._unknown if said is None else said

    def _add(self, customer: str, at_us: int, fields: dict[str, object] | None) -> None:
        said = CustomerAttributes(erased_us=at_us) if fields is None else CustomerAttributes.of(fields)
        before, before_us = self._of.get(customer, (WITHOUT_PROFILE, -(1 << 62)))
        attributes, in_force_us = before.joined(before_us, said, at_us)
        self._of[customer] = attributes, int(in_force_us)
