"""Compiles the library on first use, keeps it in a folder of the user's, and loads it.

The name of the file has a hash of sources and flags, one of the compiler and one of what is in it. Where no compiler is
left, as in an image, a library of the same sources is taken whoever compiled it. It is written beside its place and
renamed, so processes that start at once do not see half of it. Whatever goes wrong, the reference in Python is used and
one line says why.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from schemas.native.compilers import FLAGS, CannotCompile, Compiler, find
from schemas.native.trust import objection

SETTING, OFF = "KEEPLINE_COMPILED", "off"
SOURCES = Path(__file__).parent
WITHOUT = "all work is done by NumPy, with the same results and more slowly"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The library, None where the reference is used, and the sentence for the log."""

    compiled: ctypes.CDLL | None
    told: str


@cache
def loaded() -> Loaded:
    """Returns the library of this process; it is compiled if need be."""
    return load(os.environ)


def compiled_code() -> ctypes.CDLL | None:
    """Returns the library of this process, None where the reference is used."""
    return loaded().compiled


def load(environ: Mapping[str, str]) -> Loaded:
    """Returns the library as an environment asks for it. Raises nothing: the reference can do everything."""
    asked = environ.get(SETTING, "")
    if asked == OFF:
        return Loaded(None, f"compiled code is switched off ({SETTING}={OFF}): {WITHOUT}")
    try:
        return _load(folder_of(environ), find())
    except (CannotCompile, OSError) as error:
        return Loaded(None, f"no compiled code ({' '.join(str(error).split())}): {WITHOUT}")


def folder_of(environ: Mapping[str, str]) -> Path:
    """The folder of compiled libraries; one in the place for temporary files where the user has no home."""
    home = Path(environ.get("HOME") or "/nonexistent")
    if cache_home := environ.get("XDG_CACHE_HOME"):
        folder = Path(cache_home, "keepline")
    elif os.access(home, os.W_OK):
        folder = home / ".cache" / "keepline"
    else:
        folder = Path(tempfile.gettempdir(), f"keepline-{os.getuid()}")
    return folder.resolve()


def _load(folder: Path, compiler: Compiler | None) -> Loaded:
    path = _kept(folder, compiler) or _compiled(folder, compiler)
    by = compiler.version if compiler else "a compiler that is gone"
    return Loaded(ctypes.CDLL(str(path)), f"compiled code: {path} by {by}")


def _kept(folder: Path, compiler: Compiler | None) -> Path | None:
    """The library that was compiled before from these sources, by this compiler, or by any where there is none. What is
    not whole any more, after a loss of power, say, is none: to load it would end the process.
    """
    for path in sorted(folder.glob(f"{_sources_hash()}-{_hash_of(compiler) if compiler else '*'}-*.so")):
        _refuse_foreign(folder)
        _refuse_foreign(path)
        if path.stem.endswith(_hash(path.read_bytes())):
            return path
    return None


def _compiled(folder: Path, compiler: Compiler | None) -> Path:
    if compiler is None:
        raise CannotCompile("neither cc nor the package ziglang is here")
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)  # an image's user reads what its builder has compiled
    _refuse_foreign(folder)
    name = f"{_sources_hash()}-{_hash_of(compiler)}"
    with tempfile.TemporaryDirectory(prefix="new-", dir=folder) as scratch:
        new = Path(scratch, f"{name}.so")
        compiler.compile(sorted(SOURCES.glob("*.c")), new, Path(scratch))
        new.chmod(0o644)
        return new.replace(folder / f"{name}-{_hash(new.read_bytes())}.so")


def _refuse_foreign(path: Path) -> None:
    if (why := objection(path)) is not None:
        raise CannotCompile(why)


def _hash_of(compiler: Compiler) -> str:
    return _hash(repr(compiler).encode())


def _sources_hash() -> str:
    parts = [sys.platform, platform.machine(), *FLAGS]
    sources = (path.read_text("utf-8") for path in sorted(SOURCES.glob("*.[ch]")))
    return _hash("\0".join([*parts, *sources]).encode())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
