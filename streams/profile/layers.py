"""A profile and what it extends: reads the files and merges them, so that a profile names only what differs.

`extends = "e-commerce"` names a shipped profile, or a TOML file relative to the one that names it.

| in both         | result                                                                                    |
|-----------------|-------------------------------------------------------------------------------------------|
| a table         | merged key by key                                                                         |
| a list of tables| merged by the key that names an entry (`overrides.NAMED_BY`): an entry of the same name is|
|                 | merged in its place, a new one is appended; an empty list drops all                       |
| any other value | replaced                                                                                  |

`name` is not taken over: messages carry it, so another policy needs another name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import UsageError
from schemas.refusals import excerpt
from streams.profile.overrides import NAMED_BY, entry_name

SHIPPED_IN = Path(__file__).parent / "shipped"
EXTENDS = "extends"
DEEPEST = 5  # parts of a key: case.windows.7d.saved has four
Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """One file: `source` as the command line or the file above names it."""

    source: str
    content: Content


def shipped() -> list[str]:
    """The names of the profiles that come with the package."""
    return sorted(path.stem for path in SHIPPED_IN.glob("*.toml"))


def read(name_or_path: str) -> list[Layer]:
    """Returns the profile, then the one that it extends, and so on. Raises UsageError that names the file."""
    about, source, folder = f"profile {name_or_path}: ", name_or_path, Path()
    layers: list[Layer] = []
    paths: list[Path] = []
    while True:
        path, content = _parsed(about, SHIPPED_IN / f"{source}.toml" if source in shipped() else folder / source)
        if path in paths:
            raise UsageError(f"{about}it extends itself; the last profile of a chain extends none")
        base = content.pop(EXTENDS, None)
        layers.append(Layer(source, content))
        paths.append(path)
        if base is None:
            return layers
        about = f"profile {source}: {EXTENDS} = {excerpt(base)}: "
        if not isinstance(base, str) or not base:
            raise UsageError(f"{about}expected a TOML file or a shipped name: {', '.join(shipped())}")
        source, folder = base, path.parent


def merged(layers: Sequence[Layer]) -> Content:
    """Returns the content of all files together; the first layer overrides those behind it. Raises UsageError."""
    *others, base = [layer.content for layer in layers]
    try:
        for over in reversed(others):
            base = _merge({key: value for key, value in base.items() if key != "name"}, over)
    except RecursionError:
        raise UsageError(_nested(f"profile {layers[0].source}: ")) from None
    return base


def source_of(key: str, layers: Sequence[Layer]) -> str:
    """Returns the source of the first layer that has the dotted key, else the longest part of it that one has."""
    while key:
        for layer in layers:
            if key in _dotted(layer.content):
                return layer.source
        key = key.rpartition(".")[0]
    return layers[0].source


def _parsed(about: str, path: Path) -> tuple[Path, Content]:
    try:
        return path.resolve(), tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise UsageError(
            f"{about}cannot be read ({error.strerror}); give a TOML file or a shipped name: {', '.join(shipped())}"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{about}not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except ValueError as error:  # also of numbers with thousands of digits, which tomllib does not turn into its own
        raise UsageError(f"{about}not TOML: {error}") from None
    except RecursionError:
        raise UsageError(_nested(about)) from None


def _nested(about: str) -> str:
    return f"{about}is nested too deep; expected tables as in a shipped profile"


def _merge(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return base | {key: _merge(base[key], value) if key in base else value for key, value in over.items()}
    if over and _names(base) and _names(over):
        return _merge_entries(base, over)
    return over


def _merge_entries(base: list[Content], over: list[Content]) -> list[Content]:
    found, names = list(base), _names(base)
    for entry, name in zip(over, _names(over), strict=True):
        if name in names:
            place = names.index(name)
            found[place], names[place] = _merge(found[place], entry), ""  # a second one of the name is an error: append
        else:
            found.append(entry)
    return found


def _names(entries: Any) -> list[str]:
    """The names of the entries of a list of tables; [] where it is none or an entry has no name."""
    tables = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    named = tables and all(any(key in entry for key in NAMED_BY) for entry in entries)
    return [entry_name(entry, i) for i, entry in enumerate(entries)] if named else []


def _dotted(value: Any, prefix: str = "", depth: int = DEEPEST) -> Iterator[str]:
    """Every key, dotted, in the form that `--set` takes."""
    inside = list(value.items()) if isinstance(value, dict) else []
    if isinstance(value, list):
        inside = [(entry_name(entry, i), entry) for i, entry in enumerate(value)]
    for key, inner in inside if depth else []:
        yield prefix + key
        yield from _dotted(inner, f"{prefix}{key}.", depth - 1)
