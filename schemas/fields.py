"""The fields of many objects as columns. Objects of one publisher mostly have the same keys in the same order: then the
columns come from one transposition instead of a look-up a field and object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import repeat
from typing import Any

Object = dict[str, Any]
Column = Sequence[Any]


class Fields:
    """Columns of objects; None where an object lacks the field."""

    def __init__(self, objects: Sequence[Object]) -> None:
        self.objects = objects
        self.shapes = set(map(tuple, objects))
        self._none = (None,) * len(objects)
        self._columns: dict[str, Column] | None = None
        if len(self.shapes) == 1:
            (shape,) = self.shapes
            self._columns = dict(zip(shape, zip(*map(dict.values, objects), strict=True), strict=True))

    def get(self, name: str) -> Column:
        """(objects,) values of a field."""
        if self._columns is not None:
            return self._columns.get(name, self._none)
        return list(map(dict.get, self.objects, repeat(name)))

    def unknown(self, known: frozenset[str]) -> Counter[str]:
        """How many objects have a field that is not known, by producer."""
        strange = {shape for shape in self.shapes if not known.issuperset(shape)}
        if not strange:
            return Counter()
        return Counter(str(found.get("producer"))[:128] for found in self.objects if tuple(found) in strange)
