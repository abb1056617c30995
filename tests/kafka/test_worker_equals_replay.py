"""The worker on Apache Kafka writes the replay's decisions, byte for byte, whatever the partitions and crashes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.kafka.group import DECISIONS, EVENT_TIME, WORKER_LIMIT_S, decisions, new_group


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
