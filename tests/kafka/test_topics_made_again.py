"""A topic that was deleted and made again is read from its beginning, never at the old offset, and never in silence."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from streams.kafka.fatal import EXIT_FAILED, EXIT_RESTART
from streams.kafka.status import read
from tests.kafka.city import PARTITIONS, City, new_city, wait_for
from tests.kafka.group import EVENT_TIME, Group, decisions, metrics, new_group
from tests.kafka.test_live_faults import LIMIT_S, live, problems, visit


@pytest.fixture
async def city(brokers: str, tmp_path: Path) -> City:
    return await new_city(brokers, tmp_path)


async def run_some(city: City, count: int) -> None:
    """A worker reads `count` records of each source and partition, and is killed."""
    await city.send(count)
    with city.worker(instance="w0") as worker:
        await wait_for(city.output_is_complete, LIMIT_S)
        worker.kill()


@pytest.mark.parametrize("count", [200, 1000, 2000])
async def test_while_no_worker_runs(city: City, count: int) -> None:
    await run_some(city, 1000)
    await city.make_again("service-visits")
    await city.send(count, end=True)
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected
    assert "was deleted and made again (another topic id): it had been read up to offset 1000, now" in city.log
    assert city.log.count("deleted and made again") == 2  # partitions, once each


async def test_under_a_worker_that_sees_the_topic_go(city: City) -> None:
    await city.send(1000)
    with city.worker(instance="w0") as worker:
        await wait_for(city.output_is_complete, LIMIT_S)
        await city.make_again("service-visits")
        assert worker.wait(LIMIT_S) == EXIT_RESTART, city.log
    await city.send(200, end=True)
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected
    lacks = ", ".join(f"{city.settings.topic('service-visits')}/{partition}" for partition in range(PARTITIONS))
    assert f"the worker ends itself: {lacks} were not assigned, but other sources" in city.log


@pytest.mark.parametrize("count", [200, 2000])
async def test_under_a_worker_that_does_not_see_the_topic_go(city: City, count: int) -> None:
    await city.send(1000)
    with city.worker(instance="w0", session_s=30.0) as worker:
        await wait_for(city.output_is_complete, LIMIT_S)
        worker.send_signal(signal.SIGSTOP)
        await city.make_again("service-visits")
        await city.send(count, end=True)
        worker.send_signal(signal.SIGCONT)
        assert worker.wait(LIMIT_S) == 0, city.log
    why = "deleted and made again while engine-" if count > 1000 else "the next record to read is gone"
    assert "was given up, the other units go on: " in city.log
    assert why in city.log
    assert "now it is read from offset 0, its beginning" in city.log
    assert count > 1000 or await city.output() == city.expected  # read at the old offset first, counted twice: no ids


async def test_more_than_one_topic_and_more_than_once(city: City) -> None:
    await run_some(city, 500)
    for _ in range(2):
        await city.make_again("service-visits", "app-activity")
    await city.send(300, end=True)
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected


async def test_what_retention_deleted_in_the_new_topic_before_it_was_read_is_not_missed(city: City) -> None:
    await run_some(city, 500)
    await city.make_again("service-visits")
    await city.send(100)
    await city.forget("service-visits")
    await city.send(0, end=True)
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert "now it is read from offset 100, its beginning" in city.log


async def test_a_changelog_made_again_is_an_empty_state_and_all_is_read_from_the_beginning(city: City) -> None:
    await run_some(city, 500)
    before = await city.output()
    await city.make_again("state")
    await city.send(0, end=True)
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == before + before
    assert f"is empty although the group {city.settings.group} has read {city.settings.topic_prefix}app-" in city.log


async def test_a_changelog_made_again_under_a_worker_that_wrote_to_it_is_not_taken_for_a_state(city: City) -> None:
    await city.send(500)
    with city.worker(instance="w0", session_s=30.0) as worker:
        await wait_for(city.output_is_complete, LIMIT_S)
        worker.send_signal(signal.SIGSTOP)
        await city.make_again("state")
        await city.send(500)
        worker.send_signal(signal.SIGCONT)
        await wait_for(
            city.output_is_complete, LIMIT_S
        )  # the changes since the last checkpoint alone are in the new changelog
        assert worker.wait(LIMIT_S) == EXIT_FAILED, city.log
    assert f"{city.settings.topic('state')}: deleted and made again while engine-" in city.log
    assert "in it is not complete; stop the workers, delete" in city.log
    await city.make_again("state")
    await city.send(0, end=True)
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected + city.expected


async def test_a_topic_without_a_known_id_is_taken_as_it_is(city: City) -> None:
    """Of brokers before 2.8, and of a state of the release before."""
    await city.send(500)
    with city.worker(instance="w0", without_ids=True) as worker:
        await wait_for(city.output_is_complete, LIMIT_S)
        worker.kill()
    await city.send(500, end=True)
    with city.worker(instance="w0") as worker:
        assert worker.wait(LIMIT_S) == 0, city.log
    assert await city.output() == city.expected
    assert "made again" not in city.log


async def visits_again(group: Group, names: list[str]) -> None:
    topic = group.city.settings.topic("service-visits")
    async with AIOKafkaProducer(**group.city.settings.client) as producer:
        for name in names:
            await producer.send(topic, visit(name), name.encode())


async def until_saved(group: Group, events: int) -> None:
    async def are_saved() -> bool:
        return (await read(group.city.settings)).counts.get("applied") == events

    await wait_for(are_saved, LIMIT_S)


def applied(port: int) -> dict[str, float]:
    return {
        outcome: sum(count for labels, count in metrics(port, "events_total").items() if f'"{outcome}"' in labels)
        for outcome in ("applied", "duplicate")
    }


async def test_live_events_that_are_published_again_are_recognized_and_the_alert_stays(
    brokers: str, tmp_path: Path
) -> None:
    names = [f"c{number}" for number in range(100)]
    with live(brokers, tmp_path, 2) as (group, port):
        await visits_again(group, names[:60])
        await until_saved(group, 60)
    await group.city.make_again("service-visits")
    await visits_again(group, names)
    with group.worker("--http", str(port)):
        await wait_for(lambda: applied(port) == {"applied": 100, "duplicate": 60}, LIMIT_S)

        async def is_named() -> bool:
            return (await problems(group)).count("was deleted and made again (another topic id): it had been read") == 2

        await wait_for(is_named, LIMIT_S)


async def test_live_models_and_observations_made_again_do_not_stop_the_workers(brokers: str, tmp_path: Path) -> None:
    with live(brokers, tmp_path, 1) as (group, port):
        await visits_again(group, ["a", "b"])
        await until_saved(group, 2)
    await group.city.make_again("models", "observations", "labelled-examples")
    await visits_again(group, ["c"])
    with group.worker("--http", str(port)):
        await wait_for(lambda: applied(port)["applied"] == 3, LIMIT_S)
        await wait_for(lambda: sum(metrics(port, "alerts").values()) == 3, LIMIT_S)


async def test_in_event_time_an_empty_state_sends_the_same_messages_again(
    brokers: str, log: Path, wanted: dict[str, list[bytes]], tmp_path: Path
) -> None:
    group = new_group(brokers, 2, tmp_path)
    group.publish(log)
    group.finish()
    await group.city.make_again("state")
    group.finish()
    assert await decisions(group) == {topic: sorted(values + values) for topic, values in wanted.items()}
    assert "state/0 is empty although the group" in group.city.log


async def test_in_event_time_models_made_again_are_refused_with_what_to_do(
    brokers: str, log: Path, tmp_path: Path
) -> None:
    group = new_group(brokers, 1, tmp_path)
    group.publish(log)
    group.finish()
    await group.city.make_again("models")
    with group.worker(*EVENT_TIME) as process:
        assert process.wait(LIMIT_S) == EXIT_FAILED
    assert "the topic models was deleted and made again" in group.city.log
    assert "keepline repartition --to N PREFIX" in group.city.log
