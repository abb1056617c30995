"""Child processes: `keepline` commands, with their time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.instants import SECOND_US, parse_instant

ROOT = Path(__file__).parents[1]
CLOCK_TICK = os.sysconf("SC_CLK_TCK")
LIMIT_S = 900.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended with 0. cpu_s: of the process, its threads included."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


# runs a command in a Python that prints its own peak: RUSAGE_CHILDREN has the maximum of all children so far
WRAPPER = """
import json, re, runpy, sys, time
sys.argv = sys.argv[1:]
code, started = 0, time.perf_counter()
try:
    runpy.run_module("streams.cli", run_name="__main__", alter_sys=True)
except SystemExit as end:
    code = end.code or 0
peak = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) * 1024
took = {"wall_s": time.perf_counter() - started, "cpu_s": time.process_time(), "peak_bytes": peak}
print(json.dumps(took), file=sys.stderr)
sys.exit(code)
"""


def keepline(*words: str | Path, environ: Mapping[str, str] | None = None) -> Finished:
    """Runs a command to its end; raises RuntimeError with its output when it fails."""
    name = f"keepline {' '.join(map(str, words))}"
    done = _run(name, ["-c", WRAPPER, "keepline", *map(str, words)], environ)
    return Finished(**json.loads(done.stderr.splitlines()[-1]))


def python(*words: str, environ: Mapping[str, str] | None = None) -> str:
    """Returns the standard output of a new Python; raises RuntimeError when it fails."""
    return _run(f"python {' '.join(words)}", words, environ).stdout


def _run(name: str, words: Sequence[str], environ: Mapping[str, str] | None) -> subprocess.CompletedProcess[str]:
    command, known = [sys.executable, *words], os.environ | dict(environ or {})
    done = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def status_bytes(name: str, pid: int | str = "self") -> int:
    """Returns VmRSS or VmHWM of a process, from /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


@dataclass(frozen=True, slots=True)
class WorkerRun:
    """Times of a worker from start to end. steady: since the last unit was restored."""

    wall_s: float
    cpu_s: float
    steady_wall_s: float
    steady_cpu_s: float


def run_worker(environ: Mapping[str, str], options: Sequence[str]) -> WorkerRun:
    """Runs `keepline worker --clock event --exit-at-end` to its end."""
    started = time.time()
    words = ["worker", "--clock", "event", "--exit-at-end", *options]
    command = [sys.executable, "-m", "streams.cli", *words]
    lines: list[str] = []
    restored_at = restored_cpu_s = 0.0
    worker = subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, stderr=subprocess.PIPE, text=True)
    assert worker.stderr
    for line in worker.stderr:
        lines.append(line)
        if " restored: " in line:
            restored_at, restored_cpu_s = time.time(), process_cpu_s(worker.pid)
    _, status, usage = os.wait4(worker.pid, 0)  # usage of this worker alone
    worker.returncode = os.waitstatus_to_exitcode(status)
    if worker.returncode != 0 or not restored_at:
        raise RuntimeError(f"the worker ended with {worker.returncode}: {''.join(lines)[-2000:]}")
    cpu_s = usage.ru_utime + usage.ru_stime
    done_at = next(json.loads(line)["time"] for line in reversed(lines) if "saving and leaving" in line)
    steady_s = parse_instant(done_at) / SECOND_US - restored_at
    return WorkerRun(time.time() - started, cpu_s, steady_s, cpu_s - restored_cpu_s)


def process_cpu_s(pid: int) -> float:
    """Returns user and system time of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICK
