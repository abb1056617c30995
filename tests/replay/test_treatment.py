"""Examples of a closed loop carry the treatment of the customer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson
import pytest

from benchmarks.closed_loop import PERSUASIVE, PROMPT, SETTINGS, START_US, Loop
from online_model.treatment import Treatment
from schemas.instants import DAY_US, parse_instant
from streams.demo.closed_loop import ClosedLoop
from streams.files.file_sources import FileSources
from streams.files.replay_folder import ReplayFolder
from streams.interventions.gate import is_held_out
from streams.profile.loading import load_profile
from streams.replay import Replay
from streams.simulation.city import City
from streams.simulation.crm import Crm
from streams.simulation.files import CityFolder

HORIZON_DAYS = 30
PROFILE = load_profile(
    "after-sales",
    (*SETTINGS, f"label.horizon={HORIZON_DAYS}d", "model.min_labels=200", "model.min_labels_of_a_class=20"),
)
Treatments = dict[tuple[str, int], int]  # (customer, observed us) -> treatment


class Kept(Loop):
    """A loop that keeps what the examples say."""

    def __init__(self, closed_loop: ClosedLoop, days: int) -> None:
        super().__init__(closed_loop, days)
        self.treatments: Treatments = {}
        self.refused: dict[str, dict[str, int]] = defaultdict(dict)  # rule -> customer -> first decided us

    def examples(self, *columns: object) -> None:
        customers, at_us, *_, treatment = columns
        if treatment is not None:
            keys = [(name, cast(int, at_us)) for name in cast(list[str], customers)]
            self.treatments.update(zip(keys, cast(Any, treatment).tolist(), strict=True))

    def withheld(self, values: Sequence[bytes]) -> None:
        for body in map(orjson.loads, values):
            at_us = parse_instant(body["decided_at"])
            self.refused[body["withheld_reason"]].setdefault(body["customer_id"], at_us)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    with CityFolder(Path(tmp_path_factory.mktemp("city"))) as files:
        found = Kept(ClosedLoop(City(400, START_US, 1, PERSUASIVE), Crm(1, PROMPT), files), 300)
        Replay(PROFILE, cast(FileSources, found), cast(ReplayFolder, found)).run()
    return found


def treatments_after(loop: Kept, decided_us: dict[str, int]) -> set[int]:
    """What is said of observations whose horizon ends behind the decision."""
    return {
        code
        for (customer, observed_us), code in loop.treatments.items()
        if customer in decided_us and observed_us + HORIZON_DAYS * DAY_US > decided_us[customer]
    }


def customers(loop: Kept, treatment: Treatment) -> set[str]:
    return {customer for (customer, _), code in loop.treatments.items() if code == treatment}


def test_every_treatment_occurs(loop: Kept) -> None:
    assert set(np.unique(list(loop.treatments.values()))) >= {
        Treatment.LEFT_ALONE,
        Treatment.HELD_OUT,
        Treatment.CONTACTED,
    }


def test_the_holdout_is_never_told_of(loop: Kept) -> None:
    assert all(is_held_out(PROFILE, one) for one in customers(loop, Treatment.HELD_OUT))
    told_of = customers(loop, Treatment.SENT) | customers(loop, Treatment.CONTACTED)
    assert not any(is_held_out(PROFILE, one) for one in told_of)


def test_who_was_called_within_the_horizon_counts_as_treated(loop: Kept) -> None:
    called = {(call.customer, call.called_us) for call in loop.closed_loop.calls}
    within = {
        key
        for key in loop.treatments
        for name, us in called
        if name == key[0] and 0 < us - key[1] < HORIZON_DAYS * DAY_US
    }
    assert within
    # an outcome about a case that had ended before is ignored: then no contact was reported, but the case was sent
    assert Treatment.CONTACTED in {loop.treatments[key] for key in within} <= {Treatment.SENT, Treatment.CONTACTED}


def test_who_was_never_called_is_not_contacted(loop: Kept) -> None:
    assert customers(loop, Treatment.CONTACTED) <= {call.customer for call in loop.closed_loop.calls}


def test_a_draw_counts_as_long_as_a_customer_silent_since_may_be_observed(loop: Kept) -> None:
    assert treatments_after(loop, loop.refused["holdout"]) == {Treatment.HELD_OUT}


def test_a_customer_who_passed_the_draw_and_waits_is_not_left_alone(loop: Kept) -> None:
    assert treatments_after(loop, loop.refused["quiet_hours"]) <= {Treatment.SENT, Treatment.CONTACTED}


def test_a_customer_refused_before_the_draw_is_left_alone(loop: Kept) -> None:
    drawn = customers(loop, Treatment.HELD_OUT) | customers(loop, Treatment.SENT) | customers(loop, Treatment.CONTACTED)
    never = {name: us for name, us in loop.refused["consent"].items() if name not in drawn}
    assert treatments_after(loop, never) == {Treatment.LEFT_ALONE}
