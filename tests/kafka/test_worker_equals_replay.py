"""The worker on Apache Kafka decides what the replay decides, to the byte, whatever the partitions and the crashes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from streams.kafka.settings import from_environment
from tests.kafka import city
from tests.kafka.city import ROOT
from tests.replay.runs import SHORT, Run, replay, write_jsonl
from tests.replay.runs import city as simulated

OPTIONS = [word for setting in SHORT for word in ("--set", setting)]
DECISIONS = ("interventions", "interventions-withheld")
WORKER_LIMIT_S = 60


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small city, with a bad row and one that comes twice."""
    events = simulated(tmp_path_factory.mktemp("city"), 120, 150)
    lines = [*events[:300], "{", events[299], *events[300:]]
    return write_jsonl(tmp_path_factory.mktemp("log") / "events.jsonl", lines)


@pytest.fixture(scope="module")
def base(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return replay(tmp_path_factory.mktemp("base") / "out", [log], scores=False)


@dataclass
class Group:
    """Topics and a consumer group of one test."""

    city: city.City

    async def decisions(self) -> dict[str, list[bytes]]:
        """What a committed reader sees, sorted: the partitions have no common order."""
        return {name: sorted(value for _, value in await self.city.read(name)) for name in DECISIONS}

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        words = ["worker", "--clock", "event", "--exit-at-end", "--instance", "w0", *OPTIONS]
        with (self.city.folder / "worker.log").open("ab") as said:
            command = [sys.executable, "-m", "streams.cli", *words]
            process = subprocess.Popen(command, cwd=ROOT, env=self.city.environment, stderr=said)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def finish(self) -> None:
        with self.worker() as process:
            assert process.wait(WORKER_LIMIT_S) == 0, self.city.log[-3000:]


@contextmanager
def group(brokers: str, partitions: int, folder: Path) -> Iterator[Group]:
    """Topics that were made by the command, under names of their own."""
    name = uuid4().hex[:8]
    known = {"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"{name}-", "KEEPLINE_GROUP": name}
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in known.items():
            patch.setenv(variable, value)
        made = subprocess.run(
            [sys.executable, "-m", "streams.cli", "topics", "create", "--partitions", str(partitions)],
            env=os.environ,
            cwd=ROOT,
            check=False,
        )
        assert made.returncode == 0
        yield Group(city.City(from_environment(known), folder))


def publish(log: Path) -> None:
    command = [sys.executable, "-m", "streams.cli", "publish", str(log), "--end", *OPTIONS]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def wanted(base: Run) -> dict[str, list[bytes]]:
    return {name: sorted((base.folder / f"{name}.jsonl").read_bytes().splitlines()) for name in DECISIONS}


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_calm_run_decides_as_the_replay(
    brokers: str, log: Path, base: Run, tmp_path: Path, partitions: int
) -> None:
    assert min(map(len, wanted(base).values())) > 5
    with group(brokers, partitions, tmp_path) as one:
        publish(log)
        one.finish()
        assert await one.decisions() == wanted(base)


async def test_a_worker_killed_in_the_middle_loses_nothing_and_says_nothing_twice(
    brokers: str, log: Path, base: Run, tmp_path: Path
) -> None:
    with group(brokers, 3, tmp_path) as one:
        publish(log)
        with one.worker() as process:
            until = time.monotonic() + WORKER_LIMIT_S
            while not (await one.decisions())["interventions-withheld"]:
                assert time.monotonic() < until
                assert process.poll() is None, one.city.log[-3000:]
            process.kill()
        said = await one.decisions()
        assert 0 < len(said["interventions-withheld"]) < len(wanted(base)["interventions-withheld"])
        one.finish()
        assert await one.decisions() == wanted(base)
