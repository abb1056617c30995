"""What every test may ask for: Apache Kafka."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from tests.kafka.apache import JAVA, ApacheKafka, Unavailable

ON_KAFKA = ("tests/kafka/", "tests/examples/")
# Weeks of whole towns, again and again: measuring coverage would double their time, for lines that others reach too.
# The figure of `make check` is what the others alone reach: without these it is lower, never higher.
WHOLE = ("tests/replay/", "tests/units/", "tests/cases/", "tests/online_model/")

# how long something takes is what benchmarks are for: on a busy machine a test must not fail of it
settings.register_profile("keepline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("keepline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"brokers", "own_kafka"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
        if item.nodeid.startswith(WHOLE):
            item.add_marker(pytest.mark.no_cover)
    items.sort(key=lambda item: not item.nodeid.startswith(ON_KAFKA))  # what takes longest begins first


@pytest.fixture(scope="session")
def brokers() -> Iterator[str]:
    """host:port of an Apache Kafka that all tests share: KEEPLINE_BROKERS, or one that is started here."""
    if given := os.environ.get("KEEPLINE_BROKERS"):
        yield given
        return
    with TemporaryDirectory(prefix="keepline-kafka-") as folder, broker(Path(folder)) as kafka:
        yield kafka.brokers


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[ApacheKafka]:
    """An Apache Kafka of the test's own, which it may kill and start again."""
    with broker(tmp_path) as kafka:
        yield kafka


def broker(folder: Path) -> ApacheKafka:
    """Skips where there can be none; fails there instead where KEEPLINE_REQUIRE_KAFKA is set (as in CI)."""
    try:
        return ApacheKafka(folder)
    except Unavailable as error:
        end = pytest.fail if os.environ.get("KEEPLINE_REQUIRE_KAFKA") else pytest.skip
        end(f"no Apache Kafka: {error}; install Java {JAVA}+ and Maven, or set KEEPLINE_BROKERS=host:port")
