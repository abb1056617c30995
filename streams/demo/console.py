"""The console as a process beside the demo: its link, and its pages as files at the end."""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from streams.demo import saved_pages
from streams.demo.broker import free_port
from streams.demo.processes import guarded, stop

PORT = 8080
COMMAND = ("-m", "streams.cli", "console")
START_LIMIT_S = 30.0
AGENT = "you"  # whom the console takes for the adviser at the keyboard


class Console:
    """say: prints a line about the link, each time there is a new one: a link works once."""

    def __init__(self, log: Path, say: Callable[[str], None]) -> None:
        self._log, self._say = log, say
        self._tells_links, self._is_stopped = True, False
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._link: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def start(self, environment: Mapping[str, str], options: Sequence[str]) -> None:
        """Starts the process; its link follows."""
        address = f"127.0.0.1:{PORT if _is_free(PORT) else free_port()}"
        self._process = await asyncio.create_subprocess_exec(
            *guarded(sys.executable, *COMMAND), "--http", address, "--clock", "event", "--agent", AGENT, *options,
            env=environment, stdin=PIPE, stdout=PIPE, stderr=STDOUT,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(self._process))

    async def pages(self) -> dict[str, str]:
        """Returns its pages by names of files; none if it does not answer: its log says why."""
        self._tells_links = False  # whoever comes now is not told of the next one
        with suppress(TimeoutError, OSError, saved_pages.Error):
            return await saved_pages.read(await asyncio.wait_for(asyncio.shield(self._link), START_LIMIT_S))
        return {}

    async def stop(self) -> None:
        """Ends the process."""
        self._is_stopped = True
        if self._process is not None and self._reader is not None:
            await stop(self._process)
            await self._reader

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        with self._log.open("wb") as log:
            async for line in process.stdout:
                text = line.decode(errors="replace").strip()
                if text.startswith("http"):
                    self._renew(text)
                else:
                    log.write(line)
                    log.flush()
        if not self._is_stopped:
            self._say(f"The console has ended; see {self._log}")
        if not self._link.done():
            self._link.set_exception(OSError("the console has ended"))
            self._link.exception()  # nobody need ask for it

    def _renew(self, link: str) -> None:
        if self._tells_links:
            self._say("The console, in a browser" if not self._link.done() else "The console, for another browser")
            self._say(f"  {link}")
        if self._link.done():
            self._link = asyncio.get_running_loop().create_future()
        self._link.set_result(link)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False
