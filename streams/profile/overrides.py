"""`--set KEY=VALUE`: the dotted keys of a profile, and the nearest ones where there is no such key.

An entry of a list of tables is addressed by its name: `tiers.extreme.budget`, `case.windows.7d.saved`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from schemas.errors import UsageError

NAMED_BY = ("name", "within", "cause", "segment")  # the key that names an entry of a list
NEAREST = 3
ALIKE = 0.5  # similarity, 0 to 1, from which on a key is suggested


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a key: `table[key]`, and its type."""

    table: dict[str, Any]
    key: str
    kind: Any


def places(model: type[BaseModel], table: dict[str, Any], prefix: str = "") -> dict[str, Place]:
    """Returns every key that may be set in `table`, dotted; adds missing sub-tables, empty."""
    found: dict[str, Place] = {}
    for name, field in model.model_fields.items():
        key, kind = field.alias or name, field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            inner = table.setdefault(key, {})
            found |= places(kind, inner, f"{prefix}{key}.") if isinstance(inner, dict) else {}
        elif entry := _entry_of(kind):
            for i, inner in enumerate(_tables(table.get(key))):
                found |= places(entry, inner, f"{prefix}{key}.{entry_name(inner, i)}.")
        else:
            found[prefix + key] = Place(table, key, kind)
    return found


def apply(settings: Sequence[str], known: Mapping[str, Place]) -> None:
    """Sets each `KEY=VALUE`. Raises UsageError for an unknown key."""
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip()
        if not equals:
            raise UsageError(f"--set {setting}: expected KEY=VALUE, as in label.horizon=90d")
        if key not in known:
            raise UsageError(f"--set {key}: {no_such_key(key, known)}")
        place = known[key]
        place.table[place.key] = _value(place.kind, text.strip())


def no_such_key(key: str, known: Mapping[str, Place]) -> str:
    """Returns a sentence with the nearest known keys, or with the keys of the table when `key` is a table."""
    inside = [other for other in known if other.startswith(f"{key}.")]
    if inside:
        return f"is a table, not a key; set one of its keys: {', '.join(inside)}"
    near = get_close_matches(key, known, NEAREST, ALIKE)
    roots = dict.fromkeys(other.partition(".")[0] for other in known)
    return f"no such key; {'the nearest: ' if near else 'a profile has: '}{', '.join(near or roots)}"


def entry_name(entry: Any, index: int) -> str:
    """The name of an entry of a list in a dotted key; its index where it has none."""
    names = [str(entry[key]) for key in NAMED_BY if key in entry] if isinstance(entry, dict) else []
    return names[0] if names else str(index)


def _entry_of(kind: Any) -> type[BaseModel] | None:
    """The model of the entries where `kind` is a tuple of tables."""
    first = get_args(kind)[0] if get_origin(kind) is tuple else None
    return first if isinstance(first, type) and issubclass(first, BaseModel) else None


def _tables(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _value(kind: Any, text: str) -> Any:
    """Parses the text; what is no number stays text, so that validation reports it with its type."""
    if kind is str:
        return text
    if get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)
