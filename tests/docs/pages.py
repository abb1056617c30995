"""The documents of the repository, and what stands in them as code."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from streams.cli import COMMANDS

ROOT = Path(__file__).parents[2]
HISTORY = ("CHANGELOG.md", "DECISIONS.md")  # they may name what is gone
NOT_OURS = {".venv", ".git", "demo-out", "build"}
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("deploy/**/*.md"),
        *ROOT.glob("examples/*/*.md"),
    )
)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")


@cache
def text(page: str) -> str:
    """A page as it is."""
    return (ROOT / page).read_text("utf-8")


def spans(page: str) -> list[str]:
    """What stands between backticks within a line."""
    return SPAN.findall(FENCE.sub("", text(page)))


def code(page: str) -> list[str]:
    """Spans, and lines of blocks without their comments."""
    lines = [line for block in FENCE.findall(text(page)) for line in block.splitlines()[1:-1]]
    return [*spans(page), *(re.sub(r"(^|\s)#.*", "", line) for line in lines)]


@cache
def files() -> frozenset[str]:
    """The files and folders of the tree."""
    found = (path.relative_to(ROOT) for top in ROOT.iterdir() if top.name not in NOT_OURS for path in _below(top))
    return frozenset(path.as_posix() for path in found)


def _below(top: Path) -> Iterator[Path]:
    yield top
    if top.is_dir():
        yield from top.rglob("*")


@cache
def parser(command: str) -> argparse.ArgumentParser:
    """The parser of a command."""
    made = argparse.ArgumentParser(command)
    import_module(COMMANDS[command][0]).configure(made)
    return made


def actions(of: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of a command's actions, by name."""
    found = [one.choices for one in of._actions if isinstance(one, argparse._SubParsersAction)]
    return {name: one for choices in found for name, one in choices.items()}


def flags(of: argparse.ArgumentParser) -> set[str]:
    """The options of a command and of its actions."""
    own = {flag for one in of._actions for flag in one.option_strings}
    return own.union(*(flags(one) for one in actions(of).values()))
