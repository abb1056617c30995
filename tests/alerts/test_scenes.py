"""The faults name rules that are shipped, and promise no less time than a rule waits."""

from __future__ import annotations

import pytest

from schemas.instants import SECOND_US, parse_duration
from streams.operations.monitoring.rules import RULES
from tests.alerts.__main__ import SHORT_S
from tests.alerts.scenes import SCENES, Scene

WAITS_S = {rule.name: min(parse_duration(rule.wait) // SECOND_US, SHORT_S) for rule in RULES}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_fault_has_rules_that_can_fire_in_the_time_that_is_promised(scene: Scene) -> None:
    assert [name for name in scene.alerts if WAITS_S[name] >= scene.within_s] == []


def test_each_fault_is_a_job_of_its_own() -> None:
    assert len({scene.job for scene in SCENES}) == len(SCENES)
