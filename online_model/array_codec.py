"""Arrays as text, without loss of a bit."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.native import arrays


def pack_array(array: NDArray[Any]) -> str:
    """Returns little endian bytes as base64; dtype and shape are not stored."""
    return base64.b64encode(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()).decode()


def unpack_array(text: str, dtype: str) -> NDArray[Any]:
    """Returns the flat, writable array that `pack_array` wrote."""
    found = arrays.decoded(text)
    numbers = np.frombuffer(base64.b64decode(text), np.uint8).copy() if found is None else found
    return numbers.view(np.dtype(dtype).newbyteorder("<")).astype(dtype, copy=False)


def pack(array: NDArray[Any]) -> dict[str, Any]:
    """Packs a sparse float64 or int64 array: only values other than 0 are written."""
    flat = array.ravel()
    (places,) = np.nonzero(flat)
    return {
        "size": len(flat),
        "dtype": array.dtype.str[1:],
        "places": pack_array(np.diff(places, prepend=0).astype(np.int32)),
        "values": pack_array(flat[places]),
    }


def grown(array: NDArray[Any], rows: int, fill: float = 0.0) -> NDArray[Any]:
    """Returns the array with rows of `fill` behind its own: of features that the writer's catalogue did not have."""
    more = np.full((rows - len(array), *array.shape[1:]), fill, array.dtype)
    return np.concatenate([array, more])


def unpack(body: dict[str, Any]) -> NDArray[Any]:
    """Returns the flat array that `pack` wrote."""
    flat = np.zeros(body["size"], body["dtype"])
    flat[np.cumsum(unpack_array(body["places"], "i4"))] = unpack_array(body["values"], body["dtype"])
    return flat
