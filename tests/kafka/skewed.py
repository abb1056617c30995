"""The command `keepline` on a wrong clock: `python -m tests.kafka.skewed FILE WORDS`.

FILE holds by how many seconds the clock is ahead, and is read again at SIGUSR1.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kafka.group import OPTIONS, Group


class WrongClock:
    """A worker's clock that a test can set."""

    def __init__(self, group: Group, folder: Path, ahead_s: float = 0.0) -> None:
        self._group, self._file = group, folder / "ahead"
        self._process: subprocess.Popen[bytes] | None = None
        self.set(ahead_s)

    def set(self, ahead_s: float) -> None:
        """Sets the clock, from now on."""
        self._file.write_text(str(ahead_s))
        if self._process:
            self._process.send_signal(signal.SIGUSR1)

    @contextmanager
    def worker(self, *words: str, instance: str = "w0") -> Iterator[subprocess.Popen[bytes]]:
        """Yields a worker with this clock; kills it at the end."""
        command = [sys.executable, "-m", "tests.kafka.skewed", str(self._file), "worker", "--instance", instance]
        with self._group.city.process([*command, *words, *OPTIONS]) as process:
            self._process = process
            yield process
        self._process = None


def main(file: Path, words: list[str]) -> int:
    """Runs the command."""
    right, right_ns, ahead_s = time.time, time.time_ns, 0.0

    def read(*_: object) -> None:
        nonlocal ahead_s
        ahead_s = float(file.read_text())

    read()
    signal.signal(signal.SIGUSR1, read)
    time.time = lambda: right() + ahead_s
    time.time_ns = lambda: right_ns() + int(ahead_s * 1e9)
    from streams.cli import main as keepline

    return keepline(words)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
