"""The first line of the status."""

from __future__ import annotations

from typing import Any

from streams.kafka.status import STUCK_S, Place, Status, UnitState
from streams.operations.verdict import verdict_of

NOW_S = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def status(*units: UnitState, members: int = 2, places: tuple[Place, ...] = (), **more: Any) -> Status:
    return Status("g", "", "Stable", members, list(units), list(places), None, more.pop("counts", {}), **more)


def unit(name: str = "engine-0", age_s: float = 1.0, lag: int = 0, given_up: str | None = None) -> UnitState:
    return UnitState(name, None, age_s, False, False, lag, [], given_up)


def place(lag: int, lag_s: float | None, topic: str = "service-visits") -> Place:
    return Place(topic, 3, "engine-0", 10, 10 + lag, lag, lag_s)


def said(of: Status) -> str:
    return str(verdict_of(of, NOW_S))


def test_a_group_that_has_read_everything_is_on_time() -> None:
    assert said(status(unit())) == "on time: 0 s is the oldest record that waits; 0 decisions wait"


def test_late_is_by_the_age_of_the_worst_partition_and_counts_the_decisions_that_records_bring() -> None:
    counts = {"interventions": 8, "interventions_withheld": 2, "applied": 990, "late": 10, "decisions_wait": 3}
    places = (place(200, 600.0), place(5_000, 20.0, "app-activity"))
    assert said(status(unit(lag=5_200), places=places, counts=counts)) == (
        "late since 2027-01-15T07:50:00Z: 600 s (service-visits/3) is the oldest record that waits; 55 decisions wait"
    )


def test_many_records_that_have_just_come_are_not_late() -> None:
    assert verdict_of(status(unit(lag=10**6), places=(place(10**6, 20.0),)), NOW_S).state == "on time"


def test_without_workers_it_has_stopped_since_the_last_checkpoint() -> None:
    assert said(status(unit(age_s=3600.0), members=0)).startswith(
        "stopped since 2027-01-15T07:00:00Z: no worker runs in group g;"
    )


def test_a_unit_that_was_given_up_has_stopped() -> None:
    assert said(status(unit(), unit("engine-1", 60.0, given_up="no right"))).startswith(
        "stopped since 2027-01-15T07:59:00Z: engine-1 cannot go on;"
    )


def test_a_unit_that_saves_nothing_while_records_wait_has_stopped_and_an_idle_one_has_not() -> None:
    assert verdict_of(status(unit(age_s=STUCK_S + 1, lag=1), places=(place(1, 61.0),)), NOW_S).state == "stopped"
    assert verdict_of(status(unit(age_s=STUCK_S + 1)), NOW_S).state == "on time"


def test_refused_records_are_dropping_and_name_their_producer() -> None:
    alert = {"kind": "records_refused", "subject": "till 7", "since": "2027-01-15T07:30:00Z"}
    assert said(status(unit(), alerts=[alert])) == (
        "dropping since 2027-01-15T07:30:00Z: records of till 7 are refused; 0 decisions wait"
    )
