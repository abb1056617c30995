"""Time zones by the names of the IANA database, as the tzdata package has it: what the host keeps may be older, and
two workers must agree about a name and about an hour."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

NAMES = frozenset(files("tzdata").joinpath("zones").read_text("ascii").split()) - {"Factory"}  # means: not set yet


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of one of NAMES; KeyError for another name."""
    if name not in NAMES:
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, name)
