"""Keeps workers running, as systemd or Kubernetes would, and causes faults."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from streams.kafka.lease import TRANSACTION_TIMEOUT_MS
from tests.chaos.process import DIE, DROP, FAIL, FREEZE
from tests.chaos.proxy import Proxy
from tests.kafka.apache import Cluster

SESSION_S = 6.0
OVERTIME_S = TRANSACTION_TIMEOUT_MS / 1000
COMMIT_LIMIT_S = 5.0  # a worker at work commits once a second
MOST_WORKERS, LEAST_WORKERS = 4, 1


# the weight of a fault is how often it is listed
KINDS = (
    *("kill", "kill", "kill", "die", "die", "die", "sleep", "freeze", "freeze", "freeze", "terminate", "terminate"),
    *("add", "remove", "cut", "hold_end", "hold_end", "drop", "fail", "broker"),
)


class Supervisor:
    """Workers by name; a worker that ends with another code than 0 is restarted."""

    def __init__(self, environment: dict[str, str], arguments: dict[str, Any], log: Path, workers: int) -> None:
        self.environment, self.arguments = environment, arguments | {"session_s": SESSION_S}
        self.wanted = {f"w{i}" for i in range(workers)}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.zombies: list[subprocess.Popen[bytes]] = []
        self.stopping: set[str] = set()
        self.paused = False  # no worker is started
        self.ends: Counter[int] = Counter()
        self._log: IO[bytes] = log.open("ab")

    @property
    def is_done(self) -> bool:
        """Whether every worker has reached the end of the input."""
        return not self.wanted

    async def keep(self) -> None:
        """Restarts ended workers until it is cancelled."""
        while True:
            for name, process in list(self.running.items()):
                code = process.poll()
                if code is not None:
                    self.ends[code] += 1
                    del self.running[name]
                    if code == 0 and name not in self.stopping:
                        self.wanted.discard(name)
                    self.stopping.discard(name)
            for name in [] if self.paused else sorted(self.wanted - self.running.keys()):
                self.start(name)
            await asyncio.sleep(0.1)

    def start(self, name: str) -> None:
        """Starts a worker; one of them without compiled code, so that a difference to it would show."""
        arguments = self.arguments | {"instance": f"{self.environment['KEEPLINE_GROUP']}-{name}"}
        command = [sys.executable, "-m", "tests.chaos.process", json.dumps(arguments)]
        environment = self.environment | ({"KEEPLINE_COMPILED": "off"} if name == "w0" else {})
        self.running[name] = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)

    def any_running(self, chance: random.Random) -> str | None:
        """Returns a random running worker; None: there is none."""
        names = sorted(name for name, process in self.running.items() if process.poll() is None)
        return chance.choice(names) if names else None

    async def leave(self, limit_s: float) -> list[str]:
        """Terminates all workers and waits; returns the names of those that did not end with 0 in time."""
        names = set(self.running)
        self.wanted.clear()
        for process in self.running.values():
            process.terminate()
        until = time.monotonic() + limit_s
        while any(process.poll() is None for process in self.running.values()) and time.monotonic() < until:  # noqa: ASYNC110 -- of processes
            await asyncio.sleep(0.1)
        return sorted(name for name in names if self.running[name].poll() != 0)

    def stop(self) -> None:
        """Kills all processes."""
        self.wanted.clear()
        for process in [*self.running.values(), *self.zombies]:
            process.kill()
            process.wait()


class Faults:
    """Random faults from a seed."""

    def __init__(
        self, supervisor: Supervisor, kafka: Cluster, proxies: Sequence[Proxy], seed: int, kinds: Sequence[str]
    ) -> None:
        self.supervisor, self.kafka, self.proxies, self.kinds = supervisor, kafka, proxies, kinds
        self.chance, self.done = random.Random(seed), Counter[str]()

    async def inflict(self, count: int, pause_s: tuple[float, float]) -> None:
        """Causes faults until there were `count`, or the workers are done."""
        while self.done.total() < count and not self.supervisor.is_done:
            await asyncio.sleep(self.chance.uniform(*pause_s))
            kind, name = self.chance.choice(self.kinds), self.supervisor.any_running(self.chance)
            if name is None or self.supervisor.is_done:
                continue
            self.done[kind] += 1
            print(f"{time.strftime('%T')} fault {self.done.total()}: {kind} {name}", file=sys.stderr, flush=True)
            await getattr(self, f"_{kind}")(name)

    async def _kill(self, name: str) -> None:
        self.supervisor.running[name].kill()

    async def _terminate(self, name: str) -> None:
        self.supervisor.stopping.add(name)
        self.supervisor.running[name].terminate()

    async def _die(self, name: str) -> None:
        self._signal(name, DIE)

    async def _drop(self, name: str) -> None:
        self._signal(name, DROP)

    async def _fail(self, name: str) -> None:
        self._signal(name, FAIL)

    async def _freeze(self, name: str) -> None:
        """Stops a worker inside a checkpoint; one time in four for longer than its transaction timeout."""
        process = self.supervisor.running[name]
        self._signal(name, FREEZE)
        for _ in range(int(COMMIT_LIMIT_S / 0.01)):
            if process.poll() is not None or _is_stopped(process.pid):
                break
            await asyncio.sleep(0.01)
        await self._sleep(name, OVERTIME_S if self.chance.random() < 0.25 else 0.0)

    def _signal(self, name: str, number: int) -> None:
        process = self.supervisor.running[name]
        if process.poll() is None and _listens(process.pid, number):
            os.kill(process.pid, number)

    async def _sleep(self, name: str, more_s: float = 0.0) -> None:
        """Stops a worker for longer than its session; half the time another one of its name is started meanwhile."""
        process = self.supervisor.running.get(name)
        if process is None or process.poll() is not None:
            return
        os.kill(process.pid, signal.SIGSTOP)
        if self.chance.random() < 0.5:
            self.supervisor.zombies.append(self.supervisor.running.pop(name))
        await asyncio.sleep(SESSION_S + self.chance.uniform(1, 4) + more_s)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)

    async def _add(self, name: str) -> None:
        if len(self.supervisor.wanted) < MOST_WORKERS:
            self.supervisor.wanted.add(f"x{self.done.total()}")

    async def _remove(self, name: str) -> None:
        if len(self.supervisor.wanted) > LEAST_WORKERS:
            self.supervisor.wanted.discard(name)
            self.supervisor.zombies.append(self.supervisor.running.pop(name))
            self.supervisor.zombies[-1].terminate()

    async def _cut(self, name: str) -> None:
        """Cuts the network to one broker or to all."""
        several = self.proxies if self.chance.random() < 0.5 else [self.chance.choice(self.proxies)]
        seconds = self.chance.uniform(0.5, 8)
        await asyncio.gather(*[proxy.cut(seconds) for proxy in several])

    async def _hold_end(self, name: str) -> None:
        self.chance.choice(self.proxies).hold_next_end(self.chance.uniform(0.5, 16))

    async def _broker(self, name: str) -> None:
        """Kills and restarts a broker; of several, another one leads meanwhile."""
        node = self.chance.choice(self.kafka.nodes)
        await asyncio.to_thread(node.kill)
        await asyncio.sleep(self.chance.uniform(0.1, 3))
        await asyncio.to_thread(node.start)


def _is_stopped(pid: int) -> bool:
    return _status(pid, "State").startswith("T")


def _listens(pid: int, number: int) -> bool:
    """Returns whether the process handles the signal; one that is still starting would be killed by it."""
    return bool(int(_status(pid, "SigCgt") or "0", 16) >> (number - 1) & 1)


def _status(pid: int, name: str) -> str:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return line.partition(":")[2].strip()
    return ""
