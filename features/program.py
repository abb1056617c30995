"""The features of the catalogue as a list of operations for compiled code: each `Feature.compute`, run once on symbols.

So an entry of the catalogue stays the only thing to write. Compiled code (schemas/native/features.c) takes all
operations for some customers, then for the next ones, with the bits of NumPy. If a feature is computed by anything but
the operations below, there is no program, and NumPy computes all features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from features import day_rings
from features.aggregates import Layout, RecentDays, decays
from features.catalogue import FEATURES
from features.portable_math import Array
from features.regularity import WINDOWS, Regularity
from features.signals import RETAINED
from features.view import View
from schemas.instants import DAY_US
from schemas.native.arrays import at, function

COPY, WHERE, LOG, EXP2_NEGATIVE, RECENT_DAYS = 0, 10, 13, 14, 15  # all of these numbers as in features.c
UFUNCS = {
    np.add: 1, np.subtract: 2, np.multiply: 3, np.true_divide: 4, np.maximum: 5, np.minimum: 6, np.greater: 7,
    np.greater_equal: 8, np.less: 9, np.floor: 11, np.absolute: 12,
}  # fmt: skip
FUNCTIONS = {"log_each": LOG, "exp2_negative_each": EXP2_NEGATIVE}
RESULTS, AT_ONCE = 10, 256  # numbers that RECENT_DAYS gives, customers at once
COLUMN, CONSTANT, RESULT = -1, -2, -3  # what is no operation; a result is one of those of RECENT_DAYS
Node = tuple[Any, ...]  # an operation and the numbers of its operands; or one of these three, and which it is


class Unknown(Exception):
    """A feature is computed by an operation that compiled code does not have."""


class Symbol(NDArrayOperatorsMixin):
    """Stands for numbers of customers: a column, a constant, the result of an operation."""

    def __init__(self, trace: Trace, number: int) -> None:
        self.trace, self.number = trace, number

    def __len__(self) -> int:
        return 1  # of constants: a feature that is the same for all

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Symbol:
        if method != "__call__" or options or ufunc not in UFUNCS:
            raise Unknown(f"{ufunc.__name__} {method} {options}")
        return self.trace.add(UFUNCS[ufunc], *inputs)

    def __array_function__(self, called: Any, types: Any, inputs: Sequence[Any], options: Any) -> Symbol:
        if called is not np.where or options:
            raise Unknown(called.__name__)
        return self.trace.add(WHERE, *inputs)

    def each(self, name: str) -> Symbol:
        """The function of `portable_math` that compiled code has under this name."""
        if name not in FUNCTIONS:
            raise Unknown(name)
        return self.trace.add(FUNCTIONS[name], self)


class Trace:
    """The operations on symbols, each once. The first symbols are the columns of a row, then the instant."""

    def __init__(self, columns: int) -> None:
        self.nodes: list[Node] = [(COLUMN, i) for i in range(columns + 1)]
        self._number: dict[Node, int] = {}

    def symbol(self, node: Node) -> Symbol:
        """The symbol of a node, the same for equal ones."""
        if node not in self._number:
            self._number[node] = len(self.nodes)
            self.nodes.append(node)
        return Symbol(self, self._number[node])

    def add(self, operation: int, *operands: Any) -> Symbol:
        """The result of an operation. operands: symbols and numbers."""
        return self.symbol((operation, *map(self.number, operands)))

    def number(self, operand: Any) -> int:
        """The number of an operand's node."""
        if isinstance(operand, Symbol):
            return operand.number
        constant = np.asarray(operand, np.float64)
        if constant.size != 1:
            raise Unknown(f"an array of {constant.shape}")
        return self.symbol((CONSTANT, constant.tobytes())).number


class TracedView(View):
    """A view whose customers are symbols."""

    def __init__(self, layout: Layout, trace: Trace) -> None:
        symbols: Any = [Symbol(trace, i) for i in range(layout.width + 1)]
        super().__init__(layout, symbols[:-1], symbols[-1])
        self.trace = trace

    @cached_property
    def decayed(self) -> Any:
        """By column, as in `View`."""
        factors = decays((self.at_us - self.block[Layout.REFERENCE]) / DAY_US)
        spans = zip(self.layout.decays, factors, strict=True)
        return {i: self.block[i] * factor for span, factor in spans for i in range(span.start, span.stop)}

    @cached_property
    def regularity(self) -> Regularity:
        """As in `View`, of one operation."""
        first, *others = (self.layout.column[RecentDays(RETAINED, part)] for part in range(day_rings.COLUMNS))
        assert others == list(range(first + 1, first + day_rings.COLUMNS)), "a ring's columns stand together"
        return TracedRegularity(self.trace, first, self.days_since(RETAINED))


class TracedRegularity(Regularity):
    """The numbers that RECENT_DAYS gives; the others are computed from them as in `Regularity`."""

    last_gap = longest_gap = weekday_share = within = None  # type: ignore[assignment]  # they are symbols below

    def __init__(self, trace: Trace, first: int, silent_days: Any) -> None:
        days = trace.symbol((RECENT_DAYS, first, silent_days.number))
        results: list[Any] = [trace.symbol((RESULT, days.number, k)) for k in range(RESULTS)]
        self.silent_days = silent_days
        self._is_regular, self._mean_gap, self._deviation, self.last_gap, self.longest_gap = results[:5]
        self.within, self.weekday_share = results[5 : 5 + len(WINDOWS)], results[-1]


@dataclass(frozen=True)
class Program:
    """operations: (n, 5) of what, to, a, b, c; the places of the last four are those of features.c."""

    operations: NDArray[np.int32]
    constants: Array
    columns: int
    first_constant: int
    places: int

    def run(self, block: Array, at_us: Array) -> Array | None:
        """Returns (features, n); None: compiled code does not take it. block: (columns and more, n); at_us: (n,)."""
        call, block, at_us = function("run_operations"), *map(np.ascontiguousarray, (block, at_us))
        out = np.empty((len(FEATURES), len(at_us)))
        room = np.empty((self.places - self.columns - 1 - len(FEATURES), AT_ONCE))
        operations = at(self.operations), len(self.operations), self.places
        constants = at(self.constants), len(self.constants), self.first_constant
        customers = at(block), self.columns, at(at_us), len(at_us)
        return out if call(*operations, *constants, *customers, at(out), len(FEATURES), at(room)) else None


@cache
def program(layout: Layout) -> Program | None:
    """Returns the program of the catalogue; None without one, and without compiled code."""
    if function("run_operations") is None:
        return None
    trace = Trace(layout.width)
    try:
        view = TracedView(layout, trace)
        wanted = [trace.number(feature.compute(view)) for feature in FEATURES]
    except Unknown:
        return None
    return _program(trace.nodes, wanted, layout.width)


def _program(nodes: Sequence[Node], wanted: Sequence[int], columns: int) -> Program:
    """wanted: the node of each feature."""
    needed = _needed(nodes, wanted)
    work = [i for i in needed if nodes[i][0] >= 0]
    constants = [i for i in needed if nodes[i][0] == CONSTANT]
    place = {i: i for i in range(columns + 1)} | {i: columns + 1 + k for k, i in enumerate(wanted) if i in work}
    places = columns + 1 + len(wanted)
    for ring in (i for i in work if nodes[i][0] == RECENT_DAYS):
        place[ring], places = places, places + RESULTS
    place |= {i: place[nodes[i][1]] + nodes[i][2] for i in needed if nodes[i][0] == RESULT}
    place |= {i: places + k for k, i in enumerate(constants)}
    first_constant, places = places, places + len(constants)
    last = {operand: i for i in work for operand in nodes[i][1:]}
    kept, free, operations = set(place), list[int](), []
    for i in work:
        if i not in place:
            place[i], places = (free.pop(), places) if free else (places, places + 1)
        operands = [place[operand] for operand in nodes[i][1:]]
        operations.append((nodes[i][0], place[i], *operands, *[0] * (3 - len(operands))))
        free += [place[one] for one in sorted(set(nodes[i][1:]) - kept) if last[one] == i]  # read for the last time
    copied = ((columns + 1 + k, place[i]) for k, i in enumerate(wanted))
    operations += [(COPY, to, found, 0, 0) for to, found in copied if to != found]
    numbers = np.array([np.frombuffer(nodes[i][1])[0] for i in constants])
    return Program(np.array(operations, np.int32), numbers, columns, first_constant, places)


def _needed(nodes: Sequence[Node], wanted: Sequence[int]) -> list[int]:
    """The nodes that features need, operands before results."""
    found, left = set[int](), list(wanted)
    while left:
        if (i := left.pop()) not in found:
            found.add(i)
            what, *others = nodes[i]
            left += others if what >= 0 else others[:1] if what == RESULT else []
    return sorted(found)
