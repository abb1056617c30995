"""Time zones come from the locked database, not from the host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.time_zones import NAMES, zone


def test_every_name_has_a_zone() -> None:
    assert {zone(name).key for name in NAMES} == NAMES


def test_a_zone_has_its_summer_offset() -> None:
    assert datetime(2024, 7, 1, tzinfo=UTC).astimezone(zone("Europe/Madrid")).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("name", ["Nowhere", "../zones", "Factory", ""])
def test_an_unknown_name_raises_key_error(name: str) -> None:
    with pytest.raises(KeyError):
        zone(name)
