"""`keepline worker --supervise`: starts the worker again whenever it ends by itself, where no other supervisor does."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Sequence

from streams.cli import complain

FIRST_PAUSE_S, MOST_PAUSE_S = 1.0, 60.0
LONG_RUN_S = 300.0  # after such a run the next pause is the first one again
FINAL = (0, 2)  # done, and wrong use: another start would end in the same way


class Supervisor:
    """Runs a command again and again; signals are passed on to it, and it is not started again after one."""

    def __init__(self, command: Sequence[str], first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._command, self._first_pause_s = command, first_pause_s
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def run(self) -> int:
        """Returns the exit code of the last run."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
        pause_s, code = self._first_pause_s, 0
        while not self._stopped.is_set():
            started = time.monotonic()
            code = self._run_once()
            if code in FINAL or self._stopped.is_set():
                break
            pause_s = self._first_pause_s if time.monotonic() - started > LONG_RUN_S else pause_s
            complain(f"the worker ended with {code}; it starts again in {pause_s:g} s")
            self._stopped.wait(pause_s)
            pause_s = min(2.0 * pause_s, MOST_PAUSE_S)
        return code if code >= 0 else 128 - code

    def _run_once(self) -> int:
        # a session of its own: the terminal's Ctrl-C would reach it twice, and the second time it leaves at once
        with subprocess.Popen(self._command, start_new_session=True) as self._process:
            if self._stopped.is_set():  # the signal came before there was a process
                self._process.terminate()
            return self._process.wait()

    def _pass_on(self, number: int, frame: object) -> None:
        self._stopped.set()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
