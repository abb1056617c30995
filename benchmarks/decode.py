"""Raw events to validated columns, against JSON parsing alone and pydantic one by one."""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson

from benchmarks.city import city_files
from benchmarks.measure import Measure, Scale, in_turn
from schemas.decode import Decoder
from schemas.events import KINDS

FILES = {"service_visit": "service_visits", "app_activity": "app_activity", "survey": "surveys"}
EVENTS = {"small": 10_000, "full": 40_000}
BATCH = 2_000
PYDANTIC_SHARE = 10  # it gets a tenth of the events


def run(scale: Scale, seed: int) -> list[Measure]:
    """Has no claims."""
    now_us = time.time_ns() // 1000
    measures = []
    with city_files(scale, seed) as city:
        for kind, name in FILES.items():
            with (city.folder / f"{name}.jsonl").open("rb") as file:
                values = [line.rstrip() for _, line in zip(range(EVENTS[scale]), file, strict=False)]
            measures += _measure(kind, values, now_us)
    return measures


def _measure(kind: str, values: list[bytes], now_us: int) -> list[Measure]:
    few = values[: len(values) // PYDANTIC_SHARE]
    works: dict[str, Callable[[], object]] = {
        "orjson": lambda: list(map(orjson.loads, values)),
        "pydantic": lambda: list(map(KINDS[kind].model_validate_json, few)),
        "ours": lambda: _decode(kind, values, now_us),
    }
    took = in_turn(works)
    ours, alone = len(values) / took["ours"].cpu_s, len(values) / took["orjson"].cpu_s
    return [
        Measure(kind, ours, "events/s", "orjson.loads alone", alone),
        Measure(kind, ours, "events/s", "pydantic one by one", len(few) / took["pydantic"].cpu_s),
    ]


def _decode(kind: str, values: list[bytes], now_us: int) -> None:
    decoder, keys = Decoder(kind), [orjson.loads(value)["customer_id"].encode() for value in values[:0]]
    for start in range(0, len(values), BATCH):
        decoded = decoder.decode(values[start : start + BATCH], keys or None, now_us)
        assert not decoded.refused, decoded.refused[0]
