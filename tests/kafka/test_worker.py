"""The worker as a process, on Apache Kafka: its output does not depend on faults."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from streams.kafka.fatal import EXIT_FAILED
from tests.kafka.city import LIMIT_S, City, new_city, wait_for


@pytest.fixture
async def city(brokers: str, tmp_path: Path) -> City:
    return await new_city(brokers, tmp_path)


async def test_a_run_without_faults_writes_everything_once(city: City) -> None:
    await city.send(1000, end=True)
    with city.worker() as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected


async def test_a_worker_killed_after_a_checkpoint_resumes_from_it(city: City) -> None:
    await city.send(1000)
    with city.worker(instance="w0") as worker:
        await wait_for(city.has_output)
        await city.send(1000)
        worker.kill()
    await city.send(1000, end=True)
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected


@pytest.mark.parametrize("where", ["taken", "sent"])
async def test_a_worker_killed_inside_a_checkpoint_leaves_nothing_of_it(city: City, tmp_path: Path, where: str) -> None:
    asleep = tmp_path / "asleep"
    await city.send(1000, end=True)
    with city.worker(instance="w0", asleep=str(asleep), where=where) as worker:
        await wait_for(asleep.exists)
        worker.kill()
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected


@pytest.mark.parametrize("where", ["taken", "sent"])
async def test_a_worker_that_wakes_up_inside_a_checkpoint_is_fenced_and_takes_part_again(
    city: City, tmp_path: Path, where: str
) -> None:
    asleep = tmp_path / "asleep"
    await city.send(1000, end=True)
    with city.worker(asleep=str(asleep), where=where) as zombie:
        await wait_for(asleep.exists)
        with city.worker() as heir:  # the group gives it everything when the zombie's session has ended
            assert heir.wait(LIMIT_S) == 0, city.log
        os.kill(zombie.pid, signal.SIGCONT)
        assert zombie.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected


async def test_a_worker_saves_and_leaves_on_a_signal(city: City, tmp_path: Path) -> None:
    applied = tmp_path / "applied"
    await city.send(1000)
    with city.worker(applied=str(applied), checkpoint_every_s=1000) as worker:
        await wait_for(applied.exists)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.has_output()


async def test_a_second_signal_ends_a_worker_that_hangs_at_once(city: City, tmp_path: Path) -> None:
    hanging = tmp_path / "hanging"
    await city.send(10)
    with city.worker(hanging=str(hanging)) as worker:
        await wait_for(hanging.exists)
        worker.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(0.3)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(LIMIT_S) == 128 + signal.SIGTERM, city.log


async def test_an_error_in_a_unit_gives_up_that_unit_and_nothing_is_lost(city: City, tmp_path: Path) -> None:
    await city.send(1000, end=True)
    with city.worker(instance="w0", raised=str(tmp_path / "raised")) as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected
    assert "was given up, the other units go on: ValueError: once" in city.log


async def test_a_batch_that_faust_loses_gives_up_its_unit_and_nothing_is_lost(city: City, tmp_path: Path) -> None:
    lost = tmp_path / "lost"
    await city.send(1000)
    with city.worker(instance="w0", lost=str(lost)) as worker:
        await wait_for(lost.exists)
        await city.send(1000, end=True)
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected


async def test_records_that_were_deleted_before_they_were_read_stop_a_worker_at_its_start(city: City) -> None:
    await city.send(1000)
    with city.worker(instance="w0") as worker:
        await wait_for(city.has_output)
        worker.kill()
    await city.send(1000)
    await city.forget("service-visits")
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == EXIT_FAILED
    assert "retention deleted the records between" in city.log


async def test_retention_that_overtakes_a_running_worker_stops_it(city: City) -> None:
    await city.send(1000)
    with city.worker() as worker:
        await wait_for(city.has_output)
        worker.send_signal(signal.SIGSTOP)
        await city.send(1000)
        await city.forget("service-visits")
        worker.send_signal(signal.SIGCONT)
        assert worker.wait(LIMIT_S) == EXIT_FAILED
    assert "the next record to read is gone" in city.log
    assert "retention deleted the records between" in city.log


async def test_two_workers_share_the_partitions(city: City) -> None:
    with city.worker() as one, city.worker() as two:
        await wait_for(lambda: city.log.count("takes over ['engine-") >= 2)
        await city.send(1000, end=True)
        assert (one.wait(LIMIT_S), two.wait(LIMIT_S)) == (0, 0), city.log
    assert await city.output() == city.expected
