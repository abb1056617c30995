"""Time zones by IANA name, from the locked tzdata package.

The host's database is not used: two workers on different hosts must accept the same names and compute the same hours.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

NAMES = frozenset(files("tzdata").joinpath("zones").read_text("ascii").split()) - {"Factory"}  # a placeholder


@cache
def zone(name: str) -> ZoneInfo:
    """Returns the time zone of a name in NAMES; raises KeyError for any other name."""
    if name not in NAMES:
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, name)
