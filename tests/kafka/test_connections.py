"""Addresses that accept connections and never answer: the next one is tried; every wait has a limit and a reason."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from schemas.errors import Failure
from streams.kafka import clock, connections, topics
from streams.kafka.settings import Settings

LIMIT_S = 0.5


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yields host:port of a listener that never answers."""
    monkeypatch.setattr(connections, "LIMIT_S", LIMIT_S)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


async def test_the_next_address_is_tried_after_a_silent_one(brokers: str, silent: str) -> None:
    known = Settings((silent, brokers), "none-")
    with pytest.raises(Failure, match="topics are missing"):
        await topics.partition_count(known)


async def test_a_silent_address_is_told_once_another_one_answers_since_no_error_tells_it(
    brokers: str, silent: str, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"client_id": "test", "request_timeout_ms": 40_000}
    for address in (silent, silent, brokers, silent, brokers):
        host, _, port = address.rpartition(":")
        with suppress(KafkaConnectionError):
            (await connections.connect(host, int(port), **options)).close()
    told = [record.getMessage() for record in caplog.records if record.name == connections.log.name]
    assert told == [f"broker {silent} did not answer within 0.5 s, another one did: check that address"]


async def test_clients_connect_past_a_silent_address(brokers: str, silent: str) -> None:
    known = Settings((silent, brokers)).client
    async with AIOKafkaProducer(**known), AIOKafkaConsumer(**known) as consumer:
        assert "nothing" not in await consumer.topics()


async def test_addresses_that_are_all_silent_are_a_failure_with_a_reason(silent: str) -> None:
    known = Settings((silent, silent))
    with pytest.raises(Failure, match=f"broker {silent}: no answer in "):
        await topics.partition_count(known)


async def test_the_broker_s_clock_is_asked_with_a_limit_and_a_reason(silent: str) -> None:
    known = replace(Settings((silent,)), topic_prefix="x-")
    with pytest.raises(Failure, match=r"cannot read the broker's clock from x-state/0: \S+"):
        await clock.check(known, 300_000_000)
