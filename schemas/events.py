"""Models of the input messages. They alone define which records are accepted, and write the sentences of refusals.

Types are strict ("5" is not 5), but a whole number may be written 2.0. Unknown fields are accepted and ignored. In an
optional field null is the same as absent. Validate with a context of `now_us` and `max_skew_us`, since no model reads
a clock.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic_core import PydanticCustomError

from schemas.instants import format_instant, parse_instant
from schemas.time_zones import NAMES as ZONES

MAX_ID = 128
MAX_TEXT = 256
MAX_AMOUNT = 1e12  # larger amounts: sums lose cents, and much larger ones overflow
MAX_COUNT = 1e9
MAX_NAME = 64  # of a market signal
MAX_LEVEL = 100.0
ALL = "all"  # as scope of a market signal: every customer
MAX_ITEMS = 100  # of a list or an object in a field: what is kept of a record is bounded
MAX_SCORE = {"nps": 10.0, "csat": 100.0}
# for the published schemas: what `str.isprintable` and `parse_instant` refuse, as far as a pattern says it. (?!\n):
# in some languages $ also matches before a line end
PRINTABLE = {
    "pattern": "^[^\\u0000-\\u001f\\u007f-\\u00a0\\u00ad\\u2000-\\u200f\\u2028-\\u202f"
    "\\u205f-\\u206f\\u3000\\ufeff]*$(?!\\n)"
}
RFC3339 = {
    "format": "date-time",
    "pattern": "^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:"
    "[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$(?!\\n)",
}
NPS_SCORES: dict[str, Any] = {
    "if": {"properties": {"survey_type": {"const": "nps"}}},
    "then": {"properties": {"score": {"maximum": MAX_SCORE["nps"]}}},
}


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("printable", "has control or other unprintable characters; send printable text")
    return text


def _moment(text: str) -> str:
    try:
        at_us = parse_instant(text)
    except ValueError as error:
        raise PydanticCustomError("rfc3339", "{reason}", {"reason": str(error)}) from None
    if at_us < 0:
        raise PydanticCustomError("before_1970", "lies before 1970-01-01T00:00:00Z; times before 1970 are not accepted")
    return text


def _instant(text: str, info: ValidationInfo) -> str:
    at_us, context = parse_instant(_moment(text)), info.context or {}
    latest_us = context.get("now_us", at_us) + context.get("max_skew_us", 0)
    if at_us > latest_us:
        text = format_instant(latest_us)
        raise PydanticCustomError(
            "future", "lies in the future: at most {latest} is accepted now; check the clock", {"latest": text}
        )
    return text


def _after_from(text: str, info: ValidationInfo) -> str:
    begins = info.data.get("from")
    if begins is not None and parse_instant(text) <= parse_instant(begins):
        raise PydanticCustomError(
            "order", "is not after from, {begins}; send the end of the signal", {"begins": begins}
        )
    return text


def _without_slash(name: str) -> str:
    if "/" in name:
        raise PydanticCustomError("slash", "has a slash, which separates scope and name in the record's key")
    return name


def _time_zone(name: str) -> str:
    if name not in ZONES:
        raise PydanticCustomError(
            "time_zone", "is not in the IANA time zone database; send a name such as Europe/Madrid or Asia/Shanghai"
        )
    return name


def _few(consent: Any) -> Any:
    """Checked before the channels are: pydantic looks at all of them first."""
    if isinstance(consent, dict) and len(consent) > MAX_ITEMS:
        message = "has {n} channels, at most {most} are accepted"
        raise PydanticCustomError("too_long", message, {"n": len(consent), "most": MAX_ITEMS})
    return consent


def _without_nulls(consent: dict[str, bool | None]) -> dict[str, bool | None]:
    return {channel: given for channel, given in consent.items() if given is not None}


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _positive_zero(value: float) -> float:
    return value + 0.0  # -0.0 would show in outputs


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID, json_schema_extra=PRINTABLE), AfterValidator(_printable)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, json_schema_extra=PRINTABLE), AfterValidator(_printable)]
Instant = Annotated[str, AfterValidator(_instant), Field(json_schema_extra=RFC3339)]
Moment = Annotated[str, AfterValidator(_moment), Field(json_schema_extra=RFC3339)]  # it may lie in the future
Amount = Annotated[float, Field(ge=0, le=MAX_AMOUNT, allow_inf_nan=False), AfterValidator(_positive_zero)]
Measure = Annotated[float, Field(ge=0, le=MAX_COUNT, allow_inf_nan=False), AfterValidator(_positive_zero)]
Whole = Annotated[int, Field(ge=0, le=int(MAX_COUNT)), BeforeValidator(_whole)]
Count = Annotated[int, Field(ge=1, le=int(MAX_COUNT)), BeforeValidator(_whole)]
Cause = Literal["distance", "price", "service", "product", "vehicle_sold", "other"]
Causes = Annotated[list[Cause], Field(max_length=MAX_ITEMS, fail_fast=True)]
Channel = Annotated[
    str, Field(min_length=1, max_length=MAX_ID, json_schema_extra=PRINTABLE), AfterValidator(_printable)
]
TimeZone = Annotated[Text, AfterValidator(_time_zone)]
Consent = Annotated[
    dict[Channel, bool | None],
    Field(max_length=MAX_ITEMS, json_schema_extra={"additionalProperties": False}),  # else other names would be valid
    BeforeValidator(_few),
    AfterValidator(_without_nulls),
]


class Message(BaseModel):
    """Fields of every input message."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    event_time: Instant = Field(description="RFC 3339 with an offset, from 1970 on, at most 5 minutes from now")
    producer: Id = Field(description="name of the system that sent the message")
    schema_version: Annotated[Literal[1] | None, BeforeValidator(_whole)] = 1

    @field_validator("schema_version", mode="before")
    @classmethod
    def _null_is_absent_and_true_is_no_number(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise PydanticCustomError("schema_version", "expected 1, the supported version, came a boolean")
        return 1 if value is None else value


class Event(Message):
    """Fields of every event of a customer. The record's key is customer_id in UTF-8."""

    event_id: Id = Field(description="identifies the event; a duplicate within seven days is ignored")
    customer_id: Id


class ServiceVisit(Event):
    """A visit, a purchase or a service at a store."""

    kind: Literal["service_visit"]
    service_type: Text | None = None
    store_id: Text | None = None
    amount: Amount | None = Field(
        None, description="in `currency`; in another one than the profile's it counts as unknown"
    )
    currency: Text | None = None
    items: Whole | None = None
    wait_minutes: Measure | None = None


class AppActivity(Event):
    """An action of a customer in the app. An unknown activity type counts as activity too."""

    kind: Literal["app_activity"]
    activity_type: Id
    count: Count | None = 1
    duration_seconds: Measure | None = None


class Survey(Event):
    """An answer to a survey: nps 0 to 10, csat 0 to 100."""

    model_config = ConfigDict(json_schema_extra=NPS_SCORES)

    kind: Literal["survey"]
    survey_type: Literal["nps", "csat"]
    score: Annotated[
        float, Field(allow_inf_nan=False, json_schema_extra={"minimum": 0.0, "maximum": max(MAX_SCORE.values())})
    ]
    causes: Causes | None = None

    @field_validator("score")
    @classmethod
    def _in_the_range_of_its_type(cls, score: float, info: ValidationInfo) -> float:
        most = MAX_SCORE.get(info.data.get("survey_type", ""), 100.0)
        if not 0 <= score <= most:
            raise PydanticCustomError("range", "expected 0 to {most}", {"most": f"{most:g}"})
        return _positive_zero(score)


class InterventionOutcome(Event):
    """A status of an intervention that the CRM reports."""

    kind: Literal["intervention_outcome"]
    intervention_id: Id
    status: Literal["acknowledged", "contacted", "responded", "declined", "saved", "lost"]
    agent_id: Text | None = None
    channel: Channel | None = None
    cost: Amount | None = None
    causes: Causes | None = None


class CustomerProfile(Event):
    """Attributes of a customer. The latest profile replaces all earlier ones; a channel that one of them closed stays
    closed until a later one opens it. A profile without fields, or with `erased`, erases the customer.
    """

    kind: Literal["customer_profile"]
    scope: Text | None = None
    time_zone: TimeZone | None = Field(None, description="a name in the IANA time zone database")
    consent: Consent | None = Field(None, description="channel -> whether it may be used; null: unknown")
    preferred_channel: Channel | None = None
    value: Amount | None = Field(None, description="remaining lifetime value")
    agent_id: Text | None = None
    erased: Text | None = Field(
        None, description="why the customer was erased: cases, touches and scores end, and nothing is sent any more"
    )


class _Signal(Message):
    """What presses from outside: a tariff, a strike, a rival's campaign. It is known from its event_time on, and
    replaces the one before with the same key: `name`, or `scope/name` if it has a scope. It goes to every partition.
    """

    kind: Literal["market_signal"]
    event_id: Id | None = None
    scope: Text | None = Field(None, description="of the customer profiles; `all` or absent: every customer")
    name: Annotated[
        str,
        Field(
            min_length=1, max_length=MAX_NAME, json_schema_extra={"pattern": PRINTABLE["pattern"].replace("[^", "[^/")}
        ),
        AfterValidator(_printable),
        AfterValidator(_without_slash),
    ]
    level: Annotated[
        float,
        Field(ge=0, le=MAX_LEVEL, allow_inf_nan=False, description="0: no pressure; the company chooses the unit"),
        AfterValidator(_positive_zero),
    ]


_PERIOD: dict[str, Any] = {  # `from` is a keyword, so no class can have it
    "from": (Moment, Field(description="in force from here on; it may lie in the future")),
    "until": (
        Annotated[Moment, AfterValidator(_after_from)] | None,
        Field(None, description="in force until before this; absent: until another one with the same key replaces it"),
    ),
}
MarketSignal = create_model("MarketSignal", __base__=_Signal, __module__=__name__, __doc__=_Signal.__doc__, **_PERIOD)


def signal_key(scope: str | None, name: str) -> str:
    """Returns the key of a market signal's record: those with the same key replace each other."""
    return name if scope in (None, ALL) else f"{scope}/{name}"


class Heartbeat(Message):
    """This publisher sends no event older than event_time any more. Send it to all partitions."""

    kind: Literal["heartbeat"]
    scope: Text | None = Field(None, description="the producer sends the events of all customers of this scope")
    final: bool = Field(False, description="the producer has stopped for good: its silence no longer holds decisions")


class End(Message):
    """No record follows in this topic. event_time: the last event time of all inputs. Send it to all partitions."""

    kind: Literal["end"]


KINDS: dict[str, type[Message]] = {
    "app_activity": AppActivity,
    "customer_profile": CustomerProfile,
    "intervention_outcome": InterventionOutcome,
    "market_signal": MarketSignal,
    "service_visit": ServiceVisit,
    "survey": Survey,
}
MARKS: dict[str, type[Message]] = {"heartbeat": Heartbeat, "end": End}
TOPIC_OF_KIND = {
    "app_activity": "app-activity",
    "customer_profile": "customer-profiles",
    "intervention_outcome": "intervention-outcomes",
    "market_signal": "market-signals",
    "service_visit": "service-visits",
    "survey": "surveys",
}
