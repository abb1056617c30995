"""The clock of a unit, on clocks that are moved by hand."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Failure
from schemas.instants import DAY_US, SECOND_US
from streams.kafka.clock import Clock

START_US = 20_000 * DAY_US
LEADER = "the leader of state/0"
SKEW_US = 300 * SECOND_US


class World:
    """True time, and what the clocks of a worker and a broker make of it."""

    def __init__(self, read: bool = True) -> None:
        self.true_us, self.wall_off_us, self.broker_off_us, self.suspended_us = START_US, 0, 0, 0
        self.clock = Clock(SKEW_US, lambda: self.true_us + self.wall_off_us, lambda: self.monotonic)
        if read:
            self.read()

    @property
    def monotonic(self) -> int:
        return self.true_us - START_US - self.suspended_us

    def read(self, there_us: int = 0, back_us: int = 0) -> None:
        """A record is sent, arrives and is acknowledged."""
        sent = self.monotonic
        self.true_us += there_us
        broker_ms = (self.true_us + self.broker_off_us) // 1000
        self.true_us += back_us
        self.clock.read(broker_ms, sent, self.monotonic)

    def wait(self, seconds: float) -> None:
        self.true_us += int(seconds * SECOND_US)

    @property
    def error_us(self) -> int:
        """How far the clock is ahead of the truth."""
        return self.clock.now_us() - self.true_us

    @property
    def alerts(self) -> str:
        return "\n".join(alert.text for alert in self.clock.alerts(LEADER, None))


def test_a_worker_clock_that_leaps_ahead_moves_nothing() -> None:
    world = World()
    world.wall_off_us = SKEW_US
    world.wait(60)
    assert -1000 <= world.error_us <= 0


def test_a_broker_clock_that_leaps_ahead_moves_nothing() -> None:
    world = World()
    world.broker_off_us = SKEW_US
    world.read()
    assert world.error_us == 0


@pytest.mark.parametrize("clock", ["wall_off_us", "broker_off_us"])
def test_a_clock_that_is_behind_delays_and_never_leads_back(clock: str) -> None:
    world = World()
    before_us = world.clock.now_us()
    setattr(world, clock, -60 * SECOND_US)
    world.read()
    assert world.clock.now_us() == before_us
    world.wait(61)
    assert before_us < world.clock.now_us() <= before_us + 1.001 * SECOND_US


def test_what_is_in_the_future_is_seen_by_the_higher_clock() -> None:
    world = World()
    world.wall_off_us = -3600 * SECOND_US
    assert world.clock.latest_us() >= world.true_us
    world.wall_off_us, world.broker_off_us = 0, -3600 * SECOND_US
    world.read()
    assert world.clock.latest_us() >= world.true_us


def test_a_slow_acknowledgement_makes_nothing_worse() -> None:
    world = World()
    world.read(there_us=SECOND_US, back_us=5 * SECOND_US)
    assert -1000 <= world.error_us <= 0


def test_another_leader_with_another_clock_is_followed() -> None:
    world = World()
    world.wall_off_us, world.broker_off_us = 3600 * SECOND_US, 20 * SECOND_US
    world.read()
    assert 19 * SECOND_US < world.error_us <= 20 * SECOND_US
    world.broker_off_us = 0
    world.read()
    world.wait(90)
    assert -1000 <= world.error_us <= 0


def test_a_suspended_machine_is_behind_until_the_broker_is_heard_again() -> None:
    world = World()
    world.wait(7200)
    world.suspended_us = 7200 * SECOND_US
    assert world.error_us == -7200 * SECOND_US
    assert "is ahead of" in world.alerts
    world.read()
    assert -1000 <= world.error_us <= 0
    assert not world.alerts


def test_an_instant_that_is_past_counts_back_from_now() -> None:
    world = World()
    asked = world.monotonic
    world.wait(3)
    world.wall_off_us = SKEW_US
    assert START_US - 1000 <= world.clock.us_at(asked) <= START_US


@pytest.mark.parametrize(("off_s", "which"), [(11, "ahead of"), (-11, "behind")])
def test_clocks_that_are_apart_are_an_alert_until_they_agree(off_s: int, which: str) -> None:
    world = World()
    world.wall_off_us = off_s * SECOND_US
    assert f"is {which} that of {LEADER};" in world.alerts
    assert "NTP" in world.alerts
    world.wall_off_us = 9 * SECOND_US
    assert not world.alerts


def test_it_is_the_same_alert_while_time_goes_on() -> None:
    world = World()
    world.wall_off_us = 60 * SECOND_US
    (before,) = world.clock.alerts(LEADER, None)
    world.wait(5)
    (after,) = world.clock.alerts(LEADER, None)
    assert before.text != after.text
    assert before.identity == after.identity


def test_a_state_that_is_ahead_is_an_alert_with_the_time_it_takes() -> None:
    world = World()
    found = world.clock.alerts(LEADER, START_US + 281 * SECOND_US)
    assert ["the state is ahead of the clock" in alert.text and "281 s" in alert.text for alert in found] == [True]
    assert not world.clock.alerts(LEADER, START_US + SECOND_US)


def test_a_worker_far_ahead_is_refused_with_both_clocks_and_what_to_do() -> None:
    world = World()
    world.wall_off_us = SKEW_US + SECOND_US
    with pytest.raises(Failure, match=r"shows 2024-10-04T00:05:01Z, that of .* 2024-10-04T00:00:00Z: .*\(300 s\).*NTP"):
        world.clock.refuse_far_ahead(LEADER)


@pytest.mark.parametrize("off_us", [SKEW_US, 0, -DAY_US])
def test_a_worker_within_the_skew_or_behind_may_own_units(off_us: int) -> None:
    world = World()
    world.wall_off_us = off_us
    world.clock.refuse_far_ahead(LEADER)


def test_without_the_broker_s_clock_the_worker_s_decides() -> None:
    world = World(read=False)
    world.wall_off_us = SKEW_US * 2
    assert world.error_us == SKEW_US * 2
    world.clock.refuse_far_ahead(LEADER)


async def test_an_acknowledgement_without_append_time_is_an_alert_until_there_is_one() -> None:
    world = World(read=False)
    await acknowledge(world, -1, 0)
    assert "is unknown" in world.alerts
    await acknowledge(world, START_US // 1000, 1)
    assert not world.alerts
    world.wall_off_us = SKEW_US
    assert world.error_us == 0


async def test_a_record_that_was_not_acknowledged_is_no_reading() -> None:
    world = World(read=False)
    sent: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    sent.add_done_callback(world.clock.sending())
    asyncio.get_running_loop().call_soon(sent.set_exception, OSError())
    await asyncio.wait([sent])
    assert not world.alerts


async def acknowledge(world: World, timestamp: int, timestamp_type: int) -> None:
    sent: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    sent.add_done_callback(world.clock.sending())
    asyncio.get_running_loop().call_soon(
        sent.set_result, SimpleNamespace(timestamp=timestamp, timestamp_type=timestamp_type)
    )
    await sent


LEAP = st.integers(-DAY_US, DAY_US)
TRAVEL = st.integers(0, 2 * SECOND_US)
STEP = st.tuples(st.sampled_from(["wall", "broker", "none"]), LEAP, st.integers(0, 100 * SECOND_US), TRAVEL, TRAVEL)


@given(st.lists(STEP, max_size=30))
def test_while_one_clock_is_right_now_is_never_ahead_of_the_truth_and_never_goes_back(
    steps: list[tuple[str, int, int, int, int]],
) -> None:
    world, before_us, uncertain_us = World(), 0, 1000
    for wrong, leap_us, wait_us, there_us, back_us in steps:
        world.wall_off_us = 0  # the broker is read before the other clock goes wrong: until then its leap is not known
        world.broker_off_us = leap_us if wrong == "broker" else 0
        world.read(there_us, back_us)
        uncertain_us = max(uncertain_us, there_us + back_us + 1000)
        world.wall_off_us = leap_us if wrong == "wall" else 0
        for _ in range(2):
            assert world.clock.now_us() >= before_us
            assert world.error_us <= uncertain_us
            before_us = world.clock.now_us()
            world.wait(wait_us / SECOND_US)


@given(st.lists(st.tuples(TRAVEL, TRAVEL, st.integers(0, DAY_US)), min_size=1, max_size=30), LEAP)
def test_with_the_broker_right_now_is_behind_by_the_quickest_acknowledgement_at_most(
    readings: list[tuple[int, int, int]], wall_off_us: int
) -> None:
    world = World(read=False)
    world.wall_off_us = abs(wall_off_us)
    for there_us, back_us, wait_us in readings:
        world.read(there_us, back_us)
        world.true_us += wait_us
    quickest_us = min(back_us for _, back_us, _ in readings)
    assert -quickest_us - 1000 <= world.error_us <= 0
