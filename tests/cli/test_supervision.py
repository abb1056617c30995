"""`--supervise`: a worker that ends by itself runs again, one that is told to end does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.cli.supervision import Supervisor

# counts its runs in a file, then does what the word for this run says
PROGRAM = """
import os, signal, sys
from pathlib import Path
runs, words = Path(sys.argv[1]), sys.argv[2:]
number = len(runs.read_text()) if runs.exists() else 0
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
runs.write_text("x" * (number + 1))
word = words[min(number, len(words) - 1)]
if word == "wait":
    print("waits", flush=True)
    signal.pause()
os.kill(os.getpid(), signal.SIGKILL) if word == "killed" else sys.exit(int(word))
"""


def run(folder: Path, *words: str) -> tuple[int, int]:
    """Returns the exit code and the number of runs."""
    runs = folder / "runs"
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        code = Supervisor([sys.executable, "-c", PROGRAM, str(runs), *words], first_pause_s=0.01).run()
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    return code, len(runs.read_text())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["0"], (0, 1)),
        (["2"], (2, 1)),
        (["70", "1", "0"], (0, 3)),
        (["killed", "0"], (0, 2)),
    ],
)
def test_it_runs_again_until_it_is_done_or_used_wrongly(
    words: list[str], expected: tuple[int, int], tmp_path: Path
) -> None:
    assert run(tmp_path, *words) == expected


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_and_the_supervisor(number: int, tmp_path: Path) -> None:
    body = "import sys; from streams.cli.supervision import Supervisor; sys.exit(Supervisor(sys.argv[1:]).run())"
    program = PROGRAM.replace("signal.SIGTERM", f"signal.Signals({number})")
    command = [sys.executable, "-c", body, sys.executable, "-c", program, str(tmp_path / "runs"), "wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "waits\n"
        os.kill(supervisor.pid, number)
        assert supervisor.wait(30) == 0
    assert (tmp_path / "runs").read_text() == "x"
