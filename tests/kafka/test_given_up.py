"""One unit's trouble is its own, on Apache Kafka: it is given up, its reason is shown, and it is tried again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from streams.kafka.commits import Report, with_reason
from streams.kafka.status import read
from streams.kafka.topics import create
from tests.kafka.city import City, new_city, wait_for

LIMIT_S = 60.0


@pytest.fixture
async def city(brokers: str, tmp_path: Path) -> City:
    return await new_city(brokers, tmp_path)


async def reasons(city: City) -> dict[str, str]:
    """Returns why units are given up, as status shows it."""
    status = await read(city.settings)
    return {unit.unit: unit.given_up for unit in status.units if unit.given_up}


async def test_a_record_that_a_unit_cannot_apply_stops_that_unit_alone_until_it_can(city: City, tmp_path: Path) -> None:
    poison = tmp_path / "poison"
    poison.touch()
    await city.send(500)
    with city.worker(poison=str(poison)) as worker:
        await wait_for(lambda: city.is_complete_of(0), LIMIT_S)

        async def is_shown() -> bool:
            return (await reasons(city)) == {"engine-1": "ValueError: this record cannot be applied"}

        await wait_for(is_shown, LIMIT_S)
        problems = (await read(city.settings)).problems
        assert "engine-1 was given up, its worker tries it again: ValueError: this record cannot be applied" in problems
        await city.send(500)
        await wait_for(lambda: city.is_complete_of(0), LIMIT_S)
        poison.unlink()
        await city.send(0, end=True)
        assert await asyncio.to_thread(worker.wait, LIMIT_S) == 0, city.log
    assert await city.output() == city.expected
    assert await reasons(city) == {}
    assert city.log.count("was given up, the other units go on") == 1


async def test_a_changelog_that_is_deleted_gives_up_its_units_until_it_is_there_again(city: City) -> None:
    await city.send(500)
    with city.worker(forever=True) as worker:
        await wait_for(city.output_is_complete, LIMIT_S)
        await city.delete("state")
        await city.send(100)
        missing = f"{city.settings.topic('state')}: the topic is missing"
        await wait_for(lambda: city.log.count(missing) >= 2, LIMIT_S)
        await create(city.settings)
        await wait_for(lambda: city.log.count("read from their beginning") >= 2, LIMIT_S)
        await wait_for(lambda: city.log.count("restored:") == 4, LIMIT_S)
        assert worker.poll() is None, city.log


async def test_a_unit_whose_owner_is_fenced_waits_for_the_group_and_the_other_goes_on(city: City) -> None:
    await city.send(500)
    with city.worker(forever=True) as worker:
        await wait_for(city.output_is_complete, LIMIT_S)
        async with AIOKafkaProducer(
            **city.settings.client, transactional_id=city.settings.transactional_id("engine-1")
        ):
            await city.send(500)
            await wait_for(lambda: "engine-1 was given up, the other units go on: another worker" in city.log, LIMIT_S)
            await wait_for(lambda: city.is_complete_of(0), LIMIT_S)
        with city.worker(forever=True):  # the group is divided anew: no need to wait for the pause
            await wait_for(city.output_is_complete, LIMIT_S)
        assert worker.poll() is None


async def test_a_second_group_on_the_same_topics_is_refused_and_the_first_goes_on(city: City) -> None:
    second = city.of_group("second")
    await city.send(500)
    with city.worker(forever=True) as worker:
        await wait_for(city.output_is_complete, LIMIT_S)
        with second.worker() as refused:
            assert await asyncio.to_thread(refused.wait, LIMIT_S) == 1, second.log
        assert f"belongs to the group {city.settings.group}, this worker is in second: two groups" in second.log
        await city.send(500)
        await wait_for(city.output_is_complete, LIMIT_S)
        assert worker.poll() is None
    assert "given up" not in city.log


async def test_two_deployments_with_one_group_name_do_not_fence_each_other(
    brokers: str, tmp_path: Path, city: City
) -> None:
    (tmp_path / "other").mkdir()
    other = (await new_city(brokers, tmp_path / "other")).of_group(city.settings.group)
    for one in (city, other):
        await one.send(500, end=True)
    with city.worker() as first, other.worker() as second:
        codes = [await asyncio.to_thread(process.wait, LIMIT_S) for process in (first, second)]
    assert codes == [0, 0]
    assert (await city.output(), await other.output()) == (city.expected, other.expected)
    assert "given up" not in city.log + other.log


async def test_a_state_that_names_no_group_belongs_to_the_one_that_reads_it_first(city: City) -> None:
    """As releases before left it."""
    await city.send(500)
    with city.worker(forever=True, without_group=True):
        await wait_for(city.output_is_complete, LIMIT_S)
    second = city.of_group("second")
    await city.send(500, end=True)
    with second.worker() as worker:
        assert await asyncio.to_thread(worker.wait, LIMIT_S) == 0, second.log
    assert await city.output() == city.expected
    with city.worker() as worker:
        assert await asyncio.to_thread(worker.wait, LIMIT_S) == 1


def test_the_reason_goes_into_what_the_last_checkpoint_wrote() -> None:
    saved = {"unit": "engine-0", "saved_at": 1.0, "frontier": None, "done": False, "waiting": False}
    last = json.dumps(saved | {"alerts": ["a"], "counts": {"applied": 7}})
    found = Report.model_validate_json(with_reason(last, "engine-0", "no space left"))
    assert (found.given_up, found.counts, found.alerts) == ("no space left", {"applied": 7}, ["a"])


@pytest.mark.parametrize("metadata", ["", "of another client", "{}"])
def test_a_unit_that_has_saved_nothing_is_shown_with_its_reason(metadata: str) -> None:
    found = Report.model_validate_json(with_reason(metadata, "engine-0", "no space left"))
    assert (found.unit, found.given_up) == ("engine-0", "no space left")


def test_a_reason_fits_beside_many_alerts() -> None:
    saved = {"unit": "engine-0", "saved_at": 1.0, "frontier": None, "done": False, "waiting": False}
    last = json.dumps(saved | {"alerts": ["a" * 1500], "counts": {f"withheld_{n:03}": n for n in range(120)}})
    assert len(with_reason(last, "engine-0", "\u4e2d" * 600).encode()) < 4_096
