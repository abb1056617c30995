"""The lag in seconds of a group that has never read, on a log of thirty days."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from aiokafka import AIOKafkaProducer

from schemas.instants import DAY_US, SECOND_US
from streams.cli import main
from streams.kafka.settings import Settings

PARTITIONS, DAYS = 3, 30


async def send(known: Settings, oldest_us: list[int]) -> None:
    """A record a day from the oldest one of each partition on."""
    async with AIOKafkaProducer(**known.client) as producer:
        for partition, first_us in enumerate(oldest_us):
            for day in range(DAYS):
                at_ms = (first_us + day * DAY_US) // 1000
                await producer.send(known.topic("service-visits"), b"{}", b"c", partition, timestamp_ms=at_ms)


def test_it_is_the_age_of_the_oldest_record_of_each_partition(
    known: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    now_us = time.time_ns() // 1000
    oldest_us = [now_us - DAYS * DAY_US - partition * DAY_US // 24 for partition in range(PARTITIONS)]
    asyncio.run(send(known, oldest_us))
    capsys.readouterr()
    main(["status", "--json"])
    asked_us, body = time.time_ns() // 1000, json.loads(capsys.readouterr().out)
    lags = {one["partition"]: one["lag_seconds"] for one in body["places"] if one["topic"] == "service-visits"}
    for partition, at_us in enumerate(oldest_us):
        assert lags[partition] == pytest.approx((asked_us - at_us) / SECOND_US, abs=1.0)
