"""SIGTERM ends a command as Ctrl-C does, also one that a shell has started in the background."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

AS_IN_THE_FOREGROUND, IN_THE_BACKGROUND = "", "trap '' INT; "  # there a shell starts commands without SIGINT
NOBODY = {"KEEPLINE_BROKERS": "127.0.0.1:1"}


@pytest.mark.parametrize("start", [AS_IN_THE_FOREGROUND, IN_THE_BACKGROUND])
def test_a_probe_that_goes_on_ends_on_sigterm(start: str) -> None:
    command = f'{start}exec "$0" -m streams.cli probe --every 1s --limit 1s'
    with subprocess.Popen(
        ["sh", "-c", command, sys.executable], env=os.environ | NOBODY, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("keepline: ")  # nobody answers, and it goes on
        process.terminate()
        try:
            assert process.wait(60) == 130
        finally:
            process.kill()
