"""`keepline report` on the topics of an Apache Kafka says what it says of a folder with the same messages."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path

from aiokafka import AIOKafkaProducer

from streams.cli import main
from streams.kafka.settings import Settings
from tests.savings.folders import NAMES, city

ERASED, REFUSED = 0, 1  # the first ones of the list of a folder
CALL = {"consent": {"phone": True}}


def listed(out: Path) -> list[str]:
    with (out / "interviews.csv").open(encoding="utf-8-sig") as stream:
        return [row["customer_id"] for row in csv.DictReader(stream)]


async def fill(known: Settings, folder: Path, customers: list[str]) -> None:
    """Sends the messages of a folder, and customer profiles: one is erased, one refuses calls."""
    async with AIOKafkaProducer(**known.client) as producer:
        for name in NAMES:
            topic = known.topic(name.removesuffix(".jsonl"))
            for line in (folder / name).read_bytes().splitlines():
                await producer.send(topic, line, json.loads(line)["customer_id"].encode())
        for number, customer in enumerate(customers):
            for day, fields in enumerate((CALL, last(number)), 1):
                body = {"kind": "customer_profile", "event_id": f"{customer}-{day}", "customer_id": customer}
                body |= {"event_time": f"2024-01-0{day}T00:00:00Z", "producer": "crm"} | fields
                await producer.send(known.topic("customer-profiles"), json.dumps(body).encode(), customer.encode())
        await producer.send(known.topic("customer-profiles"), b"{}", b"\0heartbeat")


def last(number: int) -> dict[str, object]:
    return {ERASED: {"erased": "asked for it"}, REFUSED: {"consent": {"phone": False}}}.get(number, CALL)


def test_figures_are_those_of_the_folder_and_nobody_erased_or_who_refused_is_to_be_called(
    known: Settings, tmp_path: Path
) -> None:
    folder = city(tmp_path / "city")
    assert main(["report", "--dir", str(folder), "--out", str(tmp_path / "of-folder")]) == 0
    before = listed(tmp_path / "of-folder")
    customers = before + sorted({json.loads(line)["customer_id"] for line in lines(folder)} - {*before})
    asyncio.run(fill(known, folder, customers))
    assert main(["report", "--out", str(tmp_path / "of-topics")]) == 0
    for name in ("report.json", "report.html", "weekly.html", "monthly.html", "advisers.csv"):
        assert (tmp_path / "of-topics" / name).read_bytes() == (tmp_path / "of-folder" / name).read_bytes(), name
    after = listed(tmp_path / "of-topics")
    assert len(after) == len(before)
    assert not {before[ERASED], before[REFUSED]} & {*after}


def lines(folder: Path) -> list[str]:
    return [line for name in NAMES[:2] for line in (folder / name).read_text().splitlines()]
