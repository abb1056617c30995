"""`keepline models` on the topics of an Apache Kafka."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from online_model.registry import Command
from online_model.snapshot import Snapshot
from schemas.instants import parse_instant
from streams.cli import main
from streams.kafka.settings import Settings
from streams.operations.cases.topic_reader import scan
from streams.units.sources import LABELLED, MODELS

AT = "2024-02-20T00:00:00Z"
VERSION = replace(Snapshot.initial(0.25), version=7, instant_us=parse_instant("2024-02-05T00:00:00Z"))


@pytest.fixture
def known(known: Settings) -> Settings:
    """Topics in which version 7 is served, and version 8 was never committed."""
    asyncio.run(transact(known, VERSION, abort=False))
    asyncio.run(transact(known, replace(VERSION, version=8), abort=True))
    return known


async def transact(known: Settings, version: Snapshot, *, abort: bool) -> None:
    name = f"{known.topic_prefix}worker"
    async with AIOKafkaProducer(**known.client, transactional_id=name) as producer:
        await producer.begin_transaction()
        await producer.send(known.topic(MODELS), version.dumps(), b"model", partition=0)
        await (producer.abort_transaction() if abort else producer.commit_transaction())


def sent(known: Settings) -> list[Command]:
    values = asyncio.run(scan(known, (LABELLED,), [0], lambda record: True))
    return [Command.loads(value) for value in values[LABELLED]]


def test_the_list_has_committed_versions_only(known: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["models", "list", "--json"]) == 0
    assert [one["version"] for one in orjson.loads(capsys.readouterr().out)["models"]] == [7]


def test_a_rollback_reaches_the_learner_s_log_with_the_whole_version(known: Settings) -> None:
    assert main(["models", "rollback", "7", "--why", "it went wrong", "--at", AT]) == 0
    (command,) = sent(known)
    assert command.model is not None
    assert (command.event_us, command.model.dumps()) == (parse_instant(AT), VERSION.dumps())


def test_a_promotion_reaches_the_learner_s_log(known: Settings) -> None:
    assert main(["models", "promote", "--why", "well again", "--at", AT]) == 0
    assert [(one.model, one.why) for one in sent(known)] == [(None, "well again")]


def test_a_rollback_to_an_uncommitted_version_is_refused(known: Settings) -> None:
    assert main(["models", "rollback", "8", "--why", "no"]) == 1
    assert sent(known) == []
