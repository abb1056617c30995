"""The metric of crossings that are held."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from streams.engine.case_columns import NO_CASE, PENDING
from streams.engine.units import EngineUnit
from streams.interventions.profile import load_profile
from streams.operations.metrics import _held


def samples(unit: EngineUnit) -> list[tuple[dict[str, str], float]]:
    lease = cast(Any, SimpleNamespace(name=unit.name, unit=unit))
    return [(sample.labels, sample.value) for sample in _held([lease]).samples]


def test_it_names_the_hold_and_how_many_wait() -> None:
    unit = EngineUnit(load_profile("after-sales"), 0, "event")
    slots = unit.engine.table.slots(["a", "b", "c"])
    unit.engine.table.rows[slots[:2], PENDING - len(NO_CASE)] = 5.0
    assert samples(unit) == [({"unit": "engine-0", "reason": "model_not_ready"}, 2.0)]
