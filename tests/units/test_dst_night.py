"""Live, in nights in which clocks are set forward or back: silence counts in real time, contacts in local time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from schemas.instants import DAY_US, EPOCH, HOUR_US, parse_instant
from schemas.time_zones import zone as zone_of
from streams.profile.loading import load_profile
from tests.units import shops
from tests.units.shops import Case, Partition, Shop, Town, left, wrong

DAYS, NIGHT = 50, 30  # the night is that before day NIGHT
GATE = load_profile("after-sales", []).gate
NIGHTS = [
    ("Europe/Berlin", "2025-03-30T00:00:00Z"),
    ("Europe/Berlin", "2025-10-26T00:00:00Z"),
    ("America/New_York", "2025-03-09T00:00:00Z"),
    ("America/New_York", "2025-11-02T00:00:00Z"),
    ("Australia/Lord_Howe", "2025-04-05T00:00:00Z"),  # by half an hour
    ("Australia/Lord_Howe", "2025-10-04T00:00:00Z"),
]


def local(zone: str, at_us: int) -> datetime:
    return (EPOCH + timedelta(microseconds=at_us)).astimezone(zone_of(zone))


def rings_in_quiet_hours(zone: str, case: Case) -> bool:
    at = local(zone, parse_instant(str(case.body["decided_at"])))
    minute, action = at.hour * 60 + at.minute, case.body["action"]
    assert isinstance(action, dict)
    return action["channel"] in GATE.quiet_channels and not GATE.quiet_until <= minute < GATE.quiet_from


@pytest.fixture(params=NIGHTS, ids=lambda night: f"{night[0]} {night[1][:10]}")
def night(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """The zone, and midnight UTC of the night; everything begins NIGHT days before it."""
    zone, midnight = request.param
    at_us = parse_instant(midnight)
    monkeypatch.setattr(shops, "START_US", at_us - NIGHT * DAY_US)
    return zone, at_us


def run(zone: str) -> tuple[Town, Partition]:
    town = Town([Shop("east", [f"c{i}" for i in range(60)])], DAYS, leave_share=0.6)
    partition = Partition(f"time.zone={zone}", "time.sweep_every=1h")
    partition.run(town.messages(), shops.START_US, shops.START_US + DAYS * DAY_US)
    return town, partition


def test_a_night_that_is_longer_or_shorter_opens_no_wrong_case_and_rings_nobody_up(night: tuple[str, int]) -> None:
    zone, at_us = night
    offsets = {local(zone, at_us + hour * HOUR_US).utcoffset() for hour in range(-12, 36)}
    assert len(offsets) == 2
    town, partition = run(zone)
    assert not wrong(town, partition.cases)
    assert {case.customer for case in partition.cases} >= left(town, shops.START_US + (DAYS - 1) * DAY_US)
    assert not [case for case in partition.cases if rings_in_quiet_hours(zone, case)]
    retries = [body for body in partition.withheld if body["withheld_reason"] == "quiet_hours"]
    tried_again = [local(zone, parse_instant(str(body["retry_at"]))) for body in retries]
    assert {(at.hour, at.minute) for at in tried_again} == {(8, 0)}
    assert {at.utcoffset() for at in tried_again} == offsets
