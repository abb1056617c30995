"""Time zones are those of the locked database, whatever the host has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.time_zones import NAMES, zone


def test_every_name_has_a_zone() -> None:
    assert {zone(name).key for name in NAMES} == NAMES


def test_a_zone_knows_its_hours() -> None:
    assert datetime(2024, 7, 1, tzinfo=UTC).astimezone(zone("Europe/Madrid")).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("name", ["Nowhere", "../zones", "Factory", ""])
def test_another_name_has_none(name: str) -> None:
    with pytest.raises(KeyError):
        zone(name)
