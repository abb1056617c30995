"""Into which partitions the clients of other languages put a customer, with their defaults and as the docs say."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.partitioner import partition_of
from tests.kafka.apache import jars

PARTITIONS = 7
KEYS = [*(f"c{number}" for number in range(200)), "Zoë Müller", "顾客-十七", "a b\u00a0c", "x" * 200]
PROGRAM = Path(__file__).with_name("Publisher.java")
JAVA_LIMIT_S = 60.0


def send_by_java(brokers: str, topic: str, records: Sequence[tuple[str, str]]) -> None:
    """Sends records by the Java client with its defaults; skips where there is no compiler."""
    if shutil.which("javac") is None:
        pytest.skip("javac is not there: a JDK runs Publisher.java, a JRE does not")
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", f"{jars()}/*", str(PROGRAM), brokers, topic]
    lines = "".join(f"{key}\t{value}\n" for key, value in records).encode()
    done = subprocess.run(command, input=lines, capture_output=True, timeout=JAVA_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr.decode()


def send_by_confluent(brokers: str, topic: str, keys: Sequence[str], settings: Mapping[str, str]) -> None:
    confluent = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    producer = confluent.Producer({"bootstrap.servers": brokers, **settings})
    for key in keys:
        producer.produce(topic, b"{}", key.encode())
    assert producer.flush(30) == 0


@pytest.fixture
async def topic(brokers: str) -> str:
    name = f"clients-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    finally:
        await admin.close()
    return name


async def misplaced(brokers: str, topic: str) -> set[str]:
    """Keys that are not in their customer's partition."""
    found = []
    async with AIOKafkaConsumer(topic, bootstrap_servers=brokers, auto_offset_reset="earliest") as consumer:
        while len(found) < len(KEYS):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [(record.key.decode(), record.partition) for record in records]
    assert {key for key, _ in found} == set(KEYS)
    return {key for key, partition in found if partition != partition_of(key, PARTITIONS)}


async def test_java_with_its_defaults_is_right(brokers: str, topic: str) -> None:
    send_by_java(brokers, topic, [(key, "{}") for key in KEYS])
    assert await misplaced(brokers, topic) == set()


async def test_aiokafka_with_its_defaults_is_right(brokers: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        for key in KEYS:
            await producer.send(topic, b"{}", key.encode())
    assert await misplaced(brokers, topic) == set()


@pytest.mark.parametrize("partitioner", ["murmur2_random", "murmur2"])
async def test_librdkafka_is_right_with_a_murmur2_partitioner(brokers: str, topic: str, partitioner: str) -> None:
    send_by_confluent(brokers, topic, KEYS, {"partitioner": partitioner})
    assert await misplaced(brokers, topic) == set()


@pytest.mark.parametrize("partitioner", ["consistent_random", "fnv1a_random"])  # the first is the default
async def test_librdkafka_is_wrong_with_another_one(brokers: str, topic: str, partitioner: str) -> None:
    send_by_confluent(brokers, topic, KEYS, {} if partitioner == "consistent_random" else {"partitioner": partitioner})
    assert len(await misplaced(brokers, topic)) > len(KEYS) / 2
