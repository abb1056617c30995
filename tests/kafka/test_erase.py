"""`keepline erase` on the topics of an Apache Kafka."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from schemas.partitioner import partition_of
from streams.cases.erasures import is_erasure
from streams.cli import main
from streams.kafka.settings import Settings
from streams.operations.cases.topic_reader import scan

CUSTOMER, AT = "c-17", "2024-02-20T00:00:00Z"


def test_an_erasure_reaches_the_log_where_the_customer_lives_and_is_the_same_when_sent_again(known: Settings) -> None:
    assert [main(["erase", CUSTOMER, "--why", "asked for it", "--at", AT]) for _ in range(2)] == [0, 0]
    partition = partition_of(CUSTOMER, 3)
    values = asyncio.run(scan(known, ("customer-profiles",), [partition], lambda record: True))["customer-profiles"]
    assert len(set(values)) == 1
    event = orjson.loads(values[0])
    assert (event["customer_id"], event["event_time"], event["erased"]) == (CUSTOMER, AT, "asked for it")
    assert is_erasure({"erased": event["erased"]})


def test_what_no_worker_would_accept_is_not_sent(known: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["erase", CUSTOMER, "--why", "x" * 300]) == 2
    assert main(["erase", "c" * 200, "--why", "asked for it"]) == 2
    assert main(["erase", CUSTOMER, "--why", "asked for it", "--at", "2999-01-01T00:00:00Z"]) == 2
    assert capsys.readouterr().err.count("\n") == 3
