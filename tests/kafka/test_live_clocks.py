"""Workers on wrong clocks. Only differences count: a worker that is behind sees a broker that is ahead."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.kafka import topics
from streams.kafka.topics import BY_ARRIVAL, TOPICS
from tests.kafka.apache import free_ports
from tests.kafka.city import wait_for
from tests.kafka.group import Group, metrics, new_group
from tests.kafka.skewed import WrongClock
from tests.kafka.test_live_faults import problems, visit

LIMIT_S = 60.0


@pytest.fixture
def group(brokers: str, tmp_path: Path) -> Group:
    return new_group(brokers, 1, tmp_path)


@pytest.fixture
def port() -> int:
    (port,) = free_ports(1)
    return port


def page(port: int) -> tuple[str, str]:
    return "--http", str(port)


def applied(port: int) -> float:
    return metrics(port, "events_total").get('{outcome="applied",unit="engine-0"}', 0.0)


def frontier_s(port: int) -> float:
    return metrics(port, "frontier_timestamp_seconds").get('{unit="engine-0"}', 0.0)


async def send(group: Group, *customers: str) -> None:
    async with AIOKafkaProducer(**group.city.settings.client) as producer:
        for name in customers:
            await producer.send_and_wait(group.city.settings.topic("service-visits"), visit(name), name.encode())


async def are_applied(group: Group, port: int, count: int, *customers: str) -> None:
    """Sends visits of these customers, and waits until so many are applied."""
    await send(group, *customers)
    await wait_for(lambda: applied(port) == count, LIMIT_S)


async def named(group: Group, what: str, *, there: bool = True) -> str:
    """Waits until `keepline status` names a problem, or no longer does, and returns all that it names."""
    found = ""

    async def as_expected() -> bool:
        nonlocal found
        found = await problems(group)
        return (what in found) is there

    await wait_for(as_expected, LIMIT_S)
    return found


async def set_timestamps(group: Group, kind: str) -> None:
    """Sets what the records of all changelogs carry: the time of their creation, as before, or of their arrival."""
    settings = group.city.settings
    changelogs = [topic for topic in TOPICS if topic.config.items() >= BY_ARRIVAL.items()]
    async with topics.admin(settings) as client:
        for topic in changelogs:
            config = {**topic.config, "message.timestamp.type": kind}
            await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic(topic.name), config)])

        async def are_set() -> bool:
            wrong = [line for line in await topics.check(settings) if "message.timestamp.type" in line]
            return len(wrong) == (len(changelogs) if kind == "CreateTime" else 0)

        await wait_for(are_set, LIMIT_S)


async def test_the_successor_of_a_worker_whose_clock_was_ahead_goes_on_at_once(
    group: Group, port: int, tmp_path: Path
) -> None:
    with WrongClock(group, tmp_path, 299.0).worker(*page(port)):
        await are_applied(group, port, 1, "a")
        await named(group, "is ahead of that of the leader of")
        assert frontier_s(port) < time.time()
    with group.worker(*page(port)):
        await wait_for(lambda: frontier_s(port) > 0, LIMIT_S)
        assert frontier_s(port) < time.time()
        started = time.monotonic()
        await are_applied(group, port, 2, "b")
        assert time.monotonic() - started < 30.0
        await named(group, "clock", there=False)


async def test_a_worker_far_ahead_owns_nothing_and_disturbs_no_other(group: Group, port: int, tmp_path: Path) -> None:
    with group.worker(*page(port)):
        await are_applied(group, port, 1, "a")
        generations = group.city.log.count("takes over")
        with WrongClock(group, tmp_path, 3600.0).worker(instance="w1") as refused:
            assert refused.wait(90) == 1
        (line,) = [line for line in group.city.log.splitlines() if "owns nothing" in line]
        assert "time.max_skew (300 s)" in line
        assert "NTP" in line
        await are_applied(group, port, 2, "b")
        assert group.city.log.count("takes over") == generations


async def test_clocks_that_leap_while_a_worker_runs_move_nothing_ahead_lose_nothing_and_are_named(
    group: Group, port: int, tmp_path: Path
) -> None:
    clock = WrongClock(group, tmp_path)
    with clock.worker(*page(port)):
        await are_applied(group, port, 1, "a")
        clock.set(86_400.0)  # the worker's clock, a day
        await named(group, "is ahead of that of the leader of")
        await are_applied(group, port, 2, "b")
        assert frontier_s(port) < time.time()
        clock.set(-400.0)  # the broker's clock, as the worker sees it; further than max_skew
        await named(group, "is behind that of the leader of")
        stood_s = frontier_s(port)
        await send(group, "c", "d")
        clock.set(0.0)
        await named(group, "clock", there=False)
        await wait_for(lambda: applied(port) == 4, LIMIT_S)
        assert stood_s < frontier_s(port) < time.time()
        assert not metrics(port, "rejected_total")


async def test_a_worker_that_leaps_far_ahead_takes_over_nothing(group: Group, port: int, tmp_path: Path) -> None:
    clock = WrongClock(group, tmp_path)
    with group.worker(*page(port), instance="w0") as first:
        await are_applied(group, port, 1, "a")
        with clock.worker(instance="w1") as other:
            await wait_for(lambda: group.city.log.count("generation") >= 2, LIMIT_S)
            clock.set(3600.0)
            first.kill()
            assert other.wait(60) == 1
    assert "owns nothing" in group.city.log
    with group.worker(*page(port)):
        await are_applied(group, port, 2, "b")


async def test_a_state_that_was_led_ahead_before_says_for_how_long_nothing_is_decided(
    group: Group, port: int, tmp_path: Path
) -> None:
    await set_timestamps(group, "CreateTime")
    with WrongClock(group, tmp_path, 40.0).worker(*page(port)):
        await are_applied(group, port, 1, "a")
        await named(group, "is unknown, so the worker's decides alone; see `keepline topics check`")
        assert frontier_s(port) > time.time() + 30.0
    await set_timestamps(group, "LogAppendTime")
    with group.worker(*page(port)):
        found = await named(group, "the state is ahead of the clock")
        assert "is unknown" not in found
        await send(group, "b")
        stood_s = frontier_s(port)
        await named(group, "clock", there=False)
        await wait_for(lambda: applied(port) == 2, LIMIT_S)
        assert stood_s <= frontier_s(port) < time.time()
