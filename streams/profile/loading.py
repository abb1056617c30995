"""Loads a shipped profile or a TOML file, with `--set KEY=VALUE`, and checks it; errors name file and keys."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import UsageError
from schemas.refusals import excerpt
from streams.profile import consistency
from streams.profile.overrides import Place, apply, entry_name, no_such_key, places
from streams.profile.profile import Profile

SHIPPED_IN = Path(__file__).parent / "shipped"


def shipped() -> list[str]:
    """The names of the profiles that come with the package."""
    return sorted(path.stem for path in SHIPPED_IN.glob("*.toml"))


def load_profile(name_or_path: str, overrides: Sequence[str] = ()) -> Profile:
    """Loads a shipped profile by its name, or a TOML file, with `KEY=VALUE` overrides.

    Raises UsageError that names the file, the keys and their values.
    """
    content = _read(name_or_path)
    known = places(Profile, content)
    apply(overrides, known)
    try:
        profile = Profile.model_validate(content)
    except ValidationError as error:
        raise _usage(name_or_path, [_sentence(e, content, known) for e in error.errors()]) from None
    wrong = [sentence for rule in consistency.RULES for sentence in rule(profile)]
    if wrong:
        raise _usage(name_or_path, wrong)
    return profile


def _usage(name_or_path: str, sentences: Sequence[str]) -> UsageError:
    return UsageError(f"profile {name_or_path}: {'; '.join(sentences)}")


def _read(name_or_path: str) -> dict[str, Any]:
    is_shipped = name_or_path in shipped()
    path = SHIPPED_IN / f"{name_or_path}.toml" if is_shipped else Path(name_or_path)
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        names = ", ".join(shipped())
        raise UsageError(
            f"profile {name_or_path}: cannot be read ({error.strerror}); give a TOML file or a shipped name: {names}"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"profile {name_or_path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except ValueError as error:  # also of numbers with thousands of digits, which tomllib does not turn into its own
        raise UsageError(f"profile {name_or_path}: not TOML: {error}") from None
    except RecursionError:
        raise UsageError(
            f"profile {name_or_path}: is nested too deep; expected tables as in a shipped profile"
        ) from None


def _sentence(error: ErrorDetails, content: dict[str, Any], known: dict[str, Place]) -> str:
    key = _dotted(error["loc"], content)
    if error["type"] == "extra_forbidden":
        return f"{key}: {no_such_key(key, known)}"
    if error["type"] == "missing":
        return f"{key}: missing; the shipped profiles have an example"
    message = error["msg"].replace("Input should be", "expected")
    return f"{key} = {_shown(error['input'])}: {message}"


def _shown(value: Any) -> str:
    """Returns an excerpt; a number of thousands of digits and a value nested too deep have none."""
    try:
        return excerpt(value)
    except (ValueError, RecursionError):
        return "a value that is too large to show"


def _dotted(loc: Sequence[int | str], content: Any) -> str:
    """The key in the form that `--set` takes: entries of lists by their names."""
    parts = []
    for step in loc:
        inside = isinstance(content, dict) or (isinstance(step, int) and isinstance(content, list))
        content = content[step] if inside and (isinstance(step, int) or step in content) else None
        parts.append(entry_name(content, step) if isinstance(step, int) else step)
    return ".".join(parts)
