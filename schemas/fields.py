"""The fields of many objects as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import repeat
from typing import Any

Object = dict[str, Any]
Column = Sequence[Any]


class Fields:
    """Columns of objects; None where an object lacks the field."""

    def __init__(self, objects: Sequence[Object]) -> None:
        self.objects = objects

    def get(self, name: str) -> Column:
        """Returns (objects,) values of a field. One look-up for each object is faster than transposing the objects."""
        return list(map(dict.get, self.objects, repeat(name)))

    @cached_property
    def shapes(self) -> set[tuple[str, ...]]:
        """The different sequences of names."""
        return set(map(tuple, self.objects))

    def unknown(self, known: frozenset[str]) -> Counter[str]:
        """Returns the number of objects with an unknown field, by producer."""
        strange = {shape for shape in self.shapes if not known.issuperset(shape)}
        if not strange:
            return Counter()
        return Counter(str(found.get("producer"))[:128] for found in self.objects if tuple(found) in strange)
