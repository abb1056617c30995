"""The broker that other tests use."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests import conftest
from tests.kafka import apache
from tests.kafka.apache import ApacheKafka


async def new_topic(brokers: str) -> TopicPartition:
    name = f"t-{uuid4().hex[:8]}"
    client = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await client.start()
    await client.create_topics([NewTopic(name, 1, 1)])
    await client.close()
    return TopicPartition(name, 0)


async def commit(brokers: str, place: TopicPartition, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=brokers, transactional_id=place.topic)
    async with producer, producer.transaction():
        await producer.send(place.topic, value)


async def abort(brokers: str, place: TopicPartition, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=brokers, transactional_id=place.topic) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(place.topic, value)
        await producer.abort_transaction()


async def committed(brokers: str, place: TopicPartition) -> list[bytes]:
    values: list[bytes] = []
    async with AIOKafkaConsumer(bootstrap_servers=brokers) as anything:
        # not the last stable offset: right after a commit the marker may not be written yet
        end = (await anything.end_offsets([place]))[place]
    async with AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level="read_committed") as consumer:
        consumer.assign([place])
        consumer.seek(place, 0)
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                values += [record.value for record in records]
    return values


async def test_a_committed_transaction_is_read(brokers: str) -> None:
    place = await new_topic(brokers)
    await commit(brokers, place, b"kept")
    assert await committed(brokers, place) == [b"kept"]


async def test_an_aborted_transaction_is_not_read(brokers: str) -> None:
    place = await new_topic(brokers)
    await abort(brokers, place, b"dropped")
    await commit(brokers, place, b"kept")
    assert await committed(brokers, place) == [b"kept"]


async def test_what_was_committed_outlives_a_killed_broker(own_kafka: ApacheKafka) -> None:
    place = await new_topic(own_kafka.brokers)
    await commit(own_kafka.brokers, place, b"before")
    own_kafka.kill()
    own_kafka.start()
    await commit(own_kafka.brokers, place, b"after")
    assert await committed(own_kafka.brokers, place) == [b"before", b"after"]


def test_a_stopped_broker_does_not_answer(own_kafka: ApacheKafka) -> None:
    own_kafka.stop()
    assert not apache.serves(own_kafka.port)


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


@pytest.mark.usefixtures("no_java")
def test_without_java_the_tests_on_kafka_are_skipped_and_say_how_to_run_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KEEPLINE_REQUIRE_KAFKA", raising=False)
    with pytest.raises(
        pytest.skip.Exception,
        match=r"java is not there; install Java 17\+ and Maven, or set KEEPLINE_BROKERS",
    ):
        conftest.broker(tmp_path)


@pytest.mark.usefixtures("no_java")
def test_where_kafka_is_required_its_absence_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KEEPLINE_REQUIRE_KAFKA", "1")
    with pytest.raises(pytest.fail.Exception, match="java is not there"):
        conftest.broker(tmp_path)
