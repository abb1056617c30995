"""The metric of crossings that wait because of a hold."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from online_model.readiness import Hold
from online_model.snapshot import Snapshot
from streams.cases.columns import NO_CASE, PENDING
from streams.operations.metrics import _held
from streams.profile.loading import load_profile
from streams.units.engine_unit import EngineUnit
from streams.units.unit import Clock


def waiting(snapshot: Snapshot, clock: Clock = "event") -> EngineUnit:
    """An engine with two crossings that wait for a model."""
    unit = EngineUnit(load_profile("after-sales"), 0, clock)
    slots = unit.engine.table.slots(["a", "b", "c"])
    unit.engine.table.rows[slots[:2], PENDING - len(NO_CASE)] = 5.0
    unit.engine.serve_model(snapshot)
    return unit


def samples(unit: EngineUnit) -> list[tuple[dict[str, str], float]]:
    lease = cast(Any, SimpleNamespace(name=unit.name, unit=unit))
    return [(sample.labels, sample.value) for sample in _held([(lease, unit)]).samples]


def test_it_names_the_hold_and_how_many_wait() -> None:
    unit = waiting(Snapshot.initial(0.2))
    assert samples(unit) == [({"unit": "engine-0", "reason": "model_not_ready"}, 2.0)]


def test_a_model_that_has_fallen_below_the_bar_is_an_alert_with_the_number_that_wait() -> None:
    fallen = replace(Snapshot.initial(0.2), version=41, learned=True, hold=Hold.AUC, least_auc=0.71)
    (said,) = waiting(fallen).alerts
    assert said.text.startswith("model 41: the lower bound of AUC")
    assert said.text.endswith("(0.710 against 0.8): no case opens; 2 crossings wait")


def test_a_model_that_has_not_learned_yet_is_no_alert() -> None:
    assert waiting(Snapshot.initial(0.2)).alerts == []


def test_live_it_counts_the_backlog_that_is_left_when_a_hold_has_ended() -> None:
    ready = replace(Snapshot.initial(0.2), hold=Hold.NOTHING)
    assert samples(waiting(ready, "wall")) == [({"unit": "engine-0", "reason": "backlog"}, 2.0)]
    assert samples(waiting(ready)) == []
