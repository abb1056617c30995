"""Compiled code comes onto a machine by itself, and is left out with one sentence where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.native import compilers, loading
from schemas.native.loading import Loaded, load
from schemas.native.trust import objection

needs_cc = pytest.mark.skipif(
    compilers.find() is None, reason="neither cc nor ziglang is here: nothing can be compiled"
)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose folder of compiled code is empty."""
    return {"XDG_CACHE_HOME": str(tmp_path)}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The libraries that were compiled in this test."""
    found: list[Path] = []
    compile_one = compilers.Compiler.compile

    def noted(self: compilers.Compiler, sources: list[Path], out: Path, scratch: Path) -> None:
        found.append(out)
        compile_one(self, sources, out, scratch)

    monkeypatch.setattr(compilers.Compiler, "compile", noted)
    return found


def folder(home: dict[str, str]) -> Path:
    return Path(home["XDG_CACHE_HOME"], "keepline")


def refused(found: Loaded, why: str) -> bool:
    """Whether the reference is used, and one line says why."""
    return found.compiled is None and why in found.told and "NumPy" in found.told and "\n" not in found.told


@needs_cc
def test_the_library_is_compiled_once_and_kept(home: dict[str, str], compiled: list[Path]) -> None:
    first, second = load(home), load(home)
    assert first.compiled is not None
    assert first.told == second.told
    assert len(compiled) == 1
    assert [path.suffix for path in folder(home).iterdir()] == [".so"]


@needs_cc
def test_others_can_load_what_an_administrator_has_compiled(home: dict[str, str]) -> None:
    before = os.umask(0o022)
    try:
        load(home)
    finally:
        os.umask(before)
    [path] = folder(home).iterdir()
    assert (folder(home).stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o755, 0o644)


@needs_cc
def test_a_compiler_of_another_version_compiles_anew(
    home: dict[str, str], compiled: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = compilers.find()
    assert compiler is not None
    load(home)
    monkeypatch.setattr(loading, "find", lambda: replace(compiler, version="newer"))
    load(home)
    assert len(set(compiled)) == 2


@needs_cc
def test_changed_sources_are_compiled_anew(
    home: dict[str, str], tmp_path: Path, compiled: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(home)
    for path in loading.SOURCES.glob("*.[ch]"):
        (tmp_path / path.name).write_text(path.read_text() + "\n" * (path.suffix == ".h"))
    monkeypatch.setattr(loading, "SOURCES", tmp_path)
    load(home)
    assert len({path.name for path in compiled}) == 2


@needs_cc
def test_where_no_compiler_is_left_the_library_of_the_same_sources_is_loaded(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(home)
    monkeypatch.setattr(loading, "find", lambda: None)
    assert load(home).compiled is not None


def test_without_a_compiler_the_reference_is_used(home: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "find", lambda: None)
    assert refused(load(home), "neither cc nor the package ziglang is here")


def test_a_compiler_that_fails_is_told_with_its_first_error(
    home: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "cc"
    script.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo broken 1.0 && exit\necho "fatal error: no room" >&2\nexit 1\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(compilers.shutil, "which", lambda name: str(script))
    assert refused(load(home), "no room")
    assert list(folder(home).iterdir()) == []


@needs_cc
def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused(load({"XDG_CACHE_HOME": str(tmp_path / "file")}), "file")


@needs_cc
@pytest.mark.parametrize("left", [0, 2_000, 20_000])
def test_a_library_that_lost_its_end_is_compiled_anew_and_ends_no_process(
    home: dict[str, str], compiled: list[Path], left: int
) -> None:
    load(home)
    [path] = folder(home).iterdir()
    whole = path.read_bytes()
    path.unlink()  # this process has it in its memory
    path.write_bytes(whole[:left])
    path.chmod(0o644)
    assert load(home).compiled is not None
    assert len(compiled) == 2


@needs_cc
def test_a_library_that_cannot_be_loaded_is_told(home: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilers.Compiler, "compile", lambda self, sources, out, scratch: out.write_bytes(b"\x7fELF"))
    assert refused(load(home), folder(home).name)


def test_the_setting_switches_compiled_code_off(home: dict[str, str]) -> None:
    assert refused(load(home | {"KEEPLINE_COMPILED": "off"}), "KEEPLINE_COMPILED=off")
    assert not folder(home).exists()


@needs_cc
def test_a_file_that_others_can_write_is_not_loaded(home: dict[str, str]) -> None:
    load(home)
    [path] = folder(home).iterdir()
    path.chmod(0o664)
    assert refused(load(home), f"{path} can be written by others")


@needs_cc
def test_a_folder_that_others_can_write_is_not_used(home: dict[str, str], compiled: list[Path]) -> None:
    folder(home).mkdir(mode=0o700)
    folder(home).chmod(0o770)
    assert refused(load(home), "can be written by others")
    assert compiled == []


@needs_cc
def test_a_folder_above_that_others_can_write_is_not_used(home: dict[str, str], tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert refused(load(home), f"{tmp_path} can be written by others")
    tmp_path.chmod(0o1777)  # as /tmp: nobody can rename what is not his own
    assert load(home).compiled is not None


@needs_cc
def test_a_link_in_the_place_of_the_file_is_not_followed(home: dict[str, str], tmp_path: Path) -> None:
    load(home)
    [path] = folder(home).iterdir()
    path.rename(tmp_path / "elsewhere.so")
    path.symlink_to(tmp_path / "elsewhere.so")
    assert refused(load(home), "is a symbolic link")


def test_what_belongs_to_another_user_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path.resolve()
    owner = path.stat().st_uid
    assert objection(path) is None
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    monkeypatch.setattr("schemas.native.trust.ADMINISTRATOR", owner + 2)
    assert objection(path) == f"{path} belongs to the user {owner}"


@needs_cc
def test_processes_that_start_at_once_do_not_hurt_each_other(home: dict[str, str]) -> None:
    command = [sys.executable, "-m", "schemas.native"]
    started = [subprocess.Popen(command, env=os.environ | home, stdout=subprocess.PIPE) for _ in range(4)]
    told = {one.communicate()[0] for one in started}
    assert [one.returncode for one in started] == [0] * 4
    assert len(told) == 1
    assert len(list(folder(home).iterdir())) == 1


def test_without_a_home_the_folder_is_the_users_own_among_the_temporary_ones() -> None:
    assert loading.folder_of({}).name == f"keepline-{os.getuid()}"


@needs_cc
def test_c_is_compiled_without_a_warning(tmp_path: Path) -> None:
    compiler = compilers.find()
    assert compiler is not None
    strict = replace(compiler, flags=(*compiler.flags, "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"))
    strict.compile(sorted(loading.SOURCES.glob("*.c")), tmp_path / "strict.so", tmp_path)
