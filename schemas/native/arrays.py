"""Loops over arrays by compiled code (arrays.c, state_rows.c). Each function returns None, or False, where its caller's
reference in NumPy must do the work: without compiled code, and for what compiled code does not take.
"""

from __future__ import annotations

from base64 import b64decode
from ctypes import POINTER, Structure, addressof, byref, c_char, c_char_p, c_double, c_int, c_int64, c_void_p
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.native.loading import compiled_code

Array = NDArray[np.float64]
Places = NDArray[np.int64]


class Table(Structure):
    """Tabulated functions of `live` features: `online_model.additive_functions.LookupTable`."""

    _fields_ = (
        ("rows", c_void_p), ("is_log", c_void_p), ("sizes", c_void_p), ("least", c_void_p), ("most", c_void_p),
        ("shifts", c_void_p), ("values", c_void_p), ("n_live", c_int64), ("n_values", c_int64), ("steps", c_double),
        ("constant", c_double),
    )  # fmt: skip


ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
VALUE = np.full(256, 64, np.uint32)  # of a character of base64
VALUE[list(ALPHABET)] = np.arange(64)
EACH = (None, c_void_p, c_void_p, c_int64)
SIGNATURES: dict[str, tuple[Any, ...]] = {  # result, arguments
    "log_each": EACH,
    "exp_each": EACH,
    "exp2_negative_each": EACH,
    "sigmoid_each": EACH,
    "scale_each": (None, c_void_p, c_int64, c_int64, c_void_p, c_void_p, c_void_p),
    "log_odds": (c_int64, POINTER(Table), c_void_p, c_int64, c_void_p),
    "binned_log_odds": (
        c_int64,
        c_void_p,
        c_void_p,
        c_int64,
        c_void_p,
        c_int64,
        c_void_p,
        c_void_p,
        *[c_double] * 4,
        c_void_p,
        c_int64,
        c_void_p,
    ),
    "gather_rows": (c_int, c_void_p, c_int64, c_int64, c_int64, c_void_p, c_int64, c_void_p),
    "scatter_rows": (c_int, c_void_p, c_int64, c_int64, c_void_p, c_int64, c_void_p),
    "insert_ids": (None, c_void_p, c_int64, c_void_p, c_int64, c_void_p),
    "checksums": (c_int, c_char_p, c_int64, c_void_p, c_int64, c_int64, c_void_p),
    "copy_rows": (c_int, c_char_p, c_int64, c_void_p, c_int64, c_int64, c_void_p, c_int64, c_void_p),
    "decode_base64": (c_int, c_char_p, c_int64, c_void_p, c_void_p),
    "run_operations": (
        c_int,
        c_void_p,
        c_int64,
        c_int64,
        c_void_p,
        c_int64,
        c_int64,
        c_void_p,
        c_int64,
        c_void_p,
        c_int64,
        c_void_p,
        c_int64,
        c_void_p,
    ),
    "linear": (None, c_void_p, c_int64, c_int64, c_int64, c_void_p, c_double, c_void_p),
    "solve": (None, c_void_p, c_int64, c_void_p),
    "best_step": (
        c_int,
        c_void_p,
        c_int64,
        c_void_p,
        c_void_p,
        c_void_p,
        c_void_p,
        c_int64,
        c_double,
        c_double,
        c_double,
        c_void_p,
        c_int64,
        c_void_p,
    ),
}


@cache
def function(name: str) -> Any:
    """Returns a compiled function, None without compiled code."""
    compiled = compiled_code()
    if compiled is None:
        return None
    found = compiled[name]
    found.restype, *found.argtypes = SIGNATURES[name]
    return found


def each(name: str, x: Any) -> Array | None:
    """Returns a function of each number; x: an array of float64 of any shape, or what stands for one."""
    if type(x) is not np.ndarray:
        symbol: Array | None = x.each(name) if hasattr(x, "each") else None
        return symbol
    call = function(name)
    if call is None or x.dtype != np.float64 or not x.ndim:
        return None
    x = np.ascontiguousarray(x)
    out = np.empty(x.shape)
    call(at(x), at(out), x.size)
    return out


def scaled(raw: Array, is_log: NDArray[np.bool_], sizes: Array) -> Array | None:
    """raw: (features, n), in their units -> (features, n): log(1 + value), or value / size."""
    call, raw, out = function("scale_each"), np.ascontiguousarray(raw), np.empty(raw.shape)
    if call is None:
        return None
    call(at(raw), *raw.shape, at(is_log), at(sizes), at(out))
    return out


def log_odds(table: Table, raw: Array) -> Array | None:
    """raw: (features, n) -> (n,)."""
    call = function("log_odds")
    if call is None or not raw.flags.c_contiguous:
        return None
    z = np.empty(raw.shape[1])
    return None if call(byref(table), at(raw), len(z), at(z)) else z


def binned_log_odds(
    height: Array, rise: Array, live: Places, low: Array, high: Array, constants: tuple[float, float, float, float],
    x: Array,
) -> Array | None:  # fmt: skip
    """Returns (n,) log-odds of functions that are linear within a bin. constants: the sum's, the step of the grid, the
    lowest bin's left end and a bin's width; x: (features, n).
    """
    call, z = function("binned_log_odds"), np.empty(x.shape[1])
    if call is None or not x.flags.c_contiguous:
        return None
    height, rise, low, high = (np.ascontiguousarray(one) for one in (height, rise, low, high))
    places = np.ascontiguousarray(live, np.int64)
    functions = at(height), at(rise), height.shape[1], at(places), len(places), at(low), at(high)
    return None if call(*functions, *constants, at(x), len(z), at(z)) else z


def gather(rows: Array, slots: Places) -> Array | None:
    """Returns rows as columns: (columns, slots). rows: of contiguous numbers, such as some columns of a table."""
    call, slots = function("gather_rows"), np.ascontiguousarray(slots, np.int64)
    (n, width), (stride, size) = rows.shape, rows.strides
    if call is None or size != rows.itemsize or stride % size or stride < width * size:
        return None
    block = np.empty((width, len(slots)))
    return block if call(at(rows), n, stride // size, width, at(slots), len(slots), at(block)) else None


def scatter(rows: Array, slots: Places, block: Array) -> bool:
    """Writes back what `gather` gave."""
    call, slots, block = function("scatter_rows"), np.ascontiguousarray(slots, np.int64), np.ascontiguousarray(block)
    return bool(call and call(at(rows), *rows.shape, at(slots), len(slots), at(block)))


def insert(table: NDArray[np.uint64], ids: NDArray[np.uint64]) -> NDArray[np.bool_] | None:
    """Puts ids into an open table with room for them -> (ids,): which were not in it, of equal ones the first."""
    call, ids = function("insert_ids"), np.ascontiguousarray(ids)
    if call is None:
        return None
    new = np.empty(len(ids), np.bool_)
    call(at(table), len(table), at(ids), len(ids), at(new))
    return new


def checksums(data: bytes, places: Places, size: int) -> NDArray[np.uint32] | None:
    """Returns the CRC-32 of `size` bytes from each place on."""
    call, places = function("checksums"), np.ascontiguousarray(places, np.int64)
    sums = np.empty(len(places), np.uint32)
    return sums if call and call(data, len(data), at(places), len(places), size, at(sums)) else None


def copy(data: bytes, places: Places, rows: Array, slots: Places) -> bool:
    """Copies a row's bytes from each place to the row of each slot, in this order."""
    call, (places, slots) = function("copy_rows"), (np.ascontiguousarray(one, np.int64) for one in (places, slots))
    if call is None or not rows.flags.c_contiguous:
        return False
    size = rows.shape[1] * rows.itemsize
    return bool(call(data, len(data), at(places), len(places), size, at(rows), len(rows), at(slots)))


def decoded(text: str) -> NDArray[np.uint8] | None:
    """Returns what base64 says."""
    call, ascii_ = function("decode_base64"), text.encode()
    groups, rest = divmod(len(ascii_), 4)
    if call is None or rest or not groups:
        return None
    try:
        last = b64decode(ascii_[-4:], validate=True)  # it may be shorter
    except ValueError:
        return None
    found = np.empty(3 * (groups - 1) + len(last), np.uint8)
    found[len(found) - len(last) :] = np.frombuffer(last, np.uint8)
    return found if call(ascii_, groups - 1, at(VALUE), at(found)) else None


def linear(columns: Array, weights: Array, intercept: float) -> Array | None:
    """columns: (features, n) -> (n,): intercept + the weighted sum of the columns, in their order."""
    call, (features, n) = function("linear"), columns.shape
    stride, size = columns.strides
    if call is None or size != columns.itemsize or stride % size or stride < 0:
        return None
    z, weights = np.empty(n), np.ascontiguousarray(weights)
    call(at(columns), stride // size, features, n, at(weights), intercept, at(z))
    return z


def solve(matrix: Array, right: Array) -> Array | None:
    """Returns matrix^-1 right, by elimination."""
    call = function("solve")
    if call is None:
        return None
    a, x = np.column_stack([matrix, right]), np.empty(len(right))
    call(at(a), len(x), at(x))
    return x


def best_step(
    bins: Places, gradient: Array, curvature: Array, z: Array, splits: Places, limits: tuple[float, float, float],
    table: Array,
) -> bool:  # fmt: skip
    """Fills `table`, (bins,), with the best step of a feature, and moves z and gradient by it, all (n,) and contiguous.
    limits: precision, rate and the largest step.
    """
    call = function("best_step")
    room = np.empty(2 * len(table))
    return bool(
        call
        and call(
            at(bins), len(bins), at(gradient), at(curvature), at(z), at(splits), len(splits), *limits, at(room),
            len(table), at(table),
        )
    )  # fmt: skip


def at(array: NDArray[Any]) -> int:
    """The address of an array's first number."""
    of: Any = array
    try:
        return addressof(c_char.from_buffer(of))  # a quarter of the time of the other
    except (TypeError, ValueError):  # read-only, without numbers, or not contiguous
        place: int = array.ctypes.data
        return place
