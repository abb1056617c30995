"""Loads a shipped profile or a TOML file, with `--set KEY=VALUE`, and checks it; errors name file and keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import UsageError
from schemas.printable import printable
from schemas.refusals import excerpt
from streams.profile import consistency, layers
from streams.profile.layers import Layer
from streams.profile.overrides import Place, apply, entry_name, no_such_key, places
from streams.profile.profile import Profile


def load_profile(name_or_path: str, overrides: Sequence[str] = ()) -> Profile:
    """Loads a shipped profile by its name, or a TOML file, with `KEY=VALUE` overrides.

    Raises UsageError that names the file, the keys and their values.
    """
    chain = layers.read(name_or_path)
    content = layers.merged(chain)
    known = places(Profile, content)
    apply(overrides, known)
    try:
        profile = Profile.model_validate(content)
    except ValidationError as error:
        sentences = [_sentence(e, content, known) + _source(e, content, chain, overrides) for e in error.errors()]
        raise _usage(name_or_path, sentences) from None
    wrong = [sentence for rule in consistency.RULES for sentence in rule(profile)]
    if wrong:
        raise _usage(name_or_path, wrong)
    return profile


def _usage(name_or_path: str, sentences: Sequence[str]) -> UsageError:
    """One line, whatever names of entries hold."""
    said = printable("; ".join(sentences)).replace("\n", "\\n")
    return UsageError(f"profile {name_or_path}: {said}")


def _source(error: ErrorDetails, content: dict[str, Any], chain: Sequence[Layer], overrides: Sequence[str]) -> str:
    """` (in FILE)` where a value comes from a profile that this one extends."""
    key = _dotted(error["loc"], content)
    source = layers.source_of(key, chain)
    is_set = any(setting.partition("=")[0].strip() == key for setting in overrides)
    return "" if is_set or source == chain[0].source else f" (in {source})"


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
