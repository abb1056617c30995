"""Every codec of Kafka, by producer and by topic, and batches that cannot be read."""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path
from typing import Any

import cramjam
import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from schemas.refusals import Unreadable
from streams.kafka import topics
from streams.kafka.codecs import DECODERS, MOST_BYTES
from tests.kafka.city import wait_for
from tests.kafka.fetches import RECORDS, checked, read
from tests.kafka.group import metrics
from tests.kafka.test_live_faults import LIMIT_S, live, visit

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
GZIP, ZSTD = 1, 4
A_CODEC = 30  # records


def batch(base_offset: int, *values: bytes, codec: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 30)
    for i, value in enumerate(values):
        builder.append(i, 0, b"k", value, [])
    return struct.pack(">q", base_offset) + bytes(builder.build())[8:]


def with_payload(whole: bytes, payload: bytes) -> bytes:
    """The batch with other records and a right checksum."""
    return checked(whole[:RECORDS] + payload)


def values(data: bytes, start: int) -> list[tuple[int, bytes | None]]:
    return [(offset, value) for offset, _, _, value in read(data, start, (), in_place=True)[0]]


@pytest.mark.parametrize(
    "payload",
    [b"", b"garbage", cramjam.zstd.compress(b"no records at all"), cramjam.zstd.compress(bytes(MOST_BYTES + 1))],
    ids=["empty", "garbage", "not records", "a bomb"],
)
def test_a_batch_that_cannot_be_read_is_one_record_at_its_last_offset(payload: bytes) -> None:
    broken = with_payload(batch(3, b"x", b"y", codec=ZSTD), bytes(payload))
    whole = batch(0, b"a", b"b", b"c", codec=GZIP) + broken + batch(5, b"d", codec=ZSTD)
    for start in range(5):
        (*before, (offset, value), after) = values(whole, start)
        assert before == [(0, b"a"), (1, b"b"), (2, b"c")][start:]
        assert (offset, after) == (4, (5, b"d"))
        assert isinstance(value, Unreadable)
        assert value.startswith(b"offsets 3 to 4: ")


def test_a_wrong_checksum_still_raises() -> None:
    whole = bytearray(batch(0, b"a", b"b"))
    whole[-1] ^= 1
    assert "CorruptRecordException" in read(bytes(whole), 0, (), in_place=True)[1]


@pytest.mark.parametrize("codec", CODECS[1:])
def test_what_a_codec_gives_is_bounded(codec: str) -> None:
    encode = {"snappy": cramjam.snappy.compress_raw}.get(codec) or getattr(cramjam, codec).compress
    decode = DECODERS[codec]
    for size in (0, 1, 5 << 20):
        assert decode(bytes(encode(bytes(size)))) == bytes(size)
    if codec != "snappy":
        with pytest.raises(ValueError, match="more than 64 MiB"):
            decode(bytes(encode(bytes(MOST_BYTES + 1))))


async def test_every_codec_by_producer_and_by_topic_is_read_and_a_bomb_is_refused(brokers: str, tmp_path: Path) -> None:
    confluent = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    with live(brokers, tmp_path, 1) as (group, port):
        topic = group.city.settings.topic("service-visits")
        await wait_for(lambda: bool(metrics(port, "frontier_timestamp_seconds")), LIMIT_S)
        for codec in CODECS:
            await send(confluent, brokers, topic, codec, f"{codec}-producer")
        for codec in ("uncompressed", *CODECS[1:]):
            await compress(group.city.settings, topic, codec)
            await send(confluent, brokers, topic, "none", f"{codec}-topic")
        await compress(group.city.settings, topic, "producer")
        bomb = confluent.Producer(
            {"bootstrap.servers": brokers, "compression.type": "zstd", "message.max.bytes": 1_000_000_000}
        )
        bomb.produce(topic, bytes(MOST_BYTES + 1), b"bomb")
        await asyncio.to_thread(bomb.flush, 60)
        await send(confluent, brokers, topic, "zstd", "after")

        def applied() -> float:
            return sum(count for labels, count in metrics(port, "events_total").items() if "applied" in labels)

        async def letter_there() -> bool:
            return bool(await group.values("dead-letters"))

        await wait_for(lambda: applied() == A_CODEC * 11, LIMIT_S)
        await wait_for(letter_there, LIMIT_S)
        (letter,) = [json.loads(value) for value in await group.values("dead-letters")]
        assert (letter["rule"], letter["offset"], letter["value"]) == ("batch", A_CODEC * 10, None)
        assert "64 MiB" in letter["sentence"]


async def send(confluent: Any, brokers: str, topic: str, codec: str, producer: str) -> None:
    settings = {"bootstrap.servers": brokers, "compression.type": codec, "partitioner": "murmur2_random"}
    client = confluent.Producer(settings | {"linger.ms": 100})  # one batch, large enough to be worth compressing
    for number in range(A_CODEC):
        client.produce(topic, visit(f"c{number}", producer, number), f"c{number}".encode())
    await asyncio.to_thread(client.flush, 30)


async def compress(settings: Any, topic: str, codec: str) -> None:
    async with topics.admin(settings) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"compression.type": codec})])
