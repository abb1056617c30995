"""`keepline dead-letters` on Apache Kafka: what was refused is counted, and sent again once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.refusals import Refused, dead_letter
from streams.kafka.settings import Settings
from streams.kafka.whole_topics import to_the_end
from tests.kafka.group import Group, new_group
from tests.operations.dead_letters.test_letters import VISIT


async def write_letters(settings: Settings) -> None:
    """Two letters of one producer: an amount in cents that was sent as text, and one in another field."""
    wrong = [
        VISIT | {"event_id": "v-1", "sum": 32_000},
        VISIT | {"event_id": "v-2", "customer_id": "c-18", "sum": 5_000},
    ]
    async with AIOKafkaProducer(**settings.client) as producer:
        for offset, event in enumerate(wrong):
            event.pop("amount")
            refused = Refused(0, "amount", "missing", "amount is missing")
            place = {"topic": "service-visits", "partition": 0, "offset": offset}
            body = json.dumps(dead_letter(refused, json.dumps(event).encode(), place)).encode()
            await producer.send_and_wait(settings.topic("dead-letters"), body, partition=0)


async def visits(settings: Settings) -> list[tuple[bytes, dict[str, object], dict[str, bytes]]]:
    """Key, event and headers of the committed visits."""
    reader = AIOKafkaConsumer(**settings.client, isolation_level="read_committed", auto_offset_reset="earliest")
    places = [TopicPartition(settings.topic("service-visits"), partition) for partition in range(2)]
    async with reader:
        return [
            (record.key, json.loads(record.value), dict(record.headers))
            async for _, record in to_the_end(reader, places)
        ]


def test_letters_are_listed_repaired_and_sent_once(brokers: str, tmp_path: Path) -> None:
    group: Group = new_group(brokers, 2, tmp_path)
    settings = group.city.settings
    asyncio.run(write_letters(settings))
    code, said = group.tried("dead-letters", "list", "--json")
    (found,) = json.loads(said)["dead_letters"]
    assert (code, found["producer"], found["rule"], found["count"]) == (0, "till 7", "missing", 2)
    assert '"event_id": "v-2"' in json.loads(group.tried("dead-letters", "show", "0/1")[1])["record"]

    repairs = tmp_path / "repairs.toml"
    repairs.write_text('[rename]\nsum = "amount"\n[divide]\namount = 100\n')
    redrive = ("dead-letters", "redrive", "--producer", "till 7", "--map", str(repairs))
    assert group.tried(*redrive) == (
        0, "2 records would be sent; --send does it; 0 were sent before; 0 stay refused\n",
    )  # fmt: skip
    assert asyncio.run(visits(settings)) == []
    assert group.tried(*redrive, "--send")[1] == "2 records sent; 0 were sent before; 0 stay refused\n"
    assert group.tried(*redrive, "--send")[1] == "0 records sent; 2 were sent before; 0 stay refused\n"
    sent = sorted(asyncio.run(visits(settings)), key=lambda one: one[0])
    assert [(key, event["amount"]) for key, event, _ in sent] == [(b"c-17", 320.0), (b"c-18", 50.0)]
    assert sent[0][2] == {"redriven-from": b"dead-letters/0/0 service-visits/0/0"}
