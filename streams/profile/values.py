"""Types of the values in a profile. Errors name what was expected; `loading` adds the key."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from schemas import time_zones
from schemas.columns import CUSTOMER_ACTION_KINDS
from schemas.errors import UsageError
from schemas.instants import parse_duration, parse_instant


def _refuse(reason: str) -> PydanticCustomError:
    return PydanticCustomError("profile", "{reason}", {"reason": reason})


def _duration(value: Any) -> int:
    try:
        return parse_duration(str(value))
    except UsageError as error:
        raise _refuse(str(error)) from None


def _day(value: Any) -> int:
    try:
        return parse_instant(f"{value}T00:00:00Z")
    except ValueError:
        raise _refuse("expected a day, as in 2024-07-01") from None


def _like(pattern: str, meaning: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise _refuse(f"expected {meaning}")
        return text

    return AfterValidator(check)


def _retention_events(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Returns each kind once, in the order of CUSTOMER_ACTION_KINDS: the file's order does not change the version."""
    wrong = [kind for kind in kinds if kind not in CUSTOMER_ACTION_KINDS]
    if wrong or not kinds:
        came = ", ".join(wrong) or "nothing"
        raise _refuse(
            f"expected one or more of {', '.join(CUSTOMER_ACTION_KINDS)}, events that customers cause themselves; "
            f"came {came}"
        )
    return tuple(kind for kind in CUSTOMER_ACTION_KINDS if kind in kinds)


def _time_zone(name: str) -> str:
    if name not in time_zones.NAMES:
        raise _refuse("expected a time zone of the IANA database, as in Asia/Shanghai")
    return name


def _minutes(text: Any) -> int:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", str(text), re.ASCII)
    if not match:
        raise _refuse("expected a time of day, as in 21:00")
    return int(match[1]) * 60 + int(match[2])


AUTOMATED = "automated"  # who acts in a touch: nobody
AUTOMATED_CHANNELS = ("app", "sms", "wechat", "mail")  # those that need no person


def _automated(channels: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [channel for channel in channels if channel not in AUTOMATED_CHANNELS]
    if wrong:
        raise _refuse(f"{', '.join(wrong)}: no person sends a touch: expected {', '.join(AUTOMATED_CHANNELS)}")
    return channels


Duration = Annotated[int, BeforeValidator(_duration)]
Period = Annotated[int, BeforeValidator(_duration), Field(gt=0)]
Day = Annotated[int, BeforeValidator(_day)]  # its first instant in UTC, in us
Share = Annotated[float, Field(ge=0, le=1)]
Inside = Annotated[float, Field(gt=0, lt=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, _like("[a-z0-9][a-z0-9-]{0,39}", "1 to 40 of a-z, 0-9 and -")]
Currency = Annotated[str, _like("[A-Z]{3}", "three capital letters, as in CNY")]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], Field(strict=False)]
Channels = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
AutomatedChannels = Annotated[Channels, AfterValidator(_automated)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
TimeOfDay = Annotated[int, BeforeValidator(_minutes)]  # minutes since midnight
RetentionEvents = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_retention_events)]
