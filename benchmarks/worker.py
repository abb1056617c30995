"""The worker, with a transaction a second and partition, on the same topics as the bare loop."""

from __future__ import annotations

from statistics import median

from benchmarks.city import KINDS, Kind, options
from benchmarks.kafka import CityTopics, city_topics
from benchmarks.measure import ROUNDS, Measure, Scale, Timing, at_least, middle, timed
from benchmarks.process import WorkerRun, run_worker

LEAST_SHARE = 1 / 5


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: a fifth of the bare loop."""
    return [measure for name in KINDS for measure in _run(name, scale, seed)]


def _run(name: str, scale: Scale, seed: int) -> list[Measure]:
    bare: list[Timing] = []
    runs: list[WorkerRun] = []
    with city_topics(scale, seed, KINDS[name]) as city:
        for _ in range(ROUNDS):
            bare.append(timed(city.bare_loop))
            runs.append(_worker(city, KINDS[name]))
    events, peer = city.events, middle(bare)
    steady, steady_cpu = events / median(r.steady_wall_s for r in runs), events / median(r.steady_cpu_s for r in runs)
    claim = at_least(steady, LEAST_SHARE * events / peer.wall_s, ">= 1/5 of the bare loop")
    return [
        Measure(f"{name} city, {events:,} events", steady, "events/s", "bare loop", events / peer.wall_s, claim),
        Measure(f"{name} city, processor time", steady_cpu, "events/cpu-s", "bare loop", events / peer.cpu_s),
        Measure(f"{name} city, start-up included", events / median(r.wall_s for r in runs), "events/s"),
        Measure(f"{name} city, processor time of the process", median(r.cpu_s for r in runs), "s"),
    ]


def _worker(city: CityTopics, kind: Kind) -> WorkerRun:
    city.forget_state()
    return run_worker(city.environ, ["--instance", "w0", *options(kind)])
