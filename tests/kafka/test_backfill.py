"""`keepline backfill`: live workers start with a model, and nobody hears of the past."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from schemas.instants import DAY_US
from streams.kafka.status import read
from streams.simulation import write_city
from tests.kafka.city import wait_for
from tests.kafka.group import OPTIONS, new_group
from tests.replay.runs import write_jsonl

PARTITIONS, DAYS = 2, 300
SETTINGS = [*OPTIONS, "--set", "gate.quiet_channels="]
TOLD = ("interventions", "interventions-withheld", "intervention-updates", "touches", "tasks")


@pytest.fixture
def history(tmp_path: Path) -> list[str]:
    """A city until last midnight."""
    start_us = time.time_ns() // 1000 // DAY_US * DAY_US - DAYS * DAY_US
    write_city(tmp_path / "city", 150, DAYS, start_us, seed=4)
    return [str(path) for path in sorted((tmp_path / "city").glob("*.jsonl")) if path.stem != "truth"]


async def test_live_workers_start_with_a_model_and_a_backlog_and_nothing_of_the_past_was_sent(
    brokers: str, history: list[str], tmp_path: Path
) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    code, said = group.tried("backfill", *history, *SETTINGS)
    assert code == 0, said
    assert "is ready, from" in said
    assert [body for topic in TOLD for body in await group.values(topic)] == []

    async def some_are_sent() -> bool:
        return bool(await group.values("interventions"))

    async def nobody_is_member() -> bool:
        return (await read(group.city.settings)).members == 0

    with group.worker("--set", "gate.quiet_channels="):
        await wait_for(some_are_sent, 60)
    sent = [json.loads(value) for value in await group.values("interventions")]
    assert {body["opened_by"] for body in sent} == {"backlog"}
    await wait_for(nobody_is_member, 60)  # the killed worker is one until its session ends
    code, said = group.tried("backfill", *history, *SETTINGS)
    assert (code, "live workers have gone on with its state" in said) == (1, True)


async def test_a_backfill_beside_workers_is_refused(brokers: str, history: list[str], tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)

    async def is_member() -> bool:
        return (await read(group.city.settings)).members > 0

    with group.worker():
        await wait_for(is_member, 60)
        code, said = group.tried("backfill", *history, *SETTINGS)
    assert code == 1
    assert "a backfill comes before them" in said
    assert await group.values("service-visits") == []


async def test_a_history_without_an_accepted_event_is_refused(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    log = write_jsonl(tmp_path / "surveys.jsonl", ["{"])
    code, said = group.tried("backfill", str(log), "--allow-refused", "1", *SETTINGS)
    assert code == 1
    assert "no event that is accepted" in said
