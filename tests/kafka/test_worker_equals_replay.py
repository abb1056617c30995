"""The worker on Apache Kafka writes the replay's decisions, byte for byte, whatever the partitions and crashes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.kafka.group import EVENT_TIME, WORKER_LIMIT_S, Group, new_group
from tests.replay.runs import Run, city, replay, write_jsonl

DECISIONS = ("interventions", "interventions-withheld")
DETAILS = (
    {"kind": "customer_profile", "time_zone": "Asia/Shanghai", "consent": {"sms": True}},
    {"kind": "intervention_outcome", "intervention_id": "i1", "status": "contacted"},
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small city with a malformed row, a duplicate, and outcomes and profiles, one of them malformed."""
    events = city(tmp_path_factory.mktemp("city"), 120, 150)
    details = [
        detail | {key: event[key] for key in ("customer_id", "event_time")}
        for event in events[::90]
        for detail in DETAILS
    ]
    lines = [*events[:300], "{", events[299], *events[300:]]
    lines += [*details, details[0] | {"event_time": events[0]["event_time"], "time_zone": "Nowhere"}]
    lines.sort(key=lambda line: "" if isinstance(line, str) else line["event_time"])
    return write_jsonl(tmp_path_factory.mktemp("log") / "events.jsonl", lines)


@pytest.fixture(scope="module")
def wanted(log: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    base: Run = replay(tmp_path_factory.mktemp("base") / "out", [log], scores=False)
    return {name: sorted((base.folder / f"{name}.jsonl").read_bytes().splitlines()) for name in DECISIONS}


async def decisions(group: Group) -> dict[str, list[bytes]]:
    return {name: await group.values(name) for name in DECISIONS}


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_run_without_faults_decides_as_the_replay(
    brokers: str, log: Path, wanted: dict[str, list[bytes]], tmp_path: Path, partitions: int
) -> None:
    assert min(map(len, wanted.values())) > 5
    group = new_group(brokers, partitions, tmp_path)
    group.publish(log)
    group.finish()
    assert await decisions(group) == wanted


async def test_a_worker_killed_in_the_middle_loses_and_repeats_nothing(
    brokers: str, log: Path, wanted: dict[str, list[bytes]], tmp_path: Path
) -> None:
    group = new_group(brokers, 3, tmp_path)
    group.publish(log)
    with group.worker(*EVENT_TIME) as process:
        until = time.monotonic() + WORKER_LIMIT_S
        while not await group.values(DECISIONS[1]):
            assert time.monotonic() < until
            assert process.poll() is None, group.city.log[-3000:]
        process.kill()
    assert 0 < len(await group.values(DECISIONS[1])) < len(wanted[DECISIONS[1]])
    group.finish()
    assert await decisions(group) == wanted
