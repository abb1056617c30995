"""The parameters of a model: what a score is made with, what travels over Kafka, what is stored. JSON, never code."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from features.arithmetic import Array
from features.catalogue import NAMES
from schemas.errors import Failure

FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """The model in force from a grid instant on.

    weights and mean are (features,) in the catalogue's order, of scaled features; mean is that of the active customers,
    against which reasons are given. Until the model is `ready` the prior is
    served (online_model.prior).
    """

    instant_us: int
    version: int
    ready: bool
    prior: float
    horizon_days: float
    intercept: float
    weights: Array
    mean: Array
    labels: int
    auc: float | None
    log_loss: float | None

    def dumps(self) -> bytes:
        """As JSON; `loads` gives back the same bits."""
        body = {name: value for name, value in self.__dict__.items() if name not in ("weights", "mean")}
        body |= {
            "format": FORMAT,
            "features": list(NAMES),
            "weights": self.weights.tolist(),
            "mean": self.mean.tolist(),
        }
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)

    @staticmethod
    def loads(data: bytes) -> Snapshot:
        """Raises Failure for another format or another catalogue of features."""
        body: dict[str, Any] = orjson.loads(data)
        form, names = body.pop("format", None), body.pop("features", None)
        if form != FORMAT:
            raise Failure(f"model snapshot of format {form}, expected {FORMAT}: run the release that wrote it")
        if names != list(NAMES):
            raise Failure(f"model snapshot of another feature catalogue ({len(names)} features, expected {len(NAMES)})")
        body["weights"], body["mean"] = np.array(body["weights"]), np.array(body["mean"])
        return Snapshot(**body)

    @staticmethod
    def initial(prior: float, horizon_days: float) -> Snapshot:
        """What is in force before anything has been learned."""
        nothing = np.zeros(len(NAMES))
        return Snapshot(0, 0, False, prior, horizon_days, 0.0, nothing, nothing, 0, None, None)


def pack_array(array: np.ndarray[Any, Any]) -> str:
    """Little endian bytes as base64; dtype and shape are the reader's to know."""
    return base64.b64encode(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()).decode()


def unpack_array(text: str, dtype: str) -> np.ndarray[Any, Any]:
    """A flat, writable array of what `pack_array` wrote."""
    return np.frombuffer(base64.b64decode(text), np.dtype(dtype).newbyteorder("<")).astype(dtype)
