from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streams.kafka import topics
from streams.kafka.status import STUCK_S, Status, UnitState, problems, read
from streams.units.seal import seal
from streams.units.sources import MODELS
from tests.kafka.city import PARTITIONS, City, new_city, wait_for
from tests.kafka.counting import SOURCES
from tests.kafka.test_unit_status import METADATA_BYTES

ENGINES = [f"engine-{partition}" for partition in range(PARTITIONS)]


@pytest.fixture
async def city(brokers: str, tmp_path: Path) -> City:
    return await new_city(brokers, tmp_path)


def unit(name: str, age_s: float = 0.0, done: bool = False, lag: int = 0) -> UnitState:
    return UnitState(name, None, age_s, done, False, lag)


def status(*units: UnitState, members: int = 1, state: str = "Stable") -> Status:
    return Status("g", "", state, members, list(units), [], None, {})


def test_a_group_that_works_has_no_problems() -> None:
    assert problems(status(unit("engine-0")), ["engine-0"]) == []


def test_a_unit_that_never_saved_is_named() -> None:
    assert problems(status(unit("engine-0")), ["engine-0", "learner"]) == ["learner has never committed a checkpoint"]


def test_a_group_without_workers_is_a_problem() -> None:
    assert problems(status(unit("engine-0"), members=0), ["engine-0"]) == ["no worker runs in group g"]


def test_a_group_that_reached_the_end_needs_no_workers() -> None:
    assert problems(status(unit("engine-0", done=True), members=0), ["engine-0"]) == []


def test_a_rebalance_is_named() -> None:
    (problem,) = problems(status(unit("engine-0"), state="PreparingRebalance"), ["engine-0"])
    assert "PreparingRebalance" in problem


def test_a_unit_that_does_not_save_while_records_wait_is_stuck() -> None:
    (problem,) = problems(status(unit("engine-0", STUCK_S + 1, lag=7)), ["engine-0"])
    assert problem == "engine-0 has committed no checkpoint for 61 s while 7 records wait"


def test_a_unit_that_was_given_up_is_only_tried_again_by_a_worker() -> None:
    seen = replace(unit("engine-0"), given_up="no such topic")
    assert problems(status(seen), ["engine-0"]) == ["engine-0 was given up, its worker tries it again: no such topic"]
    told = ["no worker runs in group g", "engine-0 was given up: no such topic"]
    assert problems(status(seen, members=0), ["engine-0"]) == told


def test_an_idle_unit_is_not_stuck() -> None:
    assert problems(status(unit("engine-0", STUCK_S + 1)), ["engine-0"]) == []


async def test_lag_counts_the_records_that_wait(city: City) -> None:
    await city.send(1000)
    with city.worker() as worker:
        await wait_for(city.has_output)
        await wait_for(lambda: drained(city))
        worker.kill()
    await city.send_in_a_transaction(30)
    assert {place.lag_records for place in (await read(city.settings)).places} == {30}


async def test_lag_is_zero_after_a_drain_in_spite_of_markers(city: City) -> None:
    with city.worker():
        await city.send_in_a_transaction(100)
        await wait_for(lambda: drained(city))
        seen = await read(city.settings)
    assert [unit.lag_records for unit in seen.units] == [0] * PARTITIONS


async def test_other_lag_tools_see_no_lag_after_a_drain_either(city: City) -> None:
    with city.worker():
        await city.send_in_a_transaction(100)
        await wait_for(lambda: drained(city))
        async with topics.admin(city.settings) as client:
            offsets = await client.list_consumer_group_offsets(city.settings.group)
    places = [TopicPartition(city.settings.topic(source), p) for source in SOURCES for p in range(PARTITIONS)]
    assert {place: offsets[place].offset for place in places} == dict.fromkeys(places, 101)  # 100 and a marker


async def test_the_newest_model_is_the_one_in_force(city: City) -> None:
    async with AIOKafkaProducer(**city.settings.client, transactional_id="learner-of-a-test") as producer:
        for version in range(1, 8):
            async with producer.transaction():
                body = {"version": version, "instant_us": version, "ready": True}
                await producer.send(city.settings.topic(MODELS), seal(MODELS, orjson.dumps(body)), b"model", 0)
    model = (await read(city.settings)).model
    assert model is not None
    assert model.version == 7


async def drained(city: City) -> bool:
    """Returns whether everything sent is applied and saved."""
    return (await read(city.settings)).counts.get("applied", 0) == city.sent.total()


async def offsets_of_a_worker_that_has_left(city: City) -> dict[TopicPartition, OffsetAndMetadata]:
    """Returns the group's offsets once a worker has applied what was sent and left."""
    with city.worker() as worker:
        await city.send(50)
        await wait_for(lambda: drained(city))
        worker.terminate()
        worker.wait(90)
    async with topics.admin(city.settings) as client:
        found: dict[TopicPartition, OffsetAndMetadata] = await client.list_consumer_group_offsets(city.settings.group)
    return found


async def test_counts_and_alerts_are_read_where_the_metadata_say_they_lie(city: City) -> None:
    offsets = await offsets_of_a_worker_that_has_left(city)
    sizes = {len(offset.metadata) for offset in offsets.values()}
    assert max(sizes) < METADATA_BYTES
    seen = await read(city.settings)
    assert (seen.counts, [unit.alerts for unit in seen.units]) == ({"applied": city.sent.total()}, [[]] * PARTITIONS)


async def test_a_unit_whose_row_is_gone_is_unknown_yet(city: City) -> None:
    behind = {
        place: OffsetAndMetadata(one.offset, orjson.dumps(orjson.loads(one.metadata) | {"status": status}).decode())
        for place, one in (await offsets_of_a_worker_that_has_left(city)).items()
        for status in [place.partition * 10**9]  # another record, and behind the end
    }
    await set_offsets(city, behind)
    seen = await read(city.settings)
    assert [unit.alerts for unit in seen.units] == [None] * PARTITIONS
    assert seen.counts == {}
    assert orjson.loads(orjson.dumps(seen.as_json()))["units"][0]["alerts"] is None


async def set_offsets(city: City, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
    consumer = AIOKafkaConsumer(**city.settings.client, group_id=city.settings.group, enable_auto_commit=False)
    async with consumer:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
