"""Programs beside the demo end when they are told to, whatever they do about it."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process

import pytest

from streams.demo import processes
from streams.demo.processes import guarded, stop


async def started(program: str) -> Process:
    process = await asyncio.create_subprocess_exec(*guarded(sys.executable, "-c", program), stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def test_a_program_ends_by_itself_when_it_is_told_to() -> None:
    program = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('ready', flush=True)"
    process = await started(program + "; signal.pause()")
    await stop(process)
    assert process.returncode == 7


async def test_a_program_that_does_not_listen_is_killed_and_not_its_guard_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "STOP_LIMIT_S", 0.2)
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
    process = await started(program + "\nwhile True: signal.pause()")
    await stop(process)
    assert process.stdout is not None
    assert await process.stdout.read() == b""  # the end of it: no program holds it any more
