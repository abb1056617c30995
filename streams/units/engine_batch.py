"""A batch of the engine: whole ticks, with models, grants, matured observations and dead letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from online_model.snapshot import Snapshot
from schemas.columns import Details, Rows
from schemas.refusals import Refused
from schemas.validation import Mark

Grants = tuple[int, list[dict[str, Any]]]  # instant us, the dispatcher's answers to its candidates


Letter = dict[str, object]  # a dead letter: a refused record with its reason
LetterOf = Callable[[Refused], Letter]


@dataclass
class Batch:
    """What a unit applies at once. `base` and `position`: next offsets before and after it."""

    feed: object
    base: dict[str, int]
    position: dict[str, int]
    until_us: int | None  # None: stream time has not begun, all records so far were refused
    rows: Rows
    details: dict[int, Details] = field(default_factory=dict)  # by the `details` of its row
    letters: list[Letter] = field(default_factory=list)
    too_late: dict[int, Letter] = field(default_factory=dict)  # by the `letter` of its row, should it be refused
    unknown_fields: Counter[str] = field(default_factory=Counter)
    producers: Sequence[str] = ()  # names, by the codes of the rows
    model: Snapshot | None = None
    grants: list[Grants] = field(default_factory=list)
    matured: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # grid instant -> its blocks
    heartbeats: dict[tuple[str, str], list[Mark]] = field(default_factory=dict)  # live: (kind of the source, producer)
    clock_us: int = 0  # live: the clock
    ended: bool = False
    ignored: int = 0  # deletions before the first record of their source

    @property
    def size(self) -> int:
        return len(self.rows)
