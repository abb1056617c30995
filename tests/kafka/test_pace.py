"""`--rate` holds in every second, by a clock that the test moves."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left

import pytest

from streams.kafka.pace import Pace

NO_STALL = 0.0


class Clock:
    """Time that passes only when somebody sleeps or sends."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def sent_at(rate: float, n: int, seed: int, stall_s: float, idle_s: float = 0.0) -> tuple[Pace, list[float]]:
    """The instants at which n events were acknowledged; now and then the brokers answer only after a stall, or there
    is nothing to send for a while.
    """
    clock, chance, times = Clock(), random.Random(seed), list[float]()
    pace, waiting = Pace(rate, clock, clock.sleep), 0
    for _ in range(n):
        waiting += 1
        if pace.add():
            clock.now_s += chance.choice([0.0, 0.001, 0.02, stall_s])
            times += [clock.now_s] * waiting
            waiting = 0
            await pace.rest()
        if chance.random() < 0.01:
            clock.now_s += idle_s
    return pace, times


def most_in_a_second(times: list[float]) -> int:
    return max(bisect_left(times, at + 1 - 1e-9) - i for i, at in enumerate(times))


@pytest.mark.parametrize(("stall_s", "idle_s"), [(NO_STALL, 0.0), (3.0, 0.0), (0.4, 5.0)])
@pytest.mark.parametrize("rate", [1, 2.5, 19, 100, 777])
def test_no_second_has_more_events_than_the_rate_and_two_slices(rate: float, stall_s: float, idle_s: float) -> None:
    for seed in range(3):
        pace, times = asyncio.run(sent_at(rate, int(10 * rate), seed, stall_s, idle_s))
        assert most_in_a_second(times) <= rate + 2 * pace.slice
        assert pace.slice <= max(1, rate / 20)


@pytest.mark.parametrize("rate", [1, 19, 100, 777])
def test_the_rate_is_reached_while_the_brokers_answer(rate: float) -> None:
    _, times = asyncio.run(sent_at(rate, int(20 * rate), 1, NO_STALL))
    assert len(times) / (times[-1] - 100) == pytest.approx(rate, rel=0.1)


def test_a_wait_for_the_brokers_is_not_made_up_for() -> None:
    _, times = asyncio.run(sent_at(100, 3000, 1, 30.0))
    assert most_in_a_second(times) <= 110
