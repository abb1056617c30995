"""Programs beside the demo: they end with it, however it ends (`guard`)."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process

STOP_LIMIT_S = 10.0


def guarded(*command: str, folder: str = "") -> list[str]:
    """Returns the command that runs another one for as long as its own standard input, a pipe, is open. folder: is
    removed then.
    """
    return [sys.executable, "-m", "streams.demo.guard", folder, *command]


async def stop(process: Process) -> None:
    """Ends a guarded program: by SIGTERM, or if that takes more than STOP_LIMIT_S, by SIGKILL."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
        except TimeoutError:
            assert process.stdin is not None
            process.stdin.close()  # not a kill of the guard: the program would live on
            await process.wait()
