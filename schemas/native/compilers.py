"""Which C compiler this machine has: `cc`, or else the one of the package `ziglang`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

# -ffp-contract=off: a * b + c is rounded twice, as NumPy does it; nothing here depends on the processor that compiles
FLAGS = ("-O3", "-std=c11", "-ffp-contract=off", "-fPIC", "-shared")
VERSION_S, COMPILE_S = 30, 300


class CannotCompile(Exception):
    """A compiler is there and gave no library."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler: how it is called, and what distinguishes it from another version."""

    command: tuple[str, ...]
    version: str
    flags: tuple[str, ...] = FLAGS

    def compile(self, sources: Sequence[Path], out: Path, scratch: Path) -> None:
        """Compiles sources into a library. scratch: a folder for what the compiler leaves. Raises CannotCompile."""
        folders = dict.fromkeys(("TMPDIR", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), str(scratch))
        command = [*self.command, *self.flags, *map(str, sources), "-o", str(out), "-lm"]
        ended = _run(command, COMPILE_S, os.environ | folders)
        if ended is None or ended.returncode:
            said = ended.stderr.splitlines() if ended else [f"{command[0]} does not run"]
            raise CannotCompile(next((line for line in said if "error" in line), said[0] if said else "no reason"))


def find() -> Compiler | None:
    """Returns the compiler of this machine, None without one."""
    for command in _commands():
        ended = _run([command[0], "version" if len(command) > 1 else "--version"], VERSION_S)
        if ended and not ended.returncode and ended.stdout.strip():
            return Compiler(command, f"{Path(command[0]).name} ({ended.stdout.splitlines()[0]})")
    return None


def _commands() -> Iterator[tuple[str, ...]]:
    if path := shutil.which("cc"):
        yield (path,)
    spec = find_spec("ziglang")
    for place in (spec.submodule_search_locations if spec else None) or []:
        # without -mcpu zig compiles for the processor that it runs on: another host of the same home could not run it
        yield str(Path(place, "zig")), "cc", "-mcpu=baseline"


def _run(
    command: Sequence[str], timeout_s: float, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str] | None:
    """Returns what a command answered, None where it does not run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=environ, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
