"""Who may be called for an interview: as the newest customer profiles say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.instants import DAY_US, format_instant
from streams.profile.loading import load_profile
from streams.savings.consents import Consents

PROFILE = load_profile("after-sales")
YES, NO = {"consent": {"phone": True}}, {"consent": {"phone": False}}
ERASED = {"erased": "asked for it"}


def said(day: int, fields: dict[str, Any], customer: str = "c-1") -> tuple[str, int, bytes]:
    body = {"kind": "customer_profile", "event_id": f"e{day}", "customer_id": customer, "producer": "crm"}
    return customer, day * DAY_US, json.dumps(body | {"event_time": format_instant(day * DAY_US)} | fields).encode()


@pytest.mark.parametrize(
    ("records", "may"),
    [
        ([], False),  # unknown consent is no consent
        ([said(1, YES)], True),
        ([said(1, YES), said(2, NO)], False),
        ([said(2, NO), said(1, YES)], False),  # whatever the order in which they come
        ([said(1, NO), said(2, {"scope": "north"})], False),  # a closed channel stays closed
        ([said(1, YES), said(2, ERASED)], False),
        ([said(1, YES), said(2, {})], False),
        ([said(1, YES), ("c-1", 2 * DAY_US, None)], False),  # a deletion
        ([said(1, ERASED), said(2, YES)], True),
        ([said(1, YES), ("c-1", 2 * DAY_US, b"{"), ("c-1", 2 * DAY_US, b"[]")], True),  # no profiles
        ([said(1, YES), said(2, NO, "c-2")], True),
    ],
)
def test_consent_is_what_the_workers_read(records: list[tuple[str, int, bytes | None]], may: bool) -> None:
    assert Consents(PROFILE).read(records).may_be_called("c-1") is may


def test_where_unknown_consent_counts_as_one_whoever_has_not_refused_may_be_called() -> None:
    profile = load_profile("after-sales", ["gate.consent_when_unknown=true"])
    consents = Consents(profile).read([said(1, NO), said(1, ERASED, "c-2")])
    assert [consents.may_be_called(f"c-{i}") for i in (1, 2, 3)] == [False, False, True]
