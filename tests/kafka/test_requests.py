"""Requests that aiokafka has no code for, answered by Apache Kafka."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient

from streams.kafka.requests import open_transactions, topic_ids
from tests.kafka.city import wait_for


@asynccontextmanager
async def client_of(brokers: str, *topics: str) -> AsyncIterator[AIOKafkaClient]:
    client = AIOKafkaClient(bootstrap_servers=brokers)
    await client.bootstrap()
    try:
        await client.set_topics(topics)
        yield client
    finally:
        await client.close()


async def made(brokers: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        await admin.close()


def a_name() -> str:
    return f"requests-{uuid.uuid4().hex[:8]}"


async def test_a_topic_that_is_made_again_has_another_id(brokers: str) -> None:
    name = a_name()
    await made(brokers, name)
    async with client_of(brokers) as client:
        first = await topic_ids(client, [name, "not-there"])
        assert list(first) == [name]
        assert await topic_ids(client, [name]) == first
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        await admin.delete_topics([name])
    finally:
        await admin.close()
    async with client_of(brokers) as client:

        async def is_gone() -> bool:
            return await topic_ids(client, [name]) == {}

        await wait_for(is_gone)
        await made(brokers, name)

        async def is_back() -> bool:
            return list(await topic_ids(client, [name])) == [name]

        await wait_for(is_back)
        assert await topic_ids(client, [name]) != first


async def test_an_open_transaction_is_found_with_its_producer_and_its_first_offset(brokers: str) -> None:
    name = a_name()
    await made(brokers, name)
    place = TopicPartition(name, 0)
    producer = AIOKafkaProducer(bootstrap_servers=brokers, transactional_id=name)
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(name, b"done", partition=0)
        await producer.begin_transaction()
        await producer.send_and_wait(name, b"hanging", partition=0)
        async with client_of(brokers, name) as client:
            (found,) = await open_transactions(client, place)
            assert found.first_offset == 2  # behind the first record and its marker
            assert "--partition 0 --start-offset 2" in found.command
            await producer.abort_transaction()

            async def has_ended() -> bool:  # the broker writes its marker a little later
                return await open_transactions(client, place) == []

            await wait_for(has_ended)
    finally:
        await producer.stop()
