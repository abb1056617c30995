"""The engine alone: decode, features, scores, cases and learning over the raw values of the city, in memory."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from benchmarks.kafka import PARTITIONS, city_topics
from benchmarks.measure import Claim, Measure, Scale, in_turn
from benchmarks.units import Group, Record
from streams.interventions.profile import load_profile

LEAST_A_SECOND, LEAST_SHARE = 150_000, 1 / 3


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: 150,000 events/s or a third of the bare loop."""
    profile, now_us = load_profile("after-sales", []), time.time_ns() // 1000
    with city_topics(scale, seed) as city:
        records = {place: [Record(r.offset, r.key, r.value) for r in found] for place, found in city.records().items()}
        gc.freeze()  # millions of records that would be looked at again and again
        works: dict[str, Callable[[], object]] = {"bare": city.bare_loop}
        works["engine"] = lambda: Group(profile, PARTITIONS, records, now_us).run()
        took = in_turn(works)
        gc.unfreeze()
    wall, bare_wall = city.events / took["engine"].wall_s, city.events / took["bare"].wall_s
    cpu, bare_cpu = city.events / took["engine"].cpu_s, city.events / took["bare"].cpu_s
    text = ">= 150,000/s or >= 1/3 of the bare loop"
    return [
        Measure(
            "by the clock",
            wall,
            "events/s",
            "bare loop",
            bare_wall,
            Claim(text, wall >= LEAST_A_SECOND or wall >= LEAST_SHARE * bare_wall),
        ),
        Measure("by processor time", cpu, "events/cpu-s", "bare loop", bare_cpu),
    ]
