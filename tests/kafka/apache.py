"""Apache Kafka as child processes: combined brokers and controllers (KRaft), on free loopback ports.

For tests, benchmarks and runs that kill brokers:

    with ApacheKafka(folder) as kafka:
        ...  # kafka.brokers is host:port
        kafka.kill()
        kafka.start()  # the same ports, the same data

`Cluster` is several of them, with every topic replicated to each.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

POM = Path(__file__).with_name("pom.xml")
JAVA = 17  # the oldest that Kafka 4 runs on
HOST = "127.0.0.1"
START_LIMIT_S, STOP_LIMIT_S, MAVEN_LIMIT_S = 600.0, 20.0, 300.0
QUICK = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
CLUSTER_ID = "a2VlcGxpbmUtdGVzdHMtLQ"  # 16 bytes in base64, as kafka-storage expects

SETTINGS = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{advertised_port}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={least_copies}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={least_copies}
min.insync.replicas={least_copies}
# tests must not wait for others to join, nor for a dead owner's transaction longer than its timeout
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
# a killed broker is registered again only when its previous session has expired
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
# small: hundreds of partitions in one heap
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=33554432
log.index.size.max.bytes=1048576
"""

LOGGING = """\
Configuration:
  Appenders:
    Console: {name: out, PatternLayout: {pattern: "%d %p %c: %m%n"}}
  Loggers:
    Root: {level: warn, AppenderRef: [{ref: out}]}
"""


class Unavailable(RuntimeError):
    """Apache Kafka cannot run on this machine; the message names what is missing."""


@dataclass(frozen=True)
class Node:
    """A broker among others. `others`: (node id, controller port) of all, itself included."""

    number: int
    port: int
    others: Mapping[int, int]

    @property
    def voters(self) -> str:
        """The value of `controller.quorum.voters`."""
        return ",".join(f"{number}@{HOST}:{port}" for number, port in self.others.items())


def nodes(count: int) -> list[Node]:
    """Returns the nodes of a cluster, on free ports."""
    ports = free_ports(2 * count)
    controllers = dict(enumerate(ports[count:], 1))
    return [Node(number, port, controllers) for number, port in enumerate(ports[:count], 1)]


class ApacheKafka:
    """One broker; its data, settings and log are in `folder` and survive stop() and kill().

    Raises Unavailable where Java, Maven or the jars are missing.
    """

    def __init__(
        self,
        folder: Path,
        heap_mib: int = 768,
        advertised_port: int | None = None,
        node: Node | None = None,
        settings: str = "",
        quick: bool = True,
    ) -> None:
        """advertised_port: the advertised listener, when a proxy is between clients and broker. settings: more lines
        for its file. quick: it starts and serves tests with half the work, and has less throughput.
        """
        self.folder, self._jars, self._heap_mib = folder, jars(), heap_mib
        self._java = QUICK if quick else []
        node = node or nodes(1)[0]
        self.port = node.port
        self._process: subprocess.Popen[bytes] | None = None
        self._settings, self._logging = folder / "server.properties", folder / "log4j2.yaml"
        text = SETTINGS.format(
            host=HOST,
            node=node.number,
            port=self.port,
            advertised_port=advertised_port or self.port,
            controller_port=node.others[node.number],
            voters=node.voters,
            copies=len(node.others),
            least_copies=max(len(node.others) - 1, 1),
            data=folder / "data",
        )
        folder.mkdir(exist_ok=True)
        self._settings.write_text(text + settings)
        self._logging.write_text(LOGGING)

    @property
    def brokers(self) -> str:
        """host:port, as KEEPLINE_BROKERS takes it."""
        return f"{HOST}:{self.port}"

    @property
    def log(self) -> str:
        """The broker's log of warnings and errors."""
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self) -> None:
        """Starts the broker and waits until it serves; raises RuntimeError with the end of its log otherwise."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Starts the broker without waiting."""
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        self._process = self._run("kafka.Kafka", str(self._settings))

    def wait(self) -> None:
        """Waits until the broker serves, as `start` does."""
        assert self._process is not None
        until = time.monotonic() + START_LIMIT_S
        while not serves(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"Apache Kafka did not start in {START_LIMIT_S:.0f} s:\n{self.log[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stops the broker with SIGTERM; kills it when that takes too long."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """Kills the broker with SIGKILL: unwritten data is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()  # nobody reads its data any more

    def _format(self) -> None:
        format_ = self._run("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._settings))
        if format_.wait(START_LIMIT_S) != 0:
            raise RuntimeError(f"Apache Kafka could not format its folder:\n{self.log[-2000:]}")

    def _run(self, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        heap = [f"-Xms{self._heap_mib // 3}m", f"-Xmx{self._heap_mib}m"]
        logging = f"-Dlog4j2.configurationFile={self._logging}"
        command = ["java", *heap, *self._java, logging, "-cp", f"{self._jars}/*", main, *arguments]
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


class Cluster:
    """Brokers that replicate everything; with three, one may be down."""

    def __init__(self, folder: Path, places: Sequence[Node], advertised_ports: Sequence[int], heap_mib: int) -> None:
        self.nodes = [
            ApacheKafka(folder / f"broker-{place.number}", heap_mib, advertised, place)
            for place, advertised in zip(places, advertised_ports, strict=True)
        ]

    def start(self) -> None:
        """Starts all brokers and waits until they serve."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait()

    def stop(self) -> None:
        """Stops all brokers."""
        for node in self.nodes:
            node.kill()


def jars() -> Path:
    """Returns the folder with the jars of Kafka."""
    _need_java()
    return fetch(POM, "kafka")


def cache() -> Path:
    """Returns the cache folder of downloads."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keepline"


def fetch(pom: Path, name: str) -> Path:
    """Returns the folder with the jars of a pom.xml; Maven downloads them once for each version of it."""
    folder = cache() / f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        if shutil.which("mvn") is None:
            raise Unavailable("mvn (Maven) is not there")
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache()) as fresh:
            _fetch(pom, Path(fresh) / "lib")
            if not folder.exists():  # another run may have been quicker
                (Path(fresh) / "lib").rename(folder)
    return folder


def free_ports(count: int) -> list[int]:
    """Returns different free loopback ports."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def serves(port: int) -> bool:
    """Returns whether the broker answers a Metadata request (version 1, no topics) with brokers."""
    try:
        with socket.create_connection((HOST, port), timeout=2) as link:
            link.sendall(struct.pack(">ihhihi", 14, 3, 1, 1, -1, 0))
            answer = link.recv(12, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 12 and struct.unpack(">iii", answer)[2] >= 1


def _need_java() -> None:
    if shutil.which("java") is None:
        raise Unavailable("java is not there")
    output = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', output)
    if version is None or int(version[1]) < JAVA:
        raise Unavailable(f"java is {output.splitlines()[0] if output else 'of unknown version'}, too old")


def _fetch(pom: Path, folder: Path) -> None:
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    command = ["mvn", "--batch-mode", "--quiet", "--file", str(pom), *goal]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAVEN_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"Maven did not fetch the jars in {MAVEN_LIMIT_S:.0f} s") from None
    if done.returncode != 0:
        raise Unavailable(f"Maven could not fetch the jars: {done.stdout.strip()[:300]}")
