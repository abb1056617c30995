"""The customer profiles of the simulated dealers."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.instants import parse_instant
from streams.simulation import write_city

START_US = parse_instant("2023-01-02T00:00:00Z")
CHANNELS = {"app", "sms", "wechat", "mail", "phone", "visit"}
Profiles = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("city")
    write_city(out, customers=3_000, days=400, start_us=START_US, seed=5)
    return out


@pytest.fixture(scope="module")
def profiles(folder: Path) -> Profiles:
    """Returns the profiles of each customer, oldest first."""
    found: Profiles = defaultdict(list)
    for line in (folder / "customer_profiles.jsonl").read_bytes().splitlines():
        found[orjson.loads(line)["customer_id"]].append(orjson.loads(line))
    return found


def test_every_customer_who_has_joined_has_a_profile(folder: Path, profiles: Profiles) -> None:
    assert set(profiles) == {orjson.loads(line)["customer_id"] for line in (folder / "truth.jsonl").open("rb")}


def test_a_newcomers_profile_is_written_on_joining(folder: Path, profiles: Profiles) -> None:
    truth = [orjson.loads(line) for line in (folder / "truth.jsonl").open("rb")]
    joined = {row["customer_id"]: row["joined_at"] for row in truth if parse_instant(row["joined_at"]) > START_US}
    assert len(joined) > 100
    assert {name: profiles[name][0]["event_time"] for name in joined} == joined


def test_a_minority_refuses_each_channel(profiles: Profiles) -> None:
    for channel in CHANNELS:
        agreed = [told[0]["consent"][channel] for told in profiles.values()]
        assert 0.4 < sum(agreed) / len(agreed) < 0.95


def test_a_withdrawal_leaves_fewer_consents(profiles: Profiles) -> None:
    changed = [told for told in profiles.values() if len(told) > 1]
    assert len(changed) > 30
    assert sum(told[-1]["consent"] != told[0]["consent"] for told in changed) > 0.8 * len(changed)
    for first, last in changed:
        assert last["event_time"] > first["event_time"]
        assert all(first["consent"][channel] for channel in CHANNELS if last["consent"][channel])


def test_the_preferred_channel_is_one_of_those_agreed_to(profiles: Profiles) -> None:
    for told in (profile for all_told in profiles.values() for profile in all_told):
        preferred = told.get("preferred_channel")
        assert told["consent"][preferred] if preferred else not any(told["consent"].values())


def test_an_adviser_belongs_to_one_scope(profiles: Profiles) -> None:
    scopes = defaultdict(set)
    for told in profiles.values():
        scopes[told[0]["agent_id"]].add(told[0]["scope"])
    assert all(len(known) == 1 for known in scopes.values())
    assert {scope for known in scopes.values() for scope in known} == {f"city-{n}" for n in range(1, 6)}


def test_the_average_value_is_the_published_one(profiles: Profiles) -> None:
    values = [told[0]["value"] for told in profiles.values()]
    assert sum(values) / len(values) == pytest.approx(4_000, rel=0.05)
