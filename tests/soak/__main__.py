"""Runs the soak and judges it."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka import status, topics
from streams.kafka.settings import Settings, from_environment
from streams.units.unit import POSITION, STATUS
from tests.kafka.apache import ApacheKafka
from tests.soak.publishers import Crowd

CHANGELOGS = ("state", "learner-state")
MOST_GROWTH = 1.1  # of the last third of a run over the second: below it is noise
PROFILE = ("--profile", "after-sales", "--set", "gate.consent_when_unknown=true")


@dataclass(frozen=True)
class Sample:
    """What is measured each minute: the most of all workers, of all rows since the last sample, of all offsets."""

    memory_mib: int
    descriptors: int
    position_bytes: int
    status_bytes: int
    metadata_bytes: int


def main() -> int:
    """Returns 1 when something still grows, or the group is not well at the end."""
    parser = argparse.ArgumentParser("python -m tests.soak", description="Real workers under a steady load, for hours.")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--rate", type=float, default=500.0, help="events a second")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--publishers", type=int, default=20, help="at once; each lives two to ten minutes")
    parser.add_argument("--seed", type=int, default=1)
    known = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ApacheKafka(Path(folder) / "kafka", quick=False) as kafka:
        environment = os.environ | {"KEEPLINE_BROKERS": kafka.brokers, "KEEPLINE_GROUP": "soak"}
        asyncio.run(topics.create(from_environment(environment), known.partitions))
        with workers(known.workers, environment, Path(folder)) as running:
            return asyncio.run(run(known, from_environment(environment), running))


@contextmanager
def workers(count: int, environment: dict[str, str], folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Yields workers that run; kills them at the end."""
    running = []
    with (folder / "workers.log").open("wb") as log:
        for number in range(count):
            command = [sys.executable, "-m", "streams.cli", "worker", "--instance", f"w{number}", *PROFILE]
            running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        try:
            yield running
        finally:
            for process in running:
                process.kill()
                process.wait()


async def run(known: argparse.Namespace, settings: Settings, running: list[subprocess.Popen[bytes]]) -> int:
    """Publishes and samples; prints a line a minute and the verdict."""
    crowd = Crowd(settings, known.partitions, known.rate, known.customers, known.publishers, known.seed)
    publishing = asyncio.ensure_future(crowd.publish())
    samples: list[Sample] = []
    names = [field.name for field in fields(Sample)]
    print("minute", "events", "publishers", *names, sep="\t", flush=True)
    async with AIOKafkaConsumer(**settings.client, auto_offset_reset="earliest") as reader:
        reader.assign([TopicPartition(settings.topic(name), p) for name in CHANGELOGS for p in places(name, known)])
        until = time.monotonic() + known.minutes * 60
        while time.monotonic() < until:
            await asyncio.wait([publishing], timeout=60)
            if publishing.done() or any(process.poll() is not None for process in running):
                print("FAILED: a worker or the publishers have ended")
                return 1
            samples.append(await sample(settings, reader, running))
            print(len(samples), crowd.sent, crowd.came, *astuple(samples[-1]), sep="\t", flush=True)
    publishing.cancel()
    return judge(samples, await status.read(settings))


def places(name: str, known: argparse.Namespace) -> range:
    """Returns the partitions of a changelog."""
    return range(known.partitions if name == "state" else 1)


async def sample(settings: Settings, reader: AIOKafkaConsumer, running: list[subprocess.Popen[bytes]]) -> Sample:
    """Measures workers, the rows written since the last sample, and the group's offsets."""
    most = {POSITION: 0, STATUS: 0}
    while got := await reader.getmany(timeout_ms=500):
        for record in (record for records in got.values() for record in records if record.key in most):
            most[record.key] = max(most[record.key], len(record.value or b""))
    async with topics.admin(settings) as client:
        committed = await client.list_consumer_group_offsets(settings.group)
    metadata = max((len(one.metadata.encode()) for one in committed.values()), default=0)
    memory = max(int(of_process(process, "statm").split()[1]) for process in running) * os.sysconf("SC_PAGE_SIZE")
    descriptors = max(len(os.listdir(f"/proc/{process.pid}/fd")) for process in running)  # noqa: PTH208 -- not blocking
    return Sample(memory >> 20, descriptors, most[POSITION], most[STATUS], metadata)


def of_process(process: subprocess.Popen[bytes], name: str) -> str:
    """Returns a file of /proc."""
    return Path(f"/proc/{process.pid}/{name}").read_text()


def judge(samples: list[Sample], seen: status.Status) -> int:
    """Prints the verdict and returns the exit code."""
    third = max(len(samples) // 3, 1)
    wrong = []
    for field in fields(Sample):
        before, after = (
            max(getattr(one, field.name) for one in part)
            for part in (samples[third:-third] or samples, samples[-third:])
        )
        if after > before * MOST_GROWTH:
            wrong.append(f"{field.name} grows: at most {before} in the second third, {after} in the last")
    lag = sum(place.lag_records for place in seen.places)
    counts = ", ".join(f"{count} {name}" for name, count in sorted(seen.counts.items()))
    print(f"{'GROWS' if wrong else 'FLAT'}: {'; '.join(wrong) or 'nothing grows'}; {lag} wait; {counts}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
