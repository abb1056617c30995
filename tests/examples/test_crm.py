"""The example of a CRM: its functions alone, and as a process against Apache Kafka."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.events import Heartbeat, InterventionOutcome
from tests.kafka.city import PARTITIONS, ROOT, City, new_city, wait_for

PROGRAM = ROOT / "examples" / "crm" / "crm.py"
INTERVENTION = {
    "intervention_id": "i1", "customer_id": "anna", "tier": "high", "expected_net_value": 900.0, "window_ends_at": "w",
}  # fmt: skip
CONTACTED = {"intervention_id": "i1", "customer_id": "anna", "status": "contacted", "state": "contacted"}
PLACE = TopicPartition("intervention-updates", 0)


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.delenv("KEEPLINE_TOPIC_PREFIX", raising=False)
    spec = importlib.util.spec_from_file_location("crm", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def store(crm: ModuleType) -> sqlite3.Connection:
    opened: sqlite3.Connection = crm.open_store(":memory:")
    return opened


def records(*bodies: dict[str, Any], first: int = 0) -> list[SimpleNamespace]:
    return [SimpleNamespace(offset=offset, value=orjson.dumps(body)) for offset, body in enumerate(bodies, first)]


def test_an_update_changes_its_case(crm: ModuleType, store: sqlite3.Connection) -> None:
    crm.take(store, "interventions", orjson.dumps(INTERVENTION))
    crm.take(store, "intervention-updates", orjson.dumps(CONTACTED))
    assert [case["state"] for case in crm.open_cases(store)] == ["contacted"]


def test_an_update_may_come_before_its_intervention(crm: ModuleType, store: sqlite3.Connection) -> None:
    crm.take(store, "intervention-updates", orjson.dumps(CONTACTED))
    assert crm.open_cases(store) == []
    crm.take(store, "interventions", orjson.dumps(INTERVENTION))
    assert [case["state"] for case in crm.open_cases(store)] == ["contacted"]


def test_a_customer_of_the_holdout_is_not_kept(crm: ModuleType, store: sqlite3.Connection) -> None:
    crm.take(store, "intervention-updates", orjson.dumps(CONTACTED | {"holdout": True}))
    assert store.execute("SELECT count(*) FROM cases").fetchone() == (0,)


def test_what_another_process_has_applied_is_not_applied_again(crm: ModuleType, store: sqlite3.Connection) -> None:
    saved = CONTACTED | {"state": "saved"}
    crm.take(store, "interventions", orjson.dumps(INTERVENTION))
    crm.apply(store, PLACE, records(CONTACTED, saved), 3)
    crm.apply(store, PLACE, records(CONTACTED), 1)  # the previous owner, which does not know of the rebalance yet
    assert crm.open_cases(store) == []
    assert crm.position(store, PLACE) == 3


def test_rows_and_position_go_together(crm: ModuleType, store: sqlite3.Connection) -> None:
    broken = [*records(CONTACTED), SimpleNamespace(offset=1, value=b"{")]
    with pytest.raises(ValueError, match="unexpected end"):
        crm.apply(store, PLACE, broken, 2)
    assert store.execute("SELECT count(*) FROM cases").fetchone() == (0,)
    assert crm.position(store, PLACE) is None


def test_an_answer_repeated_is_the_same_event(crm: ModuleType, store: sqlite3.Connection) -> None:
    crm.take(store, "interventions", orjson.dumps(INTERVENTION))
    fields = {"agent_id": "bert", "channel": "phone", "cost": None}
    assert crm.answer(store, "i1", "contacted", fields) == crm.answer(store, "i1", "contacted", fields)
    assert store.execute("SELECT count(*) FROM outbox").fetchone() == (1,)


def test_another_answer_is_another_event(crm: ModuleType, store: sqlite3.Connection) -> None:
    crm.take(store, "interventions", orjson.dumps(INTERVENTION))
    assert crm.answer(store, "i1", "contacted", {}) != crm.answer(store, "i1", "responded", {})


def test_an_unknown_intervention_cannot_be_answered(crm: ModuleType, store: sqlite3.Connection) -> None:
    with pytest.raises(SystemExit, match="no intervention i2"):
        crm.answer(store, "i2", "contacted", {})


class Crm:
    """The example as a process on the topics of a test."""

    def __init__(self, city: City, folder: Path) -> None:
        self.city, self.path = city, folder / "crm.sqlite"
        self._command = [sys.executable, str(PROGRAM), "--store", str(self.path)]

    @contextmanager
    def running(self) -> Iterator[None]:
        with self.city.process([*self._command, "run"]) as process:
            yield
            process.terminate()
            assert process.wait(90) == 0

    def call(self, *words: str) -> str:
        done = subprocess.run([*self._command, *words], env=self.city.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path) as store:
            return store.execute(query).fetchall()

    async def lag(self) -> int:
        """Returns the lag of the group to the last stable offset; -1: nothing committed."""
        known = self.city.settings
        places = [
            TopicPartition(known.topic(topic), partition)
            for topic in ("interventions", "intervention-updates")
            for partition in range(PARTITIONS)
        ]
        reader = AIOKafkaConsumer(
            **known.client, group_id=self.group, enable_auto_commit=False, isolation_level="read_committed"
        )
        async with reader:
            reader.assign(places)
            committed = [await reader.committed(place) for place in places]
            ends = await reader.end_offsets(places)
        return -1 if None in committed else sum(ends.values()) - sum(offset or 0 for offset in committed)

    async def caught_up(self) -> bool:
        return await self.lag() == 0

    @property
    def group(self) -> str:
        return f"{self.city.settings.topic_prefix}crm"


@pytest.fixture
async def running(brokers: str, tmp_path: Path) -> Crm:
    return Crm(await new_city(brokers, tmp_path), tmp_path)


async def transact(city: City, *sent: tuple[str, dict[str, Any]], abort: bool = False) -> None:
    producer = AIOKafkaProducer(**city.settings.client, transactional_id=f"{city.settings.group}-keepline")
    async with producer:
        await producer.begin_transaction()
        for topic, body in sent:
            await producer.send(city.settings.topic(topic), orjson.dumps(body), body["customer_id"].encode())
        await (producer.abort_transaction() if abort else producer.commit_transaction())


async def test_messages_sent_twice_are_one_case_and_the_lag_ends_at_0(running: Crm) -> None:
    sent = (("interventions", INTERVENTION), ("intervention-updates", CONTACTED))
    await transact(running.city, *sent)
    await transact(running.city, *sent)
    with running.running():
        await wait_for(running.caught_up, 90)
    assert running.call("list").split() == ["i1", "anna", "high", "contacted", "w"]


async def test_aborted_messages_are_not_read(running: Crm) -> None:
    await transact(running.city, ("interventions", INTERVENTION | {"intervention_id": "never"}), abort=True)
    await transact(running.city, ("interventions", INTERVENTION))
    with running.running():
        await wait_for(running.caught_up, 90)
    assert running.rows("SELECT intervention_id FROM cases") == [("i1",)]


async def test_reading_resumes_from_the_store_whatever_the_group_has_committed(running: Crm) -> None:
    await transact(running.city, ("interventions", INTERVENTION))
    with running.running():
        await wait_for(running.caught_up, 90)
    running.rows("DELETE FROM cases")  # as nothing of it is applied again, it stays away
    await forget_the_position(running)
    await transact(running.city, ("interventions", INTERVENTION | {"intervention_id": "i2"}))
    with running.running():
        await wait_for(running.caught_up, 90)
    assert running.rows("SELECT intervention_id FROM cases") == [("i2",)]


async def test_an_older_store_reads_the_later_messages_again(running: Crm) -> None:
    await transact(running.city, ("interventions", INTERVENTION))
    with running.running():
        await wait_for(running.caught_up, 90)
    running.rows("DELETE FROM cases")
    running.rows("DELETE FROM positions")  # the group stands at the end
    with running.running():
        await wait_for(lambda: running.rows("SELECT intervention_id FROM cases") == [("i1",)], 40)


async def test_an_answer_is_an_outcome_that_keepline_accepts(running: Crm) -> None:
    await transact(running.city, ("interventions", INTERVENTION))
    with running.running():
        await wait_for(running.caught_up, 90)
        running.call("answer", "i1", "contacted", "--agent", "bert", "--channel", "phone", "--cost", "3.5")
        await wait_for(lambda: running.rows("SELECT sent FROM outbox") == [(1,)], 40)
    bodies = [orjson.loads(value) for _, value in await running.city.read("intervention-outcomes")]
    outcomes = [InterventionOutcome.model_validate_json(json.dumps(body)) for body in bodies if "event_id" in body]
    assert [(one.customer_id, one.status, one.agent_id, one.cost) for one in outcomes] == [
        ("anna", "contacted", "bert", 3.5)
    ]


async def test_every_partition_of_the_outcomes_gets_heartbeats(running: Crm) -> None:
    with running.running():
        await wait_for(running.caught_up, 90)
    marks = await running.city.read("intervention-outcomes")
    for _, value in marks:
        Heartbeat.model_validate_json(value)
    assert {place.partition for place, _ in marks} == set(range(PARTITIONS))


async def forget_the_position(running: Crm) -> None:
    """Resets the group's offsets to the beginning, as if its commits were lost."""
    known = running.city.settings
    consumer = AIOKafkaConsumer(**known.client, group_id=running.group, enable_auto_commit=False)
    async with consumer:
        places = [TopicPartition(known.topic("interventions"), partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.commit({place: OffsetAndMetadata(0, "") for place in places})
