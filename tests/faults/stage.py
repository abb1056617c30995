"""What faults happen to: two brokers with logins, TLS and access rules, two supervised workers, steady publishers."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError
from confluent_kafka.admin import AclOperation, ResourceType

from streams.kafka import commits, topics
from streams.kafka.settings import Settings, from_environment
from tests.kafka.apache import HOST, ApacheKafka, Node, free_ports
from tests.kafka.secured import PASSWORD, USER, Ports, Rule, allow, certificate
from tests.soak.__main__ import PROFILE
from tests.soak.publishers import KINDS, Crowd

PREFIX, OTHER_PREFIX, PARTITIONS = "prod-", "staging-", 4
WORKERS = ("w0", "w1")
RATE, CUSTOMERS, PUBLISHERS = 10.0, 500, 2  # of each kind of event: events a second
DISK_MIB = 384
SECOND_BROKER = """\
process.roles=broker
controller.quorum.voters=1@{host}:{controller}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
share.coordinator.state.topic.replication.factor=1
min.insync.replicas=1
"""
FIRST_BROKER = SECOND_BROKER.replace("process.roles=broker\n", "")
RULES = (
    *(
        Rule(one, ResourceType.TOPIC, prefix)
        for one in (AclOperation.READ, AclOperation.WRITE)
        for prefix in (PREFIX, OTHER_PREFIX)
    ),
    Rule(AclOperation.READ, ResourceType.GROUP, PREFIX),
    Rule(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, PREFIX),
    Rule(AclOperation.DESCRIBE, ResourceType.BROKER, ""),
)
ALONE = 3  # the partition of service-visits that the second broker has, and nothing else


class Gate:
    """A second address of a broker: forwards connections, or takes them and never answers."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self.target, self.silent = port, target, False
        self._links: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    def close(self) -> None:
        """Goes away with its broker: nothing listens there."""
        if self._server:
            self._server.close()

    def fall_silent(self) -> None:
        """Takes connections from now on, and forwards nothing, also on those that are there."""
        self.silent = True
        for link in self._links:
            link.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            self._links.add(writer)
            return
        try:
            there, back = await asyncio.open_connection(HOST, self.target)
        except OSError:
            writer.transport.abort()
            return
        self._links |= {writer, back}
        await asyncio.gather(_pipe(reader, back), _pipe(there, writer))
        self._links -= {writer, back}


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    sink.close()


@dataclass
class Stage:
    """All of it. `environment` is that of workers and of whoever is on call; `settings` that of an administrator."""

    folder: Path
    brokers: list[ApacheKafka]
    gate: Gate
    settings: Settings
    environment: dict[str, str]
    pages: dict[str, int] = field(default_factory=dict)  # worker -> port of its pages
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def disk(self) -> Path:
        """The file system of the first broker."""
        return self.brokers[0].folder

    @property
    def store(self) -> Path:
        """Key and certificate of the brokers."""
        return self.folder / "store.p12"

    def log(self, worker: str) -> Path:
        return self.folder / f"{worker}.log"

    def start_worker(self, name: str) -> None:
        """Starts a worker under `--supervise`, as a machine without systemd runs it."""
        options = ["--instance", name, "--http", str(self.pages[name]), "--supervise", *PROFILE]
        self.running[name] = self.command("worker", *options, log=self.log(name))

    def command(self, *words: str, log: Path, **more: str) -> subprocess.Popen[bytes]:
        """Starts a command of Keepline."""
        command = [sys.executable, "-m", "streams.cli", *words]
        with log.open("ab") as out:
            return subprocess.Popen(
                command, env=self.environment | more, stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )

    def kill_worker(self, name: str) -> None:
        """Kills the worker, not its supervisor, which starts another one."""
        for child in Path(f"/proc/{self.running[name].pid}/task/{self.running[name].pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)

    async def stop_workers(self) -> None:
        """As an administrator does."""
        for process in self.running.values():
            process.terminate()
        await asyncio.gather(*[asyncio.to_thread(process.wait) for process in self.running.values()])
        self.running.clear()

    async def stop_brokers(self) -> None:
        self.gate.close()
        for broker in self.brokers:
            await asyncio.to_thread(broker.kill)

    async def start_brokers(self) -> None:
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            await asyncio.to_thread(broker.wait)
        await self.gate.open()

    async def renew_certificate(self, store: Path) -> None:
        """Restarts the brokers with another certificate."""
        await self.stop_brokers()
        shutil.copy(store, self.store)
        await self.start_brokers()

    async def make_visits(self) -> None:
        """Makes the topic of visits with one partition on the second broker, which leads nothing else."""
        (topic,) = [one for one in topics.TOPICS if one.name == "service-visits"]
        places = {partition: [2 if partition == ALONE else 1] for partition in range(PARTITIONS)}
        made = NewTopic(self.settings.topic(topic.name), -1, -1, places, dict(topic.config))
        async with topics.admin(self.settings) as client:
            await client.create_topics([made])

    async def publish(self) -> None:
        """Publishes until it is cancelled, each kind of event on its own: one that fails holds up no other."""
        crowds = [
            Crowd(
                self.settings, PARTITIONS, RATE, CUSTOMERS, PUBLISHERS, number, {kind: topic}, (1e9, 2e9), strange=False
            )
            for number, (kind, topic) in enumerate(KINDS.items())
        ]
        await asyncio.gather(*[_publish_on(crowd) for crowd in crowds])


async def _publish_on(crowd: Crowd) -> None:
    while True:
        with suppress(KafkaError, OSError):
            await crowd.publish()
        await asyncio.sleep(1.0)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Yields a group that works; ends everything afterwards."""
    async with AsyncExitStack() as stack:
        made = await _brokers(folder, stack)
        await topics.create(made.settings, PARTITIONS)
        async with topics.admin(made.settings) as client:  # the topics of Kafka itself, while there is one broker
            await client.delete_topics([made.settings.topic("service-visits")])
            await commits.wait_for_coordinator(client, made.settings.group)
        async with AIOKafkaProducer(**made.settings.client, transactional_id="first"):
            pass
        await asyncio.to_thread(made.brokers[1].start)
        await made.make_visits()
        await asyncio.to_thread(allow, made.brokers[0].brokers, RULES)
        publishing = asyncio.ensure_future(made.publish())
        stack.callback(publishing.cancel)
        for name in WORKERS:
            made.start_worker(name)
        stack.push_async_callback(made.stop_workers)
        yield made


async def _brokers(folder: Path, stack: AsyncExitStack) -> Stage:
    store, file = certificate(folder / "right")
    certificate(folder / "wrong")
    shutil.copy(store, folder / "store.p12")
    plain, login, tls, plain_2, login_2, tls_2, controller, unused, gate, *pages = free_ports(9 + len(WORKERS))
    controllers = {1: controller, 2: unused}
    first, second = Ports(plain, login, tls, controller), Ports(plain_2, login_2, tls_2, None)
    disk = folder / "broker-1"
    disk.mkdir()
    _mount(disk, stack)
    brokers = [
        ApacheKafka(
            disk,
            512,
            node=Node(1, plain, controllers),
            settings=FIRST_BROKER.format(host=HOST, controller=controller)
            + first.settings(folder / "store.p12", "SASL_SSL"),
        ),
        ApacheKafka(
            folder / "broker-2",
            384,
            node=Node(2, plain_2, controllers),
            settings=SECOND_BROKER.format(host=HOST, controller=controller)
            + second.settings(folder / "store.p12", "SASL_SSL"),
        ),
    ]
    for broker in brokers:
        stack.callback(broker.kill)
    await asyncio.to_thread(brokers[0].start)
    forward = Gate(gate, login)
    await forward.open()
    stack.callback(forward.close)
    user = {"SASL_MECHANISM": "PLAIN", "SASL_USERNAME": USER, "SASL_PASSWORD": PASSWORD, "SSL_CAFILE": str(file)}
    known = user | {"BROKERS": f"{HOST}:{gate},{HOST}:{login}", "TOPIC_PREFIX": PREFIX}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KEEPLINE_")}
    return Stage(
        folder,
        brokers,
        forward,
        from_environment({"KEEPLINE_BROKERS": brokers[0].brokers, "KEEPLINE_TOPIC_PREFIX": PREFIX}),
        environment | {f"KEEPLINE_{name}": value for name, value in known.items()},
        dict(zip(WORKERS, pages, strict=True)),
    )


def _mount(folder: Path, stack: AsyncExitStack) -> None:
    """Gives a folder a small file system of its own, where that is allowed: a disk that can be filled."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "keepline-faults", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode == 0:
        stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=False)
