"""The smallest publishers, in three languages, on Apache Kafka: what they send is taken, in the right partition."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.decode import Decoder
from schemas.partitioner import partition_of
from tests.kafka.apache import cache, jars
from tests.kafka.city import PARTITIONS, ROOT, City, new_city

FOLDER = ROOT / "examples" / "publishers"
CUSTOMER, LIMIT_S = "Zoë 17", 300


def python() -> list[str]:
    return [sys.executable, str(FOLDER / "publisher.py")]


def java() -> list[str]:
    if shutil.which("javac") is None:
        pytest.skip("javac is not there: a JDK runs Publisher.java, a JRE does not")
    return ["java", "-Dfile.encoding=UTF-8", "-cp", f"{jars()}/*", str(FOLDER / "Publisher.java")]


def typescript() -> list[str]:
    if shutil.which("npm") is None:
        pytest.skip("npm is not there: install Node 20 or newer")
    folder = cache() / "publishers-node"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "publisher.ts"):
        shutil.copy(FOLDER / name, folder / name)
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent"],
        cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"npm could not fetch kafkajs: {done.stderr.strip()[:200]}")
    return [str(folder / "node_modules" / ".bin" / "tsx"), str(folder / "publisher.ts")]


def run(city: City, words: list[str]) -> None:
    done = subprocess.run(words, env=city.environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
async def city(brokers: str, tmp_path: Path) -> City:
    return await new_city(brokers, tmp_path)


@pytest.mark.parametrize("command", [python, java, typescript], ids=lambda one: one.__name__)
async def test_a_visit_and_a_heartbeat_of_every_partition_are_taken(city: City, command) -> None:  # type: ignore[no-untyped-def]
    run(city, [*command(), CUSTOMER, "320.5"])
    sent = [(place.partition, value) for place, value in await city.read("service-visits")]
    decoded = Decoder("service_visit").decode([value for _, value in sent], None, 1 << 62)
    assert (decoded.refused, list(decoded.events.customers)) == ([], [CUSTOMER])
    assert [place for place, value in sent if b"service_visit" in value] == [partition_of(CUSTOMER, PARTITIONS)]
    assert decoded.events.rows["amount"].tolist() == [320.5]
    for topic in ("service-visits", "app-activity", "surveys"):
        found = [(place.partition, json.loads(value)) for place, value in await city.read(topic)]
        beats = sorted(partition for partition, body in found if body["kind"] == "heartbeat")
        assert beats == list(range(PARTITIONS))
