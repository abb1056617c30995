"""Every command that reads a cluster, on groups that are healthy, empty, foreign and poisoned: always an answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.structs import OffsetAndMetadata

from streams.cli import main
from streams.kafka import topics
from streams.kafka.settings import Settings
from tests.kafka.group import Group, new_group
from tests.operations.cases.messages import intervention, update

COMMANDS = [
    "status",
    "status --json",
    "cases",
    "cases --json",
    "cases --lang zh --scope nowhere --tier high --agent nobody --due-today --limit 3",
    "cases --state withheld --at 2024-03-01T00:00:00Z --set case.contact_within=2d",
    "cases show anna",
    "cases show anna --json",
    "models list",
    "models list --json",
    "models show 1",
    "models diff 1 1 --json",
    "models rollback 1 --why test --at 2030-01-01T00:00:00Z",
    "models promote --why test --json --at 2030-01-01T00:00:00Z",
    "models promote --challenger nobody --why test",
    "topics check",
    "publishers release shop-17",
    "probe --limit 1s",
]
HOSTILE = "\x1b[2J\x1b]52;c;cm0=\x07[/]\u202e"
STRANGE = [None, b"", b"null", b"[]", b"{}", b"\xff\x00", b'"x"', b"1e999", orjson.dumps({"kind": "service_visit"})]
WRITTEN = [topic.name for topic in topics.TOPICS if topic.name not in ("state",)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("groups")


@pytest.fixture(scope="module")
def groups(brokers: str, folder: Path) -> dict[str, Group]:
    found = {name: new_group(brokers, 2, folder) for name in ("healthy", "empty", "foreign", "poisoned")}
    log = folder / "service_visits.jsonl"
    log.write_text("".join(visit(number) for number in range(40)))
    for name in ("healthy", "poisoned"):
        found[name].publish(log)
        found[name].finish()
        asyncio.run(send_cases(found[name].city.settings))
    asyncio.run(make_foreign(found["foreign"].city.settings))
    asyncio.run(poison(found["poisoned"].city.settings))
    return found


def enter(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the commands of this process see the group."""
    for variable, value in group.city.environment.items():
        if variable.startswith("KEEPLINE_"):
            monkeypatch.setenv(variable, value)


def visit(number: int) -> str:
    at = f"2024-{1 + number // 20:02}-{1 + number % 20:02}T10:00:00Z"
    body = {"kind": "service_visit", "schema_version": 1, "event_id": f"v{number}", "event_time": at}
    return json.dumps(body | {"customer_id": ("anna", "berta", "carl")[number % 3], "producer": "dms"}) + "\n"


async def send_cases(known: Settings) -> None:
    async with AIOKafkaProducer(**known.client) as producer:
        await producer.send(known.topic("interventions"), orjson.dumps(intervention()), b"anna")
        await producer.send(known.topic("intervention-updates"), orjson.dumps(update("overdue", to="manager")), b"anna")


async def make_foreign(known: Settings) -> None:
    """Another application's offsets in the group, and offsets of ours that a tool has set."""
    stranger = known.topic("of-another-application")
    async with topics.admin(known) as client:
        await client.create_topics([NewTopic(stranger, 1, 1)])
    offsets = {
        TopicPartition(stranger, 0): OffsetAndMetadata(0, ""),
        TopicPartition(known.topic("service-visits"), 0): OffsetAndMetadata(0, ""),
        TopicPartition(known.topic("service-visits"), 1): OffsetAndMetadata(0, '{"unit": ["not", "ours"]}'),
        TopicPartition(known.topic("surveys"), 1): OffsetAndMetadata(77, "null"),
    }
    consumer = AIOKafkaConsumer(**known.client, group_id=known.group, enable_auto_commit=False)
    async with consumer:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)


async def poison(known: Settings) -> None:
    """Garbage and hostile names in every topic but the changelog."""
    hostile = orjson.dumps(intervention("i9", customer_id=HOSTILE, scope=HOSTILE, agent_id=HOSTILE))
    async with AIOKafkaProducer(**known.client) as producer:
        for topic, value in itertools.product(WRITTEN, STRANGE):
            key = b"anna" if value is not None else b"somebody"
            await producer.send(known.topic(topic), value, key, partition=0)
        await producer.send(known.topic("interventions"), hostile, HOSTILE.encode())
        await producer.send(known.topic("interventions"), orjson.dumps(intervention(crossed_at="soon")), b"anna")


@pytest.mark.parametrize("name", ["healthy", "empty", "foreign", "poisoned"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_with_an_exit_code_that_tells_the_truth(
    command: str,
    name: str,
    groups: dict[str, Group],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    enter(groups[name], monkeypatch)
    code = main(command.split())
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert "this is a bug" not in err
    assert all(line.isprintable() for line in (out + err).splitlines())
    assert code in (0, 1)
    assert (code == 0) or err.startswith("keepline: ") or command in ("topics check", "probe --limit 1s")
    if "--json" in command and out:
        orjson.loads(out)


def test_status_as_json_shows_what_a_healthy_group_has_counted(
    groups: dict[str, Group], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enter(groups["healthy"], monkeypatch)
    main(["status", "--json"])
    assert orjson.loads(capsys.readouterr().out)["counts"]["applied"] == 40


def test_status_names_a_foreign_topic_and_offsets_that_a_tool_has_set(
    groups: dict[str, Group], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enter(groups["foreign"], monkeypatch)
    assert main(["status"]) == 1
    err = capsys.readouterr().err
    assert "of-another-application, none of its topics" in err
    assert re.search("kafka-consumer-groups.sh .* --delete-offsets --group .* --topic .*of-another-application", err)
    assert err.count("comes from another client or tool") == 3
