"""How files are read where they are not RFC 3339, UTF-8 and comma-separated: the options of the commands."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from schemas.errors import UsageError
from schemas.events import KINDS
from schemas.time_zones import NAMES as ZONES

TABULATORS = {"tab", "\\t"}
EPOCH_UNITS_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
DECIMAL_MARKS = (".", ",")


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """`kind`: of files whose name names none. `time_zone`: of times without an offset. `epoch`: the unit of times that
    are counts since 1970. `derives_ids`: whether rows without an event_id get one while they are read. `currency`:
    amounts in another one count as unknown."""

    kind: str | None = None
    encoding: str | None = None
    delimiter: str = ","
    decimal: str = "."
    time_zone: str | None = None
    epoch: str | None = None
    derives_ids: bool = True
    currency: str | None = None


def check_kind(name: str) -> str:
    """Returns the kind of an option; raises UsageError."""
    kind = name.replace("-", "_")
    if kind not in KINDS:
        raise UsageError(f"--kind {name!r}: expected one of {', '.join(KINDS)}")
    return kind


def check_encoding(name: str) -> str:
    """Returns the name of an encoding that Python knows; raises UsageError."""
    try:
        "".encode(name)  # raises LookupError for codecs that are no encoding of text
        codecs.getincrementaldecoder(name)
    except (LookupError, UnicodeError, ValueError):
        raise UsageError(
            f"--encoding {name!r}: no such encoding; expected a name such as gbk, cp1252, utf-16"
        ) from None
    return name


def check_delimiter(text: str) -> str:
    """Returns the character that separates cells; raises UsageError."""
    found = "\t" if text in TABULATORS else text
    if len(found) != 1 or found in '"\r\n\0' or found.isalnum():
        raise UsageError(f"--delimiter {text!r}: expected one character, such as ';', '|' or tab")
    return found


def check_time_zone(name: str) -> str:
    """Returns a name of the IANA database; raises UsageError."""
    if name not in ZONES:
        raise UsageError(f"--time-zone {name!r}: no such zone; expected a name such as Europe/Madrid or UTC")
    return name
