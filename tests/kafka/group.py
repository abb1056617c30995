"""Topics and a consumer group of one test, and the command `keepline` as processes of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

from streams.kafka.settings import from_environment
from tests.kafka.city import ROOT, City
from tests.replay.runs import SHORT

OPTIONS = [word for setting in SHORT for word in ("--set", setting)]
EVENT_TIME = ("--clock", "event", "--exit-at-end")
WORKER_LIMIT_S = 60
DECISIONS = ("interventions", "interventions-withheld")


@dataclass
class Group:
    """Topics and a consumer group of one test; `city` reads the topics."""

    city: City

    def run(self, *words: str) -> None:
        """Runs a command to its end."""
        done = subprocess.run(self._command(words), cwd=ROOT, env=self.city.environment, check=False)
        assert done.returncode == 0, words

    def tried(self, *words: str) -> tuple[int, str]:
        """Runs a command; returns its exit code and what it printed."""
        done = subprocess.run(
            self._command(words), cwd=ROOT, env=self.city.environment, capture_output=True, check=False
        )
        return done.returncode, (done.stdout + done.stderr).decode()

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Yields a command as a process; kills it at the end."""
        with self.city.process(self._command(words)) as process:
            yield process

    def publish(self, log: Path) -> None:
        """Publishes a file with end markers."""
        self.run("publish", str(log), "--end", *OPTIONS)

    @contextmanager
    def worker(self, *words: str, instance: str = "w0") -> Iterator[subprocess.Popen[bytes]]:
        """Yields a worker; kills it at the end."""
        with self.city.process(self._command(["worker", "--instance", instance, *words, *OPTIONS])) as process:
            yield process

    def finish(self) -> None:
        """Runs a worker to the end of the input."""
        with self.worker(*EVENT_TIME) as process:
            assert process.wait(WORKER_LIMIT_S) == 0, self.city.log[-3000:]

    async def values(self, topic: str) -> list[bytes]:
        """Returns the committed values, sorted: partitions have no common order."""
        return sorted(value for _, value in await self.city.read(topic))

    def _command(self, words: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "streams.cli", *words]


async def decisions(group: Group) -> dict[str, list[bytes]]:
    """Returns the committed messages about crossings, by topic."""
    return {name: await group.values(name) for name in DECISIONS}


def metrics(port: int, name: str) -> dict[str, float]:
    """Returns values by labels as text from a worker's page; {} while it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            text = page.read().decode()
    except OSError:
        return {}
    found = re.findall(rf"^keepline_{name}({{.*}})? (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def new_group(brokers: str, partitions: int, folder: Path) -> Group:
    """Creates topics with the command, under unique names."""
    name = uuid4().hex[:8]
    known = {"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"{name}-", "KEEPLINE_GROUP": name}
    group = Group(City(from_environment(os.environ | known), folder))
    group.run("topics", "create", "--partitions", str(partitions))
    return group
