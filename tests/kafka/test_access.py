"""What brokers refuse is told apart, with principal, resource and operation: network, TLS, login, access rules."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from confluent_kafka.admin import AclOperation, ResourceType

from schemas.errors import Failure
from streams.cli import main
from streams.kafka import topics
from streams.kafka.access import unreachable
from streams.kafka.lease import Lease
from streams.kafka.settings import Settings, from_environment
from streams.units.unit import Blueprint
from tests.kafka.apache import HOST, ApacheKafka, Unavailable, free_ports, nodes
from tests.kafka.counting import CountingUnit
from tests.kafka.secured import PASSWORD, USER, Ports, Rule, allow, certificate


@dataclass(frozen=True)
class Secured:
    """A broker with a listener for each way in. On the first everybody may do everything."""

    plain: str
    login: str
    tls: str
    certificate: Path

    def allow(self, operation: AclOperation, kind: ResourceType, prefix: str) -> None:
        """Lets the user do something with all resources of a prefix."""
        allow(self.plain, [Rule(operation, kind, prefix)])


@pytest.fixture(scope="module")
def secured(brokers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    store, file = certificate(folder)
    login, tls = free_ports(2)
    (node,) = nodes(1)
    more = Ports(node.port, login, tls, node.others[node.number]).settings(store)
    try:
        with ApacheKafka(folder / "kafka", 384, node=node, settings=more) as kafka:
            yield Secured(kafka.brokers, f"{HOST}:{login}", f"{HOST}:{tls}", file)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def prefix() -> str:
    return f"p{uuid4().hex[:8]}-"


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, **known: str) -> str:
    """Runs a command with settings (their names without KEEPLINE_); returns its one line of error."""
    for name, value in known.items():
        monkeypatch.setenv(f"KEEPLINE_{name}", value)
    assert main(command.split()) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def as_keep(secured: Secured, password: str = PASSWORD) -> dict[str, str]:
    user = {"SASL_MECHANISM": "PLAIN", "SASL_USERNAME": USER, "SASL_PASSWORD": password}
    return user | {"BROKERS": secured.login}


def create_topics(secured: Secured, prefix: str) -> None:
    known = from_environment({"KEEPLINE_BROKERS": secured.plain, "KEEPLINE_TOPIC_PREFIX": prefix})
    asyncio.run(topics.create(known, 1))


def test_a_port_where_nothing_listens(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (port,) = free_ports(1)
    line = run(monkeypatch, capsys, "status", BROKERS=f"{HOST}:{port},no-such-host.invalid:9092")
    assert f"broker {HOST}:{port}: nothing listens there" in line
    assert "broker no-such-host.invalid:9092: its name does not resolve" in line


async def test_an_address_that_brokers_advertise_and_nobody_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere, _ = free_ports(2)

    async def connect(host: str, port: int, **options: object) -> Any:
        if port == nowhere:
            raise ConnectionRefusedError
        return Link([(1, HOST, 9092, None), (2, HOST, nowhere, None)])

    monkeypatch.setattr("streams.kafka.access.create_conn", connect)
    told = await unreachable(Settings((f"{HOST}:9092",)))
    named = f"broker {HOST}:{nowhere}, as node.id 2 is advertised (advertised.listeners): nothing listens there"
    assert told.startswith(named)


class Link:
    """A connection to a broker that knows others."""

    def __init__(self, brokers: list[tuple[int, str, int, None]]) -> None:
        self.brokers = brokers

    async def send(self, request: object) -> Any:
        return SimpleNamespace(brokers=self.brokers)

    def close(self) -> None:
        pass


def test_an_address_that_never_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("streams.kafka.access.ANSWER_LIMIT_S", 0.2)
    monkeypatch.setattr("streams.kafka.topics.CONNECT_LIMIT_S", 0.5)
    with socket.create_server((HOST, 0)) as silent:
        place = f"{HOST}:{silent.getsockname()[1]}"
        line = run(monkeypatch, capsys, "status", BROKERS=place)
    assert f"broker {place}: no answer in 0 s" in line


def test_a_wrong_password(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = run(monkeypatch, capsys, "topics check", **as_keep(secured, "wrong"))
    assert "refused the login of User:keep by PLAIN" in line
    assert "wrong" not in line.replace("wrong user", "")


def test_a_mechanism_that_the_broker_does_not_have(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = as_keep(secured) | {"SASL_MECHANISM": "SCRAM-SHA-512"}
    assert "it has no login by SCRAM-SHA-512" in run(monkeypatch, capsys, "status", **known)


def test_a_login_where_none_is_wanted(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = run(monkeypatch, capsys, "status", **as_keep(secured) | {"BROKERS": secured.plain})
    assert "its listener wants no login" in line


def test_no_login_where_one_is_wanted(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "a login (KEEPLINE_SASL_*)" in run(monkeypatch, capsys, "status", BROKERS=secured.login)


def test_a_certificate_that_is_not_trusted(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = run(monkeypatch, capsys, "status", BROKERS=secured.tls, SSL_CAFILE="system")
    assert "its certificate is not trusted: self-signed certificate" in line


def test_tls_to_a_listener_without_it(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"BROKERS": secured.plain, "SSL_CAFILE": str(secured.certificate)}
    assert "whether its listener speaks TLS" in run(monkeypatch, capsys, "status", **known)


def test_no_tls_to_a_listener_with_it(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streams.kafka.topics.CONNECT_LIMIT_S", 2.0)
    assert "wants TLS (KEEPLINE_SSL_CAFILE)" in run(monkeypatch, capsys, "status", BROKERS=secured.tls)


def test_with_the_right_certificate_tls_works(secured: Secured, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BROKERS": secured.tls, "SSL_CAFILE": str(secured.certificate), "TOPIC_PREFIX": prefix}.items():
        monkeypatch.setenv(f"KEEPLINE_{name}", value)
    assert main(["topics", "create"]) == 0


@pytest.mark.parametrize("command", ["topics create", "topics check", "status", "worker", "cases"])
def test_topics_that_a_user_may_not_see_are_not_called_missing(
    command: str, secured: Secured, prefix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create_topics(secured, prefix)
    line = run(monkeypatch, capsys, command, **as_keep(secured), TOPIC_PREFIX=prefix)
    assert f"User:keep may not Describe topic {prefix}" in line
    assert "--allow-principal 'User:keep'" in line


def test_a_worker_names_all_rules_that_it_lacks_before_it_joins(
    secured: Secured, prefix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create_topics(secured, prefix)
    secured.allow(AclOperation.READ, ResourceType.TOPIC, prefix)
    secured.allow(AclOperation.DESCRIBE, ResourceType.GROUP, "g-")
    line = run(monkeypatch, capsys, "worker", **as_keep(secured), TOPIC_PREFIX=prefix, GROUP="g-1")
    assert f"User:keep may not Write topic {prefix}interventions, " in line
    assert f"--operation Write --topic {prefix}interventions" in line
    assert "User:keep may not Read group g-1" in line
    assert "may not Read topic" not in line


def test_a_unit_that_lacks_a_right_to_write_names_all_topics_at_once(secured: Secured, prefix: str) -> None:
    create_topics(secured, prefix)
    secured.allow(AclOperation.READ, ResourceType.TOPIC, prefix)
    secured.allow(AclOperation.WRITE, ResourceType.TOPIC, f"{prefix}state")
    secured.allow(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, prefix)
    known = {**as_keep(secured), "TOPIC_PREFIX": prefix}
    with pytest.raises(Failure, match=f"may not Write topic {prefix}interventions, .* --topic {prefix}interventions"):
        asyncio.run(acquired(from_environment({f"KEEPLINE_{name}": value for name, value in known.items()})))


async def acquired(known: Settings) -> None:
    lease = Lease(known, Blueprint.of(partial(CountingUnit, 0)))

    async def earliest(places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    try:
        await lease.acquire(earliest)
    finally:
        await lease.stop()


def test_a_group_that_a_user_may_not_use(
    secured: Secured, prefix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create_topics(secured, prefix)
    secured.allow(AclOperation.ALL, ResourceType.TOPIC, prefix)
    line = run(monkeypatch, capsys, "status", **as_keep(secured), TOPIC_PREFIX=prefix, GROUP="of-others")
    assert "User:keep may not Read group of-others: kafka-acls.sh" in line


def test_topics_that_status_may_not_read_are_all_named_with_the_right_to_read(
    secured: Secured, prefix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create_topics(secured, prefix)
    asyncio.run(send_model(secured, prefix))
    secured.allow(AclOperation.WRITE, ResourceType.TOPIC, prefix)  # and so to see them
    secured.allow(AclOperation.READ, ResourceType.GROUP, prefix)
    line = run(monkeypatch, capsys, "status", **as_keep(secured), TOPIC_PREFIX=prefix)
    assert "User:keep may not Read topic " in line
    assert f"--operation Read --topic {prefix}service-visits --topic {prefix}app-activity" in line


async def send_model(secured: Secured, prefix: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=secured.plain) as producer:
        await producer.send_and_wait(f"{prefix}models", b"{}", partition=0)


def test_a_publisher_that_may_not_write(
    secured: Secured,
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    create_topics(secured, prefix)
    secured.allow(AclOperation.READ, ResourceType.TOPIC, prefix)
    secured.allow(AclOperation.DESCRIBE, ResourceType.GROUP, prefix)
    log = tmp_path / "service_visits.csv"
    log.write_text("customer_id,event_time\nanna,2024-01-01T00:00:00Z\n")
    line = run(monkeypatch, capsys, f"publish {log}", **as_keep(secured), TOPIC_PREFIX=prefix)
    assert "User:keep may not Write" in line
