"""How far a long command is, with the time left, on standard error: a line that is rewritten on a terminal, otherwise a
line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

QUIET_S = 5.0  # shorter work shows nothing
TERMINAL_S, OTHERWISE_S = 0.5, 30.0  # between two lines
LEAST_SHARE = 0.005  # before it the time left would be a guess
State = tuple[float, str]  # share of the work that is done, 0 to 1, and what is being done


class Progress:
    """Shows the state of the work inside `with`, from a thread of its own, so that the work need not report."""

    def __init__(self, name: str, state: Callable[[], State], stream: TextIO | None = None) -> None:
        self.name, self.state, self.stream = name, state, stream or sys.stderr
        self.is_terminal = self.stream.isatty()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self.shown = False

    def __enter__(self) -> Progress:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self.thread.join()
        if self.shown and self.is_terminal:
            self._write("\r\x1b[K")

    def line(self, seconds: float) -> str:
        """Returns the line to show after `seconds`."""
        share, doing = self.state()
        parts = [f"{self.name}: {min(share, 1.0):.0%}", doing, f"{_clock(seconds)} elapsed"]
        if share >= LEAST_SHARE:
            parts.append(f"{_clock(seconds * (1 - min(share, 1.0)) / share)} left")
        return ", ".join(part for part in parts if part)

    def _run(self) -> None:
        started, wait = time.monotonic(), QUIET_S
        while not self.ended.wait(wait):
            line = self.line(time.monotonic() - started)
            self._write(f"\r\x1b[K{line}" if self.is_terminal else f"keepline: {line}\n")
            wait = TERMINAL_S if self.is_terminal else OTHERWISE_S

    def _write(self, text: str) -> None:
        self.shown = True
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):  # nobody reads standard error any more: no reason to stop the work
            self.ended.set()


def _clock(seconds: float) -> str:
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
