"""`keepline cases` on the topics of an Apache Kafka."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from streams.cli import main
from streams.kafka.settings import Settings
from tests.operations.cases.messages import Message, intervention, update

VISIT = {
    "kind": "service_visit",
    "event_id": "v",
    "customer_id": "anna",
    "event_time": "2024-02-01T00:00:00Z",
    "producer": "dms",
}
SCORE = {
    "customer_id": "anna",
    "scored_at": "2024-02-20T00:00:00Z",
    "probability": 0.3,
    "model_version": 1,
    "policy_version": "p",
}


async def transact(known: Settings, *sent: tuple[str, Message], abort: bool = False) -> None:
    name = f"{known.topic_prefix}worker"
    async with AIOKafkaProducer(**known.client, transactional_id=name) as producer:
        await producer.begin_transaction()
        for topic, body in sent:
            await producer.send(known.topic(topic), orjson.dumps(body), body["customer_id"].encode())
        await (producer.abort_transaction() if abort else producer.commit_transaction())


def json_output(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main(["cases", *words, "--json"]) == 0
    return orjson.loads(capsys.readouterr().out)


def test_the_list_has_committed_cases_only(known: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    sent = [("interventions", intervention(f"i{n}", customer_id=f"c{n}")) for n in range(9)]
    asyncio.run(transact(known, ("interventions", intervention("aborted")), abort=True))
    asyncio.run(transact(known, *sent, ("intervention-updates", update("expired", "i0", state="expired"))))
    listed = [case["intervention_id"] for case in json_output(capsys)["cases"]]
    assert listed == [f"i{n}" for n in range(1, 9)]


def test_a_case_has_the_customer_s_events_and_scores(known: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    strangers = [("service-visits", VISIT | {"customer_id": f"c{n}", "event_id": f"v{n}"}) for n in range(9)]
    about = (("interventions", intervention()), ("service-visits", VISIT), ("churn-scores", SCORE))
    asyncio.run(transact(known, *strangers, *about))
    one = json_output(capsys, "show", "anna")
    assert [event["event_id"] for event in one["events"]] == ["v"]
    assert [point["probability"] for point in one["curve"]] == [0.3, 0.6]


def test_topics_without_anything_are_an_empty_list(known: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert json_output(capsys)["cases"] == []
