"""A Kafka-compatible broker inside the virtual environment, for the demo ONLY.

It starts in a fraction of a second and supports transactions, but it is one process that keeps all data in memory, and
a group is stuck for minutes after a member was killed. Tests, benchmarks and production use Apache Kafka.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from schemas.errors import Failure
from streams.demo.processes import guarded

START_LIMIT_S = 15.0
ADVICE = "start Apache Kafka and set KEEPLINE_BROKERS=host:port instead"


@contextmanager
def embedded_broker() -> Iterator[str]:
    """Yields host:port of a broker on the loopback; broker and data end with the block.

    Raises Failure where it is not installed or does not run on this machine.
    """
    program = _program()
    with tempfile.TemporaryDirectory(prefix="keepline-demo-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        process = _start(program, port, Path(folder))
        try:
            _wait(process, port, Path(folder) / "log")
            yield f"127.0.0.1:{port}"
        finally:
            process.communicate()  # closes the pipe to the guard, which kills the broker: its data is temporary


def _program() -> Path:
    spec = find_spec("noida_db")
    if spec is None or spec.origin is None:
        raise Failure(f"the demo's broker is not installed; `pip install 'keepline[demo]'`, or {ADVICE}")
    program = Path(spec.origin).with_name("noida-db.exe" if os.name == "nt" else "noida-db")
    if not program.is_file():
        raise Failure(f"the demo's broker has no program for this platform (expected {program}); {ADVICE}")
    program.chmod(0o755)  # some installers of wheels drop the executable bit
    return program


def _start(program: Path, port: int, folder: Path) -> subprocess.Popen[bytes]:
    place = ["--data-dir", str(folder / "data"), "--host", "127.0.0.1", "--kafka-port", str(port)]
    command = guarded(str(program), "start", "--only", "kafka", *place, folder=str(folder))
    with (folder / "log").open("wb") as log:
        # a session of its own: the terminal's Ctrl-C ends the worker first, and the broker after it
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_LIMIT_S
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > until:
            output = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
            raise Failure(f"the demo's broker did not start ({output[0]}); {ADVICE}")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Returns a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
