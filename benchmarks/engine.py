"""The engine alone: decode, features, scores, cases and learning over the raw values of a city, in memory."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from benchmarks.city import KINDS
from benchmarks.kafka import PARTITIONS, city_topics
from benchmarks.measure import Claim, Measure, Scale, in_turn
from benchmarks.units import Group, Record
from streams.profile.loading import load_profile

LEAST_A_SECOND, LEAST_SHARE = 150_000, 1 / 3


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claim: 150,000 events/s or a third of the bare loop."""
    return [measure for name in KINDS for measure in _run(name, scale, seed)]


def _run(name: str, scale: Scale, seed: int) -> list[Measure]:
    kind, now_us = KINDS[name], time.time_ns() // 1000
    profile = load_profile("after-sales", kind.settings)
    with city_topics(scale, seed, kind) as city:
        records = {place: [Record(r.offset, r.key, r.value) for r in got] for place, got in city.records().items()}
        gc.freeze()  # millions of records that would be looked at again and again
        works: dict[str, Callable[[], object]] = {
            "bare": city.bare_loop,
            "engine": lambda: Group(profile, PARTITIONS, records, now_us).run(),
        }
        took, events = in_turn(works), city.events
        gc.unfreeze()
    wall, peer = events / took["engine"].wall_s, events / took["bare"].wall_s
    cpu, peer_cpu = events / took["engine"].cpu_s, events / took["bare"].cpu_s
    holds = wall >= LEAST_A_SECOND or wall >= LEAST_SHARE * peer
    claim = Claim(">= 150,000/s or >= 1/3 of the bare loop", holds)
    return [
        Measure(f"{name} city, {events:,} events", wall, "events/s", "bare loop", peer, claim),
        Measure(f"{name} city, processor time", cpu, "events/cpu-s", "bare loop", peer_cpu),
    ]
