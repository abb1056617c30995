"""Two workers of one group against one alone, by processor time an event."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from statistics import median

from benchmarks.city import KINDS, options
from benchmarks.kafka import CityTopics, city_topics
from benchmarks.measure import ROUNDS, Measure, Scale, at_least
from benchmarks.process import WorkerRun, run_worker

KIND = KINDS["daily"]
LEAST = 0.85


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: 0.85 of one alone. The broker uses the same processors, so wall time is less reliable."""
    alone: list[WorkerRun] = []
    both: list[list[WorkerRun]] = []
    with city_topics(scale, seed, KIND) as city:
        for _ in range(ROUNDS):
            alone += _workers(city, 1)
            both.append(_workers(city, 2))
    one = city.events / median(worker.steady_cpu_s for worker in alone)
    two = city.events / median(sum(worker.steady_cpu_s for worker in pair) for pair in both)
    wall_one = city.events / median(worker.steady_wall_s for worker in alone)
    wall_two = city.events / median(max(worker.steady_wall_s for worker in pair) for pair in both)
    return [
        Measure("two workers", two, "events/cpu-s", "one alone", one, at_least(two, LEAST * one, ">= 0.85")),
        Measure("two workers, by the clock", wall_two, "events/s", "one alone", wall_one),
    ]


def _workers(city: CityTopics, count: int) -> list[WorkerRun]:
    city.forget_state()
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda i: run_worker(city.environ, ["--instance", f"w{i}", *options(KIND)]), range(count)))
