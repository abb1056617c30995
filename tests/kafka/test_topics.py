from __future__ import annotations

from uuid import uuid4

import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.errors import Failure, UsageError
from streams.kafka import topics
from streams.kafka.settings import Settings
from tests.kafka.city import wait_for


@pytest.fixture
def settings(brokers: str) -> Settings:
    return Settings((brokers,), f"{uuid4().hex[:8]}-")


async def change(settings: Settings, short: str, **config: str) -> None:
    named = {name.replace("_", "."): value for name, value in config.items()}
    async with topics.admin(settings) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic(short), named)])


async def test_created_topics_have_no_problems(settings: Settings) -> None:
    created = await topics.create(settings)
    assert len(created) == len(topics.TOPICS)
    assert await topics.check(settings) == []


async def test_four_partitions_are_the_default(settings: Settings) -> None:
    await topics.create(settings)
    assert await topics.partition_count(settings) == 4


async def test_creating_twice_creates_nothing_the_second_time(settings: Settings) -> None:
    await topics.create(settings, 2)
    assert await topics.create(settings) == []


async def test_every_missing_topic_is_named(settings: Settings) -> None:
    missing = await topics.check(settings)
    assert [line.split()[0] for line in missing] == [settings.topic(topic.name) for topic in topics.TOPICS]


async def test_a_worker_without_topics_fails_with_the_command_that_creates_them(settings: Settings) -> None:
    with pytest.raises(Failure, match=r"topics are missing: .*`keepline topics create`"):
        await topics.partition_count(settings)


async def test_other_partitions_than_those_there_are_refused(settings: Settings) -> None:
    await one_topic(settings, "surveys", 2)
    with pytest.raises(UsageError, match="have 2 partitions, 3 were asked for"):
        await topics.create(settings, 3)


async def test_what_is_missing_gets_the_partitions_of_the_rest(settings: Settings) -> None:
    await one_topic(settings, "surveys", 2)
    await topics.create(settings)
    assert await topics.partition_count(settings) == 2


async def test_partition_counts_that_differ_are_named(settings: Settings) -> None:
    await one_topic(settings, "models", 2)
    await one_topic(settings, "surveys", 3)
    assert any("models 2" in line and "surveys 3" in line for line in await topics.check(settings))


async def test_retention_that_would_delete_a_replay_is_named(settings: Settings) -> None:
    await topics.create(settings, 1)
    await change(settings, "surveys", retention_ms="604800000")
    assert ["retention.ms is 604800000" in line for line in await wrong(settings)] == [True]


async def test_a_topic_that_counts_from_arrival_may_have_a_retention(settings: Settings) -> None:
    await topics.create(settings, 1)
    await change(settings, "surveys", retention_ms="604800000", message_timestamp_type="LogAppendTime")
    assert await topics.check(settings) == []


async def test_a_changelog_that_would_be_deleted_is_named(settings: Settings) -> None:
    await topics.create(settings, 1)
    large = topics.LARGE["max.message.bytes"]
    await change(
        settings, "state", cleanup_policy="delete", max_message_bytes=large, message_timestamp_type="LogAppendTime"
    )
    assert ["cleanup.policy is delete" in line for line in await wrong(settings)] == [True]


async def test_a_changelog_without_the_broker_s_clock_is_named_with_the_command(settings: Settings) -> None:
    await topics.create(settings, 1)
    large = topics.LARGE["max.message.bytes"]
    await change(settings, "learner-state", cleanup_policy="compact", max_message_bytes=large)
    (found,) = await wrong(settings)
    assert "message.timestamp.type is CreateTime, expected LogAppendTime" in found
    assert f"--entity-name {settings.topic('learner-state')} --add-config message.timestamp.type=LogAppendTime" in found


async def test_messages_that_would_not_fit_are_named(settings: Settings) -> None:
    await topics.create(settings, 1)
    await change(settings, "models", max_message_bytes="1000", retention_ms="-1")
    assert ["max.message.bytes is 1000" in line for line in await wrong(settings)] == [True]


async def test_brokers_that_do_not_answer_are_named() -> None:
    with pytest.raises(Failure, match=r"127\.0\.0\.1:1"):
        await topics.check(Settings(("127.0.0.1:1",)))


async def wrong(settings: Settings) -> list[str]:
    """Returns the problems, as soon as the brokers report them."""
    named: list[str] = []

    async def something() -> bool:
        named[:] = await topics.check(settings)
        return bool(named)

    await wait_for(something)
    return named


async def one_topic(settings: Settings, short: str, partitions: int) -> None:
    async with topics.admin(settings) as client:
        await client.create_topics([NewTopic(settings.topic(short), partitions, 1)])

        async def known() -> bool:
            return settings.topic(short) in await client.list_topics()

        await wait_for(known)
