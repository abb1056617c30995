"""The worker, doing all of its work, against other frameworks doing a smaller job on the same topic.

The peers count, sum and keep the last event of each customer (benchmarks/jobs); start-up is excluded everywhere. Faust
is slow enough that its first records suffice. Quix Streams and Kafka Streams are downloaded into a cache folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

from benchmarks.city import KINDS, options
from benchmarks.kafka import CityTopics, city_topics
from benchmarks.measure import ROUNDS, Measure, Scale, Skipped, at_least
from benchmarks.process import ROOT, run_worker
from tests.kafka.apache import Unavailable, cache, fetch

KIND = KINDS["daily"]
JOBS = Path(__file__).parent / "jobs"
QUIX = "quixstreams==3.28.1"
RECORDS = {"small": 20_000, "full": 200_000}
FAUST_RECORDS = 20_000
LIMIT_S = 300.0
TIMES_QUIX, TIMES_FAUST, TIMES_STREAMS = 2.0, 25.0, 2.0


@dataclass(frozen=True, slots=True)
class JobRun:
    """Time for a number of records, without start-up."""

    records: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.wall_s

    @property
    def cpu_rate(self) -> float:
        """Records a second of processor time."""
        return self.records / self.cpu_s


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claims: twice Quix Streams and 25 times Faust by the clock; twice Kafka Streams by processor time."""
    quix, streams = _quix(), _streams()
    records = RECORDS[scale]
    with city_topics(scale, seed, KIND) as city:
        ours = _middle(lambda: _keepline(city))
        by_quix = _middle(lambda: _job(city, [str(quix), str(JOBS / "quix_job.py")], records))
        by_faust = _middle(lambda: _job(city, [sys.executable, str(JOBS / "faust_job.py")], FAUST_RECORDS))
        by_streams = _middle(lambda: _job(city, ["java", "-cp", f"{streams}/*:{streams}", "StreamsJob"], records))
    return [
        _by_clock("Quix Streams, exactly once", ours, by_quix, TIMES_QUIX),
        _by_clock("Faust, a record at a time", ours, by_faust, TIMES_FAUST),
        Measure("against Kafka Streams by the clock", ours.rate, "events/s", "one thread, EOS v2", by_streams.rate),
        Measure(
            "against Kafka Streams by processor time",
            ours.cpu_rate,
            "events/cpu-s",
            "one thread, EOS v2",
            by_streams.cpu_rate,
            at_least(ours.cpu_rate, TIMES_STREAMS * by_streams.cpu_rate, f">= {TIMES_STREAMS:.0f} times"),
        ),
    ]


def _by_clock(peer: str, ours: JobRun, theirs: JobRun, times: float) -> Measure:
    claim = at_least(ours.rate, times * theirs.rate, f">= {times:.0f} times")
    return Measure(f"against {peer.partition(',')[0]}", ours.rate, "events/s", peer, theirs.rate, claim)


def _middle(work: Callable[[], JobRun]) -> JobRun:
    rounds = [work() for _ in range(ROUNDS)]
    return JobRun(rounds[0].records, median(one.wall_s for one in rounds), median(one.cpu_s for one in rounds))


def _keepline(city: CityTopics) -> JobRun:
    city.forget_state()
    took = run_worker(city.environ, ["--instance", "w0", *options(KIND)])
    return JobRun(city.events, took.steady_wall_s, took.steady_cpu_s)


def _job(city: CityTopics, command: Sequence[str], records: int) -> JobRun:
    """Runs a job in a group of its own."""
    brokers, topic = ",".join(city.settings.brokers), city.settings.topic("app-activity")
    with TemporaryDirectory(prefix="keepline-peer-") as folder:
        words = [*command, brokers, topic, f"peer-{uuid4().hex[:8]}", str(records), folder]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0 or "records" not in done.stdout:
        raise RuntimeError(f"{command[-1]} ended with {done.returncode}: {done.stdout[-500:]} {done.stderr[-1500:]}")
    return JobRun(**json.loads(done.stdout.strip().splitlines()[-1]))


def _quix() -> Path:
    """Returns a Python with Quix Streams, whose dependencies conflict with our lock; raises Skipped."""
    folder = cache() / QUIX.replace("==", "-")
    python = folder / "bin" / "python"
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, check=False)
        pip = [python, "-m", "pip", "install", "--quiet", QUIX]
        if made.returncode or subprocess.run(pip, capture_output=True, check=False).returncode:
            raise Skipped(f"pip could not install {QUIX}")
    return python


def _streams() -> Path:
    """Returns a folder with Kafka Streams and the compiled job; raises Skipped."""
    try:
        folder = fetch(JOBS / "pom.xml", "kafka-streams")
    except Unavailable as error:
        raise Skipped(f"no Kafka Streams: {error}") from None
    command = ["javac", "-cp", f"{folder}/*", "-d", str(folder), str(JOBS / "StreamsJob.java")]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skipped(f"javac: {done.stderr.strip()[:300]}")
    return folder
