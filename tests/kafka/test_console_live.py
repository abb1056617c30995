"""The page Live over Apache Kafka: a worker that is killed, and one that takes over."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import ClientSession, CookieJar

from streams.kafka import status
from tests.kafka.apache import free_ports
from tests.kafka.city import ROOT, wait_for
from tests.kafka.group import OPTIONS, Group, new_group

SHOWN_WITHIN_S = 10.0
PARTITIONS = 2


@contextmanager
def console(group: Group, port: int) -> Iterator[str]:
    """`keepline console` as a process, and its link."""
    command = [sys.executable, "-m", "streams.cli", "console", "--http", str(port), *OPTIONS]
    process = subprocess.Popen(command, cwd=ROOT, env=group.city.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield next(line.strip() for line in process.stdout if line.startswith("http"))
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def page(group: Group) -> AsyncIterator[tuple[ClientSession, str]]:
    """A browser that has signed in, and the address of the page."""
    (port,) = free_ports(1)
    with console(group, port) as link:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            await browser.get(link)
            yield browser, f"http://127.0.0.1:{port}/live"


async def test_a_killed_worker_is_shown_within_ten_seconds_and_its_recovery_too(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    async with page(group) as (browser, address):

        async def says(*words: str) -> bool:
            text = await (await browser.get(address)).text()
            return all(word in text for word in words)

        async def stands_on_the_page(*words: str, within_s: float = 90.0) -> float:
            began = time.monotonic()
            await wait_for(lambda: says(*words), within_s)
            return time.monotonic() - began

        await stands_on_the_page("No worker runs")
        # a browser that shows the page has it read more often
        async with browser.get(address.replace("/live", "/stream"), params={"page": "live"}):
            with group.worker(instance="w0") as worker:
                await stands_on_the_page("On time", "<bdi>w0</bdi>", "engine-1", "learner")
                worker.kill()
                assert await stands_on_the_page("Stopped", "No worker runs") < SHOWN_WITHIN_S
            with group.worker(instance="w1"):
                await stands_on_the_page("On time", "<bdi>w1</bdi>")


async def test_the_owner_of_each_unit_is_in_the_status(brokers: str, tmp_path: Path) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    with group.worker(instance="w0"):

        async def is_owned() -> bool:
            found = (await status.read(group.city.settings)).units
            return {unit.unit for unit in found if unit.owner == "w0"} == {"engine-0", "engine-1", "learner"}

        await wait_for(is_owned)
