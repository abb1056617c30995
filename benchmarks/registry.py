"""The list of benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from benchmarks.measure import Measure, Scale

Run = Callable[[Scale, int], list[Measure]]

BENCHMARKS = {
    # name, also that of the module: what it measures
    "decode": "a batch of raw events to validated columns, against orjson alone and pydantic one by one",
    "simulate": "events a second of `keepline simulate`",
    "rescore": "a sweep over 1,000,000 customers, against River's predict_proba_one",
    "memory": "bytes a customer at 1,000,000 customers",
    "replay_memory": "peak memory of `keepline replay` on a log and on one four times as long",
    "learning": "AUC of a replay against LightGBM retrained every week on the same rows",
    "experiments": "what the statistics on cases promise, in 1,000 simulated years that are looked at daily",
    "engine": "the engine alone, against a bare loop of aiokafka and orjson on the same topics",
    "worker": "`keepline worker` with its checkpoints, against the same bare loop",
    "peers": "the worker against Quix Streams, Faust and Kafka Streams doing a smaller job",
    "two_workers": "two workers of a group against one alone, by processor time",
    "scaling": "processor time of an event with 10,000, 100,000 and 1,000,000 customers",
    "learner": "processor time of an instant of the learner with 4, 64 and 256 partitions",
    "live": "latency from an event to its intervention, duration of a checkpoint, recovery after a kill",
    "capacity": "processor time and bytes that `keepline capacity` reckons with",
    "forecast": "the forecast of `keepline capacity` against groups of 1, 2 and 4 partitions, 1 and 2 workers",
    "console": "`keepline console` with 1,000,000 cases and 100 browsers",
    "restore": "1,000,000 customers read back from the changelog",
}


def load(name: str) -> Run:
    """Returns the `run` of a benchmark; imported here, so that a failing import stops no other benchmark."""
    run: Run = import_module(f"benchmarks.{name}").run
    return run
